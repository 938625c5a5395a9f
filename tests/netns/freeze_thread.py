#!/usr/bin/python3
"""Stops one thread of a process, by its name, until this program is killed: as a thread that hangs in the kernel.

  freeze_thread.py PID NAME
"""

import contextlib
import ctypes
import os
import sys

PTRACE_SEIZE, PTRACE_INTERRUPT = 0x4206, 0x4207
WALL = 0x40000000  # threads, too


def thread_of(pid, name):
    for task in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{task}/comm", encoding="utf-8") as comm:
            if comm.read().strip() == name:
                return int(task)
    sys.exit(f"process {pid} has no thread {name}")


def main():
    pid, name = int(sys.argv[1]), sys.argv[2]
    thread = thread_of(pid, name)
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    for request in (PTRACE_SEIZE, PTRACE_INTERRUPT):
        if libc.ptrace(request, thread, None, None) != 0:
            sys.exit(os.strerror(ctypes.get_errno()))
    os.waitpid(thread, WALL)
    print("frozen", flush=True)
    # Its end is told to us first, and to nobody before we have taken note.
    with contextlib.suppress(ChildProcessError):
        while True:
            os.waitpid(thread, WALL)


if __name__ == "__main__":
    main()
