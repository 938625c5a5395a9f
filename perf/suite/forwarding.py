"""Packets of known connections: {NAT both ways, NAT one way, DR} by the number of live flows, and what the packets
are like."""

import dataclasses

from suite import pairs
from suite.director import Director
from suite.source import IMIX, TCP, Phase, Pick, Replies

FLOWS = (1_024, 16_384, 131_072, 1_048_576, 10_000_000)
QUICK_FLOWS = (1_024, 131_072, 1_048_576)
VARIANT_FLOWS = 131_072


@dataclasses.dataclass(frozen=True)
class Shape:
    name: str
    mode: str
    replies: Replies


BOTH_WAYS = Shape("NAT both ways", "nat", Replies.SAME_WORKER)
ONE_WAY = Shape("NAT one way", "nat", Replies.NONE)
DR = Shape("DR", "dr", Replies.NONE)

# What differs from uniformly picked 64-byte UDP packets (60 and the check sequence).
VARIANTS = (
    ("Zipf", {"pick": Pick.ZIPF}),
    ("one flow", {"pick": Pick.ONE}),
    ("IMIX", {"bytes": IMIX}),
    ("1514 bytes", {"bytes": 1514}),
    ("TCP", {"proto": TCP}),
    ("answers at once", {"replies": Replies.ECHO}),
)


def measure(suite, shape, flows, scenario=None, **settings):
    settings = {"replies": shape.replies} | settings
    # TCP's handshake needs the servers' port in NAT mode, whether or not it sends data afterwards.
    two_way = settings["replies"] != Replies.NONE
    director = Director(suite.build, suite.folder, shape.mode, max_connections=max(1_000_000, flows),
                        server_replies=two_way)
    baselines = pairs.Baselines(suite.build, suite.folder, ("macswap", "5tswap"), server_replies=two_way,
                                flows=flows, active=flows, **settings)
    try:
        director.source.open_flows(flows, **settings)
        director.wait_for_connections(flows)
        director.source.configure(phase=Phase.RUN)
        windows, ns, ratios = pairs.compare(director, baselines.programs, suite.rounds, suite.seconds)
        director.check_conservation()
        if director.connections() != flows:
            raise RuntimeError(f"{flows} connections were opened, {director.connections()} are there")
    finally:
        baselines.close()
        director.close()
    return pairs.rows(scenario or shape.name, flows, windows, ns, ratios)


def run(suite):
    found = []
    for flows in QUICK_FLOWS if suite.quick else FLOWS:
        for shape in (BOTH_WAYS, DR) if suite.quick else (BOTH_WAYS, ONE_WAY, DR):
            found += suite.report(measure(suite, shape, flows))
    if not suite.quick:
        for name, settings in VARIANTS:
            found += suite.report(measure(suite, BOTH_WAYS, VARIANT_FLOWS, f"{BOTH_WAYS.name}, {name}", **settings))
    return found
