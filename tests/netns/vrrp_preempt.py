#!/usr/bin/python3
"""keepalived as the other director, and one of the two may not preempt: who is master stays it,
though the other one is better, and leaves it by resigning."""

import harness
from vrrp_routers import ADVERTS_IN_PEACE, BALLAST, HIGHER, KEEPALIVED, LOWER, Life, RoutersTest


class VrrpPreempt(RoutersTest):
    def test_without_preemption_keepalived_stays_master(self):
        self.stop_ballast()
        life = Life(self)
        life.start_keepalived(LOWER)
        life.wait_keepalived_master(ballast_runs=False)
        self.start_ballast(preempt=False)
        self.wait(self.all_received_often, "enough adverts of keepalived")
        life.wait_turns(KEEPALIVED)

        life.stop_keepalived()
        life.wait_ballast_master()
        adverts = life.wait_turns(KEEPALIVED, BALLAST)
        life.assert_resigned(adverts, KEEPALIVED)
        self.stop_ballast()
        self.start_ballast()
        life.wait_ballast_master()

    def test_without_preemption_of_keepalived_ballast_stays_master(self):
        life = Life(self)
        life.wait_turns(BALLAST)
        life.start_keepalived(HIGHER, nopreempt=True)
        life.wait_keepalived("BACKUP")
        sent = self.sent_adverts()
        self.wait(lambda: all(count >= sent[name] + ADVERTS_IN_PEACE
                              for name, count in self.sent_adverts().items()),
                  "more adverts of Ballast than keepalived would wait for")
        life.wait_ballast_master()
        life.wait_turns(BALLAST)

        self.stop_ballast()
        life.wait_keepalived_master(ballast_runs=False)
        adverts = life.wait_turns(BALLAST, KEEPALIVED)
        life.assert_resigned(adverts, BALLAST)
        life.stop_keepalived()
        self.start_ballast()
        life.wait_ballast_master()


harness.main(__name__)
