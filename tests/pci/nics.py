"""What is tried: the NICs of the guests, the behaviours, and what is known not to work."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Nic:
    """A kind of NIC as QEMU emulates it, and the kernel driver through which DPDK has it."""

    model: str
    options: str = ""
    queues: int = 1
    kernel_driver: str = "vfio-pci"


def _virtio(packed, queues, kernel_driver):
    options = f"packed={'on' if packed else 'off'}"
    if queues > 1:
        # One interrupt for each queue, one for the configuration, one for the control queue.
        options += f",mq=on,vectors={2 * queues + 2}"
    if kernel_driver == "vfio-pci":
        options += ",disable-legacy=on,iommu_platform=on"
    return Nic("virtio-net-pci", options, queues, kernel_driver)


NICS = {f"virtio_{ring}_{queues}q_{short}": _virtio(ring == "packed", queues, kernel_driver)
        for ring in ("split", "packed") for queues in (1, 4)
        for short, kernel_driver in (("vfio", "vfio-pci"), ("uio", "uio_pci_generic"))}
NICS |= {"vmxnet3": Nic("vmxnet3"), "e1000": Nic("e1000"), "e1000e": Nic("e1000e")}

# In the order in which they are tried: those of one configuration stand together, because each other
# one starts the director anew.
BEHAVIOURS = ("nat", "dr", "vlan", "workers_2", "link", "kill", "workers_1", "workers_3", "vrrp", "jumbo")

# {(nic, behaviour): reason}. The test fails when one of them begins to work: then its line goes.
FAILS = {
    ("vmxnet3", "workers_2"): "it is not verified how many of the queues that the driver reports the device has",
    ("vmxnet3", "workers_3"): "the driver takes powers of two only, and the data plane does not ask for fewer",
    ("e1000", "workers_2"): "the driver reports two queues, and the device has one",
    ("e1000", "workers_3"): "the driver reports two queues, and the device has one",
    ("e1000e", "workers_2"): "the driver reports two queues, and the device has one",
    ("e1000e", "workers_3"): "the driver reports two queues, and the device has one",
}
