#!/usr/bin/python3
"""A director on the other NICs that QEMU has: vmxnet3, e1000, e1000e."""

import pci_test


class Others(pci_test.PciTest):
    KINDS = ("vmxnet3", "e1000", "e1000e")


pci_test.main(__name__)
