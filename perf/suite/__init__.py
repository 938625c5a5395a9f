"""The performance suite behind perf/run: what is measured, and how it is reported."""
