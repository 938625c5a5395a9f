#!/usr/bin/python3
"""A director on virtio NICs with packed rings."""

import pci_test


class VirtioPacked(pci_test.PciTest):
    KINDS = ("virtio_packed_1q_vfio", "virtio_packed_1q_uio", "virtio_packed_4q_vfio",
             "virtio_packed_4q_uio")


pci_test.main(__name__)
