"""The packet source's control file (perf/source/page.h): its settings, and what it has counted."""

import enum
import mmap
import os
import struct
import tempfile
import time

MAGIC = 0x62616C6C61737432
BYTES = 640 + 40 * 32 * 8
CONTROL_AT = 16
TALLY_AT = 128
TALLY_BYTES = 128
LATENCY_AT = 640
SUB_BUCKETS = 32
LCORES = 4


class Phase(enum.IntEnum):
    SILENT = 0
    OPEN = 1
    RUN = 2


class Pick(enum.IntEnum):
    UNIFORM = 0
    ZIPF = 1
    ONE = 2


class Replies(enum.IntEnum):
    NONE = 0
    SAME_WORKER = 1
    OTHER_WORKER = 2
    ECHO = 3


class Fresh(enum.IntEnum):
    DATAGRAM = 0
    FLOOD = 1
    HANDSHAKE = 2
    LIFE = 3
    QUERY = 4


TCP, UDP = 6, 17
IMIX = 0

CONTROL = ("sequence", "phase", "flows", "active", "pick", "proto", "bytes", "replies", "dr", "services",
           "fresh_share", "fresh", "rate", "workers")
TALLY = ("confirmed", "emitted", "sunk", "sunk_other", "opened", "fresh", "lives", "answers_lost", "verified",
         "wrong")


class Source:
    """One program's control file. Its settings go into force with configure()."""

    def __init__(self, **settings):
        handle, self.path = tempfile.mkstemp(prefix="ballast-source-", dir="/dev/shm")
        os.ftruncate(handle, BYTES)
        self._page = mmap.mmap(handle, BYTES)
        os.close(handle)
        struct.pack_into("<Q", self._page, 0, MAGIC)
        self._settings = {"phase": Phase.SILENT, "flows": 1, "active": 1, "pick": Pick.UNIFORM, "proto": UDP,
                          "bytes": 60, "replies": Replies.NONE, "dr": 0, "services": 16, "fresh_share": 0,
                          "fresh": Fresh.DATAGRAM, "rate": 0, "workers": 1}
        self._sequence = 0
        self._write(settings)

    def close(self):
        self._page.close()
        os.unlink(self.path)

    def _write(self, settings):
        for name, value in settings.items():
            if name not in self._settings:
                raise KeyError(name)
            self._settings[name] = int(value)
        for index, name in enumerate(CONTROL[1:], 1):
            struct.pack_into("<Q", self._page, CONTROL_AT + 8 * index, self._settings[name])
        self._sequence += 1
        struct.pack_into("<Q", self._page, CONTROL_AT, self._sequence)

    def setting(self, name):
        return self._settings[name]

    @property
    def attached(self):
        return struct.unpack_from("<Q", self._page, 8)[0]

    def configure(self, **settings):
        """Changes settings and waits until every worker's source goes by them."""
        self._write(settings)
        workers = self._settings["workers"]
        wait(lambda: all(self.tally(w)["confirmed"] == self._sequence for w in range(workers)), 10,
             "the packet source to take its settings")

    def tally(self, lcore):
        return dict(zip(TALLY, struct.unpack_from(f"<{len(TALLY)}Q", self._page, TALLY_AT + TALLY_BYTES * lcore)))

    def totals(self):
        tallies = [self.tally(lcore) for lcore in range(LCORES)]
        return {name: sum(tally[name] for tally in tallies) for name in TALLY[1:]}

    def open_flows(self, flows, **settings):
        """Sends the first packet of each live flow, and waits until what it sets off is over."""
        before = self.totals()["opened"]
        self.configure(phase=Phase.OPEN, flows=flows, active=flows, **settings)
        wait(lambda: self.totals()["opened"] - before == flows, 120, "all flows to be opened")
        self.settle()

    def settle(self):
        """Silence, until every frame that is on its way has come back."""
        self.configure(phase=Phase.SILENT)
        last = None

        def is_still():
            nonlocal last
            now = self.totals()
            was, last = last, now
            return now == was
        wait(is_still, 20, "the device under test to send what it has", every=0.05)

    def clear_latency(self):
        self._page[LATENCY_AT:BYTES] = bytes(BYTES - LATENCY_AT)

    def latency_ns(self, quantiles):
        """The smallest time that the share of the frames had at most, for each quantile."""
        counts = struct.unpack_from(f"<{(BYTES - LATENCY_AT) // 8}Q", self._page, LATENCY_AT)
        total = sum(counts)
        if total == 0:
            raise RuntimeError("no frame bore a time")
        found = []
        for quantile in quantiles:
            seen = 0
            for bucket, count in enumerate(counts):
                seen += count
                if seen >= quantile * total:
                    found.append(_bucket_ns(bucket))
                    break
        return found


def _bucket_ns(bucket):
    if bucket < 2 * SUB_BUCKETS:
        return bucket
    octave = bucket // SUB_BUCKETS - 1
    return (bucket - octave * SUB_BUCKETS) << octave


def wait(condition, seconds, what, every=0.002):
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds} s for {what}")
        time.sleep(every)
