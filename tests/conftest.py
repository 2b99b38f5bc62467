from __future__ import annotations

from hypothesis import HealthCheck, settings

# A busy machine is no failure: examples are limited in number, not in time.
settings.register_profile("worker", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("worker")
