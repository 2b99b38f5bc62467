"""The figures of a deliverer: a closed list, as the worker's. Labels are configured names, never somebody's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric

from worker.telemetry.metrics import PREFIX, Description
from worker.telemetry.series import Buckets, Series

_AGE = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0, 36_000.0, 86_400.0, 259_200.0)
_ATTEMPT = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 15.0, 30.0)
DELIVERY_METRICS: Mapping[str, Description] = MappingProxyType(
    {
        "delivery_attempts_total": Description(
            "counter", "Attempts to deliver, by endpoint and what the receiver did.", ("endpoint", "outcome")
        ),
        "delivery_attempt_seconds": Description("histogram", "How long attempts took.", ("endpoint",), _ATTEMPT),
        "delivery_age_seconds": Description(
            "histogram", "From an enrollment's arrival on its topic to its delivery.", ("endpoint",), _AGE
        ),
        "deliveries_postponed_total": Description(
            "counter", "Deliveries put off without an attempt, by endpoint and reason.", ("endpoint", "reason")
        ),
        "deliveries_waiting": Description("gauge", "Deliveries at hand of each endpoint.", ("endpoint",)),
        "delivery_dead_letters_total": Description("counter", "Enrollments given up, by reason.", ("reason",)),
        "delivery_lag_records": Description("gauge", "Records not read yet of each partition.", ("topic", "partition")),
        "endpoint_disabled": Description("gauge", "1 for an endpoint that nothing is sent to, else 0.", ("endpoint",)),
        "endpoint_circuit_open": Description("gauge", "1 for an endpoint that is left alone, else 0.", ("endpoint",)),
    }
)


class DeliveryMetrics:
    """The figures of one deliverer, told on the event loop's thread."""

    def __init__(self) -> None:
        kinds = {"counter": CounterMetricFamily, "gauge": GaugeMetricFamily}
        self._series = {
            name: Series(kinds[each.kind], PREFIX + name, each.meaning, each.labels)
            for name, each in DELIVERY_METRICS.items()
            if each.kind != "histogram"
        }
        self._buckets = {
            name: Buckets(PREFIX + name, each.meaning, each.bounds, each.labels)
            for name, each in DELIVERY_METRICS.items()
            if each.kind == "histogram"
        }
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def add(self, name: str, *labels: str) -> None:
        """Count one."""
        self._series[name].add(*labels)

    def set(self, name: str, *labels: str, to: float) -> None:
        """Set a gauge."""
        self._series[name].set(*labels, to=to)

    def drop(self, name: str, *labels: str) -> None:
        """Show a gauge no longer."""
        self._series[name].drop(*labels)

    def observe(self, name: str, seconds: float, endpoint: str) -> None:
        """Count a duration."""
        self._buckets[name].observe(seconds, endpoint)

    def exposition(self) -> bytes:
        """Return all figures in the text format that Prometheus reads."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Yield all figures as the client library writes them out."""
        for name in DELIVERY_METRICS:
            yield (self._buckets.get(name) or self._series[name]).collect()
