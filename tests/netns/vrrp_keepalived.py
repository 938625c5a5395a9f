#!/usr/bin/python3
"""keepalived as the other director: the better one is master, and each takes over from the other
one that resigns or dies."""

import harness
from vrrp_routers import BALLAST, HIGHER, KEEPALIVED, LOWER, Life, RoutersTest


class VrrpKeepalived(RoutersTest):
    def test_a_better_ballast_preempts_resigns_and_returns(self):
        self.stop_ballast()
        life = Life(self)
        life.start_keepalived(LOWER)
        life.wait_keepalived_master(ballast_runs=False)
        self.assert_pings()
        adverts = life.wait_turns(KEEPALIVED)

        self.start_ballast()
        life.wait_ballast_master()
        self.assertEqual(self.reasons(), {"the master has a lower priority"})
        life.wait_announced(adverts[-1].time)
        self.assert_serves()
        life.wait_turns(KEEPALIVED, BALLAST)

        self.stop_ballast()
        life.wait_keepalived_master(ballast_runs=False)
        self.assert_pings()
        adverts = life.wait_turns(KEEPALIVED, BALLAST, KEEPALIVED)
        life.assert_resigned(adverts, BALLAST)
        life.assert_sound(adverts)

        self.start_ballast()
        life.wait_ballast_master()
        self.assert_serves()

    def test_keepalived_takes_over_from_a_killed_ballast(self):
        life = Life(self)
        life.start_keepalived(LOWER)
        life.wait_turns(BALLAST)
        self.lab.directors["lb1"].kill()
        life.wait_keepalived_master(ballast_runs=False)
        self.assert_pings()
        adverts = life.wait_turns(BALLAST, KEEPALIVED)
        life.assert_resigned(adverts)

        self.lab.start_director()
        life.wait_ballast_master()
        self.assert_serves()
        adverts = life.wait_turns(BALLAST, KEEPALIVED, BALLAST)
        life.assert_resigned(adverts)
        life.assert_sound(adverts)

    def test_a_better_keepalived_preempts_and_resigns(self):
        life = Life(self)
        life.wait_turns(BALLAST)
        life.start_keepalived(HIGHER)
        life.wait_keepalived_master()
        self.assertEqual(self.reasons(), {f"master {KEEPALIVED} of priority {HIGHER}"})
        self.assert_pings()
        adverts = life.wait_turns(BALLAST, KEEPALIVED)
        self.assert_received()

        life.stop_keepalived()
        life.wait_ballast_master()
        self.assertEqual(self.reasons(), {"the master resigned"})
        life.wait_announced(adverts[-1].time)
        self.assert_serves()
        adverts = life.wait_turns(BALLAST, KEEPALIVED, BALLAST)
        life.assert_resigned(adverts, KEEPALIVED)
        life.assert_sound(adverts)

    def test_ballast_takes_over_from_a_killed_keepalived(self):
        life = Life(self)
        life.start_keepalived(HIGHER)
        life.wait_keepalived_master()
        self.assert_pings()
        adverts = life.wait_turns(BALLAST, KEEPALIVED)
        life.kill_keepalived()
        life.wait_ballast_master()
        self.assertEqual(self.reasons(), {"no advert from a master"})
        life.wait_announced(adverts[-1].time)
        self.assert_serves()
        adverts = life.wait_turns(BALLAST, KEEPALIVED, BALLAST)
        life.assert_resigned(adverts)
        life.assert_sound(adverts)


harness.main(__name__)
