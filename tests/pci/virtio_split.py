#!/usr/bin/python3
"""A director on virtio NICs with split rings."""

import pci_test


class VirtioSplit(pci_test.PciTest):
    KINDS = ("virtio_split_1q_vfio", "virtio_split_1q_uio", "virtio_split_4q_vfio",
             "virtio_split_4q_uio")


pci_test.main(__name__)
