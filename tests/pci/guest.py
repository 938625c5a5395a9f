"""A small machine under QEMU's emulation whose root is the machine's own, with PCI NICs on TAPs.

The guest sees every file of the machine, read-only under a layer in memory, and one folder that both
write: the lab's, under the same path. Its agent (agent.cc) runs commands.
"""

import json
import os
import select
import shlex
import shutil
import signal
import socket
import subprocess
import time

import initramfs
from ballast_lab.errors import LabError
from ballast_lab.processes import Process, wait_until

QEMU = "qemu-system-x86_64"
CPUS = 4  # one for the kernel and the control plane, three workers
MEMORY_MB = 1500
HUGEPAGES = 170
BOOT_TIMEOUT = 300  # of a machine whose CPUs others use as well; 10 to 20 s when it is idle
COMMAND_TIMEOUT = 120


def missing():
    """Why no guest can run here, or None."""
    if shutil.which(QEMU) is None:
        return f"{QEMU} is not installed"
    try:
        initramfs.newest_kernel()
    except LabError as error:
        return str(error)
    return None


class Guest:
    """`start`, `run` commands, `stop`. `folder` is shared with it; `devices` are arguments of QEMU."""

    def __init__(self, folder, agent, devices):
        self.folder = folder
        self._own = f"{folder}/guest"
        self._agent = agent
        self._devices = devices
        self._qemu = None
        self._port = None
        self._received = b""
        self._last_id = 0
        self._ended = {}  # command's id: its status

    # ---- life

    def start(self, host):
        """Boots on a host of the lab, whose TAPs it uses. Returns the process, which may be recorded."""
        os.makedirs(f"{self.folder}/commands", exist_ok=True)
        os.makedirs(self._own, exist_ok=True)
        image, release = initramfs.newest_kernel()
        initramfs.make(self._agent, release, f"{self._own}/initramfs")
        self._qemu = Process.start("guest", host.argv(*self._argv(image)), f"{self._own}/qemu.log")
        return self._qemu

    def _argv(self, image):
        boot = f"console=ttyS0 quiet panic=-1 mitigations=off hugepages={HUGEPAGES} BALLAST_SHARED={self.folder}"
        shares = []
        for tag, path, options in (("root", "/", "readonly=on,multidevs=remap"),
                                   ("shared", self.folder, "multidevs=remap")):
            shares += ["-fsdev", f"local,id={tag},path={path},security_model=none,{options}",
                       "-device", f"virtio-9p-pci,fsdev={tag},mount_tag={tag}"]
        return [QEMU, "-nodefaults", "-no-reboot", "-display", "none",
                "-machine", "q35,kernel-irqchip=split", "-accel", "tcg,thread=multi", "-cpu", "max",
                "-smp", str(CPUS), "-m", str(MEMORY_MB),
                "-device", "intel-iommu,intremap=on,caching-mode=on,device-iotlb=on",
                "-kernel", image, "-initrd", f"{self._own}/initramfs", "-append", boot,
                "-serial", f"file:{self.console}",
                "-serial", f"unix:{self._own}/agent,server=on,wait=off",
                "-qmp", f"unix:{self._own}/monitor,server=on,wait=off",
                *shares, *self._devices]

    @property
    def console(self):
        return f"{self._own}/console.log"

    def wait_ready(self, timeout=BOOT_TIMEOUT):
        self._port = socket.socket(socket.AF_UNIX)
        self._connect(self._port, "agent")
        deadline = time.monotonic() + timeout
        while self._line(deadline, "boot") != "ready:":
            pass
        self.run("modprobe -a vfio-pci uio_pci_generic tun 8021q")

    def _connect(self, sock, name):
        def connected():
            self._assert_running()
            return sock.connect_ex(f"{self._own}/{name}") == 0
        wait_until(connected, 30, f"QEMU to open {name}")

    def running(self):
        return self._qemu is not None and self._qemu.running()

    def _assert_running(self):
        if not self._qemu.running():
            raise LabError(f"the guest ended:\n{self.log_tail()}")

    def log_tail(self):
        text = ""
        for name in ("qemu.log", "console.log"):
            try:
                with open(f"{self._own}/{name}", encoding="utf-8", errors="replace") as log:
                    text += f"--- {name}\n{log.read()[-4000:]}\n"
            except FileNotFoundError:
                pass
        return text

    def stop(self):
        if self._port is not None:
            self._port.close()
        if self._qemu is not None:
            self._qemu.kill()

    # ---- commands

    def _line(self, deadline, what):
        """The agent's next line."""
        while b"\n" not in self._received:
            left = deadline - time.monotonic()
            if left <= 0:
                raise LabError(f"the guest took too long for: {what}\n{self.log_tail()}")
            self._assert_running()
            if select.select([self._port], [], [], min(left, 1))[0]:
                received = self._port.recv(4096)
                if not received:
                    self._qemu.wait(10)  # it has closed the port on its way out
                self._received += received
        line, self._received = self._received.split(b"\n", 1)
        return line.decode(errors="replace").strip()

    def _collect(self, deadline, what):
        name, _, status = self._line(deadline, what).partition(" ")
        if name.isdigit() and status.isdigit():
            self._ended[name] = os.waitstatus_to_exitcode(int(status))

    def start_command(self, command):
        """Returns the command's id; it goes on by itself."""
        self._last_id += 1
        try:
            self._port.sendall(f"{self._last_id} {command}\n".encode())
        except BrokenPipeError:
            raise LabError(f"the guest ended:\n{self.log_tail()}") from None
        return str(self._last_id)

    def status(self, command_id):
        """None while the command runs."""
        while b"\n" in self._received or select.select([self._port], [], [], 0)[0]:
            self._collect(time.monotonic() + 10, f"command {command_id}")
        self._assert_running()
        return self._ended.get(command_id)

    def output(self, command_id):
        with open(f"{self.folder}/commands/{command_id}.out", encoding="utf-8", errors="replace") as out:
            return out.read()

    def finish(self, command, timeout=COMMAND_TIMEOUT):
        """Runs a line of shell to its end; (exit status, output)."""
        deadline = time.monotonic() + timeout
        command_id = self.start_command(command)
        while command_id not in self._ended:
            self._collect(deadline, command)
        return self._ended[command_id], self.output(command_id)

    def run(self, command, timeout=COMMAND_TIMEOUT):
        """The output; LabError when it fails."""
        status, output = self.finish(command, timeout)
        if status != 0:
            raise LabError(f"in the guest: {command}: exit {status}: {output[-2000:].strip()}")
        return output

    def monitor(self, execute, **arguments):
        """A command of QEMU's monitor (QMP); what it returns."""
        with socket.socket(socket.AF_UNIX) as sock:
            self._connect(sock, "monitor")
            sock.settimeout(30)
            with sock.makefile("rw", encoding="utf-8") as lines:
                lines.readline()  # the greeting
                for command in ({"execute": "qmp_capabilities"},
                                {"execute": execute, "arguments": arguments}):
                    lines.write(json.dumps(command) + "\n")
                    lines.flush()
                    answer = json.loads(lines.readline())
                    while "event" in answer:
                        answer = json.loads(lines.readline())
        if "error" in answer:
            raise LabError(f"QEMU: {execute}: {answer['error']['desc']}")
        return answer["return"]


class GuestProcess:
    """A daemon in the guest, with what the lab asks of a Process."""

    def __init__(self, name, guest, argv, log_path):
        self.name = name
        self.ignored_stop = False
        self._guest = guest
        self._pid_file = f"{guest.folder}/{name}.pid"
        self._id = guest.start_command(f"echo $$ > {self._pid_file}; exec {shlex.join(argv)} >> {log_path} 2>&1")

    def record(self):
        return {"name": self.name, "pid": 0, "started": None}

    def exit_status(self):
        if not self._guest.running():
            return -signal.SIGKILL
        return self._guest.status(self._id)

    def running(self):
        return self.exit_status() is None

    def signal(self, number):
        if self.running():
            self._guest.finish(f"kill -{int(number)} $(cat {self._pid_file})")

    def signal_group_kill(self):
        self.signal(signal.SIGKILL)

    def wait(self, timeout):
        wait_until(lambda: not self.running(), timeout, f"{self.name} to end in the guest")
        return self.exit_status()

    def stop(self, timeout=60):
        if not self.running():
            return
        self.signal(signal.SIGTERM)
        try:
            self.wait(timeout)
        except TimeoutError:
            self.ignored_stop = True
            self.kill()

    def kill(self):
        self.signal(signal.SIGKILL)
        self.wait(30)
