"""The guest's initial file system: the agent and the kernel modules that it needs to reach its root."""

import glob
import os
import re

from ballast_lab.errors import LabError

# What mounts the machine's own files (9p over virtio) with a layer in memory above them.
_WANTED = ("virtio_pci", "9pnet_virtio", "9p", "overlay")


def newest_kernel():
    """(image, release) of the newest kernel whose image and modules are installed."""
    found = []
    for image in glob.glob("/boot/vmlinuz-*"):
        release = image.removeprefix("/boot/vmlinuz-")
        if os.path.exists(f"/lib/modules/{release}/modules.dep"):
            found.append(([int(number) for number in re.findall(r"\d+", release)], image, release))
    if not found:
        raise LabError("no kernel in /boot with modules in /lib/modules; scripts/install-deps installs one")
    _, image, release = max(found)
    return image, release


def modules_in_order(release):
    """Paths below /lib/modules/RELEASE, each after those that it depends on. A module that is built in
    is in none of them."""
    dependencies = {}
    with open(f"/lib/modules/{release}/modules.dep", encoding="utf-8") as lines:
        for line in lines:
            module, _, needs = line.partition(":")
            dependencies[os.path.basename(module).removesuffix(".ko")] = [module, *needs.split()]
    order = {}
    for name in _WANTED:
        order.update(dict.fromkeys(reversed(dependencies.get(name, []))))
    return list(order)


def _entry(name, mode, data=b"", device=(0, 0)):
    """A file in the form of cpio's newc: 13 numbers of eight digits, the name, the content."""
    path = name.encode() + b"\0"
    numbers = (0, mode, 0, 0, 1, 0, len(data), 0, 0, *device, len(path), 0)
    head = b"070701" + b"".join(b"%08X" % number for number in numbers) + path
    return head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)


def make(agent, release, path):
    """Writes the archive; the kernel runs `agent` from it."""
    with open(agent, "rb") as file:
        entries = [_entry("dev", 0o040755), _entry("dev/console", 0o020600, device=(5, 1)),
                   _entry("init", 0o100755, file.read()), _entry("modules", 0o040755)]
    names = []
    for module in modules_in_order(release):
        names.append(f"/modules/{os.path.basename(module)}")
        with open(f"/lib/modules/{release}/{module}", "rb") as file:
            entries.append(_entry(names[-1][1:], 0o100644, file.read()))
    entries.append(_entry("modules/order", 0o100644, "\n".join(names).encode()))
    with open(path, "wb") as out:
        out.write(b"".join(entries) + _entry("TRAILER!!!", 0))
