#!/usr/bin/python3
"""Start and stop: any order, VIPs announced and taken away, nothing left behind."""

import os
import socket

import harness
from ballast_lab.topology import DR_VIP, NAT_VIP


class Lifecycle(harness.LabTest):
    SERVERS = 1

    def setUp(self):
        super().setUp()
        self.allow_drops("next_hop_unresolved", "no_real_server")

    def stop(self, name):
        process = self.lab.processes[name]
        process.stop(timeout=30)
        self.assertEqual(process.exit_status(), 0, self.lab.log_text(name)[-2000:])

    def addresses(self, interface):
        return self.host("lb1").ip("-o", "address", "show", "dev", interface)

    def assert_works(self):
        for vip in (NAT_VIP, DR_VIP):
            self.assertEqual(self.fetch("c1", f"http://{vip}/", timeout=20), b"s1\n")

    def test_vips_are_announced(self):
        self.stop("lb-controlplane")
        with self.host("router").inside():
            sniffer = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0806))
        with sniffer:
            sniffer.bind(("wan", 0x0806))
            sniffer.settimeout(0.2)
            self.lab.start_controlplane()
            mac = self.host("lb1").mac("wan")
            missing = {NAT_VIP, DR_VIP}

            def announced():
                try:
                    frame = sniffer.recv(2000)
                except TimeoutError:
                    return False
                sender, target = socket.inet_ntoa(frame[28:32]), socket.inet_ntoa(frame[38:42])
                if sender == target and frame[22:28].hex(":") == mac:
                    missing.discard(sender)
                return not missing

            self.wait(announced, "gratuitous ARP for both VIPs")
        self.lab.wait_servers_up()

    def test_stopped_control_plane_takes_the_vips_away(self):
        self.assertIn(NAT_VIP, self.addresses("wan"))
        self.stop("lb-controlplane")
        for vip in (NAT_VIP, DR_VIP):
            self.assertNotIn(vip, self.addresses("wan"))
        self.assertFalse(os.path.exists(f"{self.lab.run_dir()}/controlplane.sock"))
        self.lab.start_controlplane()
        for vip in (NAT_VIP, DR_VIP):
            self.wait(lambda vip=vip: vip in self.addresses("wan"), f"{vip} to be back")
        self.assert_works()

    def test_stopped_data_plane_leaves_no_interface(self):
        self.stop("lb-dataplane")
        links = self.host("lb1").ip("-o", "link")
        for interface in ("wan", "lan"):
            self.assertNotIn(f" {interface}:", links)
        self.assertFalse(os.path.exists(f"{self.lab.run_dir()}/dataplane.sock"))
        self.lab.start_dataplane()
        self.lab.wait_servers_up()
        self.assert_works()

    def test_control_plane_first(self):
        self.stop("lb-controlplane")
        self.stop("lb-dataplane")
        self.lab.start_controlplane()
        self.wait(lambda: self.lab.processes["lb-controlplane"].running(), "the control plane")
        self.lab.start_dataplane()
        self.lab.wait_servers_up()
        self.assert_works()

    def test_second_instance_is_refused(self):
        for name in ("lb-dataplane", "lb-controlplane"):
            with self.subTest(name=name):
                argv = [f"{self.lab.build}/{name}", "--config", self.lab.config_path]
                self.assertNotIn(harness.exit_status(self.host("lb1").argv(*argv)), (0, 2))
                self.assertTrue(self.lab.processes[name].running())
        self.assert_works()

    def test_sockets_are_for_root(self):
        """Without admin_group; access.py has one."""
        for name in ("dataplane", "controlplane"):
            mode = os.stat(f"{self.lab.run_dir()}/{name}.sock").st_mode & 0o777
            self.assertEqual(mode, 0o600)


harness.main(__name__)
