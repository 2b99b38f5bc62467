"""The summary of a run: what came in, what came of it, and how the experiments split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from worker.experiments.definitions import Experiment, Snapshot
from worker.outputs import OUTPUT_KINDS, BatchResult, Placement

_RUNNING = ("active", "paused")


class _Arm:
    """What one variation of one experiment was given to."""

    __slots__ = ("exposures", "subjects")

    def __init__(self) -> None:
        self.subjects: set[bytes] = set()
        self.exposures = 0


class Summary:
    """Adds up batches. Memory grows with the subjects of experiments, not with the events."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._arms: dict[tuple[str | None, str, str], _Arm] = {}
        self._outputs: Counter[str] = Counter()
        self._dead_letters: Counter[str] = Counter()
        self._decisions: Counter[str] = Counter()
        self._warnings: Counter[str] = Counter()
        self._skipped: Counter[str] = Counter()
        self._conflicts = 0
        self.events = 0

    def add(self, result: BatchResult) -> None:
        """Count what a batch came to."""
        tallies = result.tallies
        self.events += tallies.events
        self._conflicts += tallies.identity_conflicts
        self._outputs.update({kind: len(outputs) for kind, outputs in result.outputs.items()})
        self._dead_letters.update([letter.reason for letter in result.dead_letters])
        self._decisions.update(tallies.decisions)
        self._warnings.update(tallies.warnings)
        self._skipped.update(tallies.skipped)
        for placement in tallies.placements:
            self._place(placement)

    def _place(self, placement: Placement) -> None:
        owner = placement.tenant if placement.tenant in self._snapshot.tenants else None
        key = (owner, placement.experiment_id, placement.variation_id)
        arm = self._arms.get(key)
        if arm is None:
            arm = self._arms[key] = _Arm()
        arm.subjects.add(placement.subject_key)
        arm.exposures += placement.exposed

    def document(self, handlers: list[dict[str, Any]], seconds: float) -> dict[str, Any]:
        """Return the summary as `summary.json` has it; `handlers` are the dispatcher's counts."""
        return {
            "events": self.events,
            **{kind: self._outputs[kind] for kind in OUTPUT_KINDS},
            "dead_letters": dict(sorted(self._dead_letters.items())),
            "skipped": dict(sorted(self._skipped.items())),
            "decisions": dict(sorted(self._decisions.items())),
            "warnings": dict(sorted(self._warnings.items())),
            "identity_conflicts": self._conflicts,
            "definitions_revision": self._snapshot.revision,
            "experiments": list(self._experiments()),
            "handlers": handlers,
            "seconds": round(seconds, 3),
        }

    def _experiments(self) -> Iterator[dict[str, Any]]:
        for tenant, definitions in self._snapshot.tenants.items():
            for experiment in definitions.experiments.values():
                if experiment.status in _RUNNING:
                    yield {
                        "tenant_id": tenant,
                        "experiment_id": experiment.id,
                        "variations": list(self._variations(tenant, experiment)),
                    }

    def _variations(self, tenant: str | None, experiment: Experiment) -> Iterator[dict[str, Any]]:
        for variation_id, arm in experiment.allocated.items():
            given = self._arms.get((tenant, experiment.id, variation_id), _Arm())
            weight = sum(share.weight for share in experiment.allocations if share.arm.variation_id == variation_id)
            yield {
                "variation_id": variation_id,
                "is_control": arm.is_control,
                "subjects": len(given.subjects),
                "exposures": given.exposures,
                "expected_share": weight / 100 if experiment.strategy == "percentage" else None,
            }
