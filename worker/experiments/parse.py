"""Documents in, a snapshot or findings out: the whole way of the definitions.

bytes ──read──▶ values ──shape──▶ entities ──merge, resolve──▶ experiments ──check──▶ findings ──compile──▶ snapshot
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from worker.experiments.activate import activate
from worker.experiments.compile import compile_snapshot
from worker.experiments.definitions import Snapshot
from worker.experiments.documents import read_document
from worker.experiments.entities import Contents, Entities, by_tenant, duplicates, merge
from worker.experiments.findings import Finding, Place
from worker.experiments.readiness import check_readiness
from worker.experiments.references import check_references
from worker.experiments.resolve import Resolved, resolve
from worker.experiments.rules import check_rules
from worker.experiments.shape import ids_in_text, shape
from worker.experiments.values import check_values
from worker.experiments.yaml_core import UnreadableError

Files = Sequence[tuple[str, bytes]]


class Loaded(msgspec.Struct, frozen=True):
    """What files of definitions come to: a snapshot unless any finding is an error."""

    snapshot: Snapshot | None
    findings: tuple[Finding, ...]


def parse(files: Files, *, active: str | None = None) -> Loaded:
    """Read, check and compile definitions; `files` are names and bytes, read together.

    Names ending in `.json` are JSON, all others YAML. Every finding is reported, in the order of the files. `active` is
    an experiment to treat as active, whatever its status.

    Raises:
        UnknownExperimentError: `active` is none of the experiments.
    """
    contents, findings, lost_ids = _shape_all(files)
    if active is not None:
        contents = activate(contents, active)
    tenants: dict[str | None, list[Resolved]] = {}
    for tenant, of_tenant in by_tenant(contents).items():
        entities = merge(of_tenant, lost_ids)
        tenants[tenant] = [resolve(entry, entities) for entry in entities.experiments.values()]
        findings += duplicates(of_tenant)
        findings += _check(entities, tenants[tenant])
    if any(finding.severity == "error" for finding in findings):
        return Loaded(None, _in_order(files, findings))
    return Loaded(compile_snapshot(tenants), _in_order(files, findings))


def _shape_all(files: Files) -> tuple[list[Contents], list[Finding], frozenset[str]]:
    """Return what is sound of each file, what is wrong with them, and the ids of what is lost by that."""
    contents: list[Contents] = []
    findings: list[Finding] = []
    lost_ids: set[str] = set()
    for name, content in files:
        sound, wrong = _shape(name, content)
        contents.append(sound)
        findings += wrong
        if wrong:
            lost_ids |= ids_in_text(content) - {entry.value.id for entry in sound.all()}
    return contents, findings, frozenset(lost_ids)


def _shape(name: str, content: bytes) -> tuple[Contents, list[Finding]]:
    try:
        return shape(name, read_document(name, content))
    except UnreadableError as error:
        return Contents(tenant=None), [Place(name).finding("invalid_yaml", str(error))]


def _check(entities: Entities, experiments: Sequence[Resolved]) -> Iterator[Finding]:
    yield from check_references(entities, experiments)
    yield from check_values(entities, experiments)
    yield from check_rules(entities, experiments)
    yield from check_readiness(experiments)


def _in_order(files: Files, findings: Sequence[Finding]) -> tuple[Finding, ...]:
    """Return each finding once: what several experiments share is checked with each of them."""
    order = {name: position for position, (name, _) in enumerate(files)}
    return tuple(sorted(dict.fromkeys(findings), key=lambda finding: order[finding.file]))
