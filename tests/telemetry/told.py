"""What `/metrics` tells, read by Prometheus' own parser."""

from collections import defaultdict

from prometheus_client.parser import text_string_to_metric_families

#: By name, then by the values of the labels, in the order of the labels' names.
Told = dict[str, dict[tuple[str, ...], float]]


def told(exposition: bytes) -> Told:
    """All samples."""
    found: defaultdict[str, dict[tuple[str, ...], float]] = defaultdict(dict)
    for family in text_string_to_metric_families(exposition.decode()):
        for sample in family.samples:
            found[sample.name][tuple(value for _, value in sorted(sample.labels.items()))] = sample.value
    return dict(found)
