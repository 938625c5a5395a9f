"""A director and its baselines on the same source, measured in turns: A/B/A."""

import time

from suite.rows import row
from suite.source import Phase
from suite.testpmd import Testpmd

SETTLE_S = 0.05  # after a program goes on, before it is measured


def measure(program, seconds):
    program.go_on()
    time.sleep(SETTLE_S)
    window = program.window(seconds)
    program.hold()
    return window


class Baselines:
    """testpmd in several modes, held until measured. The same flows in the same way as the director's."""

    def __init__(self, build, folder, modes, *, workers=1, server_replies=True, **settings):
        self.programs = {}
        for mode in modes:
            program = Testpmd(build, folder, mode, workers, server_replies)
            self.programs[mode] = program
            program.source.configure(phase=Phase.RUN, **settings)
            program.hold()

    def close(self):
        for program in self.programs.values():
            program.close()


def compare(director, baselines, rounds, seconds):
    """Each round measures every baseline, the director, and every baseline again; the director's pair is the mean of
    the two around it. Returns the director's windows, and by mode the baselines' (ns per packet) and the ratios:
    the director's speed over the baseline's."""
    director.hold()
    windows, ns, ratios = [], {mode: [] for mode in baselines}, {mode: [] for mode in baselines}
    before = {mode: measure(program, seconds / 2).ns_per_packet for mode, program in baselines.items()}
    for _ in range(rounds):
        windows.append(measure(director, seconds))
        after = {mode: measure(program, seconds / 2).ns_per_packet for mode, program in baselines.items()}
        for mode in baselines:
            around = (before[mode] + after[mode]) / 2
            ns[mode].append(around)
            ratios[mode].append(around / windows[-1].ns_per_packet)
        before = after
    director.go_on()
    return windows, ns, ratios


def rows(scenario, flows, windows, ns, ratios):
    """The usual figures of a comparison."""
    found = [row(scenario, "worker CPU per packet", "ns", [w.ns_per_packet for w in windows], flows),
             row(scenario, "packets per second of worker CPU", "Mpps", [w.mpps for w in windows], flows)]
    for mode in ns:
        found.append(row(scenario, f"testpmd {mode}, worker CPU per packet", "ns", ns[mode], flows))
        found.append(row(scenario, f"speed against testpmd {mode}", "ratio", ratios[mode], flows,
                         baseline=f"testpmd {mode}", ratios=ratios[mode]))
    return found
