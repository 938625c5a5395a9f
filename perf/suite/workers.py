"""Two workers over one table: what the second one brings, and what it costs when the replies of all connections come
in on the other worker than the clients' packets."""

from suite import pairs
from suite.director import Director
from suite.rows import row
from suite.source import Phase, Replies

FLOWS = 131_072


def rate(window):
    """Packets per second if each worker had a CPU to itself."""
    return sum(packets * 1e3 / cpu_ns for packets, cpu_ns in zip(window.packets_by_worker, window.cpu_ns_by_worker))


def run(suite):
    directors = {}
    try:
        for name, workers, replies in (("one", 1, Replies.SAME_WORKER), ("two", 2, Replies.SAME_WORKER)):
            director = Director(suite.build, suite.folder, "nat", workers=workers)
            directors[name] = director
            director.source.open_flows(FLOWS, replies=replies)
            director.source.configure(phase=Phase.RUN)
            director.hold()
        one, two = directors["one"], directors["two"]
        rates = {"one": [], "two": [], "other": []}
        for _ in range(2 * suite.rounds):
            rates["one"].append(rate(pairs.measure(one, suite.seconds)))
            two.go_on()
            two.source.configure(replies=Replies.SAME_WORKER)
            rates["two"].append(rate(pairs.measure(two, suite.seconds)))
            two.go_on()
            two.source.configure(replies=Replies.OTHER_WORKER)
            rates["other"].append(rate(pairs.measure(two, suite.seconds)))
        for director in directors.values():
            director.go_on()
            director.check_conservation()
    finally:
        for director in directors.values():
            director.close()

    def ratios(a, b):
        return [x / y for x, y in zip(rates[a], rates[b])]
    found = [row("one worker", "packets per second of worker CPU", "Mpps", rates["one"], FLOWS),
             row("two workers", "packets per second, each with a CPU", "Mpps", rates["two"], FLOWS, "one worker",
                 ratios("two", "one")),
             row("two workers, replies on the other one", "packets per second, each with a CPU", "Mpps", rates["other"],
                 FLOWS, "two workers", ratios("other", "two"))]
    return suite.report(found)
