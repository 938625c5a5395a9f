"""A figure of the suite, and how figures are gathered into medians."""

import dataclasses
import statistics


@dataclasses.dataclass
class Row:
    """One figure. `value` is a median; `low` and `high` are the extremes of the repetitions."""

    scenario: str
    metric: str
    unit: str
    value: float
    flows: int | None = None
    low: float | None = None
    high: float | None = None
    baseline: str | None = None  # what `ratio` compares with
    ratio: float | None = None  # median of the paired ratios, value / baseline's


def row(scenario, metric, unit, values, flows=None, baseline=None, ratios=None):
    """The row of repeated measurements; `ratios` are those of the pairs."""
    return Row(scenario, metric, unit, statistics.median(values), flows, min(values), max(values), baseline,
               statistics.median(ratios) if ratios else None)
