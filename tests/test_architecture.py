"""Imports go one way: cli → app → streams, stores, pipeline → formats, handlers, experiments."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LEAVES = {"worker.records", "worker.trigger"}
VALUES = LEAVES | {"worker.ids", "worker.outputs"}
PURE = ("worker.formats", "worker.experiments", "worker.handlers")
MAY_IMPORT: dict[str, set[str]] = {
    "schemas": set(),
    "worker.records": set(),
    "worker.trigger": set(),
    "worker.ids": LEAVES,
    "worker.outputs": LEAVES | {"worker.ids"},
    "worker.formats": LEAVES,
    "worker.experiments": LEAVES | {"schemas"},
    "worker.handlers": LEAVES | {"worker.experiments"},
    "worker.emit": VALUES | set(PURE),
    "worker.pipeline": VALUES | set(PURE) | {"worker.emit"},
    "worker.stores": {"worker.experiments"},
    "worker.streams": VALUES,
    "worker.summary": VALUES | {"worker.experiments"},
    "worker.report": VALUES | {"worker.experiments", "worker.formats", "worker.summary", "worker.telemetry"},
    "worker.replay": VALUES | {"worker.summary"},
    "worker.simulate": {"worker.streams"},
    "worker.delivery": set(),
    "worker.settings": {"worker.formats", "worker.delivery"},
    "worker.starters": {"worker.trigger"},
    "worker.telemetry": VALUES,
    "worker.testing": LEAVES | set(PURE),
    "worker.reload": {"worker.experiments", "worker.telemetry"},
}
CLIENTS = {"redis", "aiokafka", "aiohttp", "structlog", "logging", "prometheus_client"}


def room(module: str) -> str:
    """`worker.formats.decode` → `worker.formats`; `schemas.exposure` → `schemas`."""
    parts = module.split(".")
    return parts[0] if parts[0] == "schemas" else ".".join(parts[:2])


def modules() -> Iterator[tuple[str, Path]]:
    for package in ("worker", "schemas"):
        for path in sorted((ROOT / package).rglob("*.py")):
            yield ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"), path


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" if node.module == "worker" else node.module for alias in node.names}
    return found


ROOTS = {
    "worker",
    "worker.__main__",
    "worker.app",
    "worker.cli",
}  # the composition root and the commands may import every room
EDGES = {"worker.stores", "worker.streams"}
DECIDING = {"worker.formats", "worker.experiments", "worker.pipeline", "worker.emit", "worker.ids"}


def every_module(*, where: Callable[[str], bool]) -> pytest.MarkDecorator:
    found = [pytest.param(path, id=module) for module, path in modules() if where(room(module))]
    return pytest.mark.parametrize("path", found)


def module_of(path: Path) -> str:
    return next(module for module, found in modules() if found == path)


@every_module(where=lambda own: own not in ROOTS)
def test_a_room_imports_only_rooms_behind_it(path: Path) -> None:
    own = room(module_of(path))
    ours = {room(name) for name in imports(path) if name.split(".")[0] in {"worker", "schemas", "tests"}}
    assert ours - {own} <= MAY_IMPORT[own]


@every_module(where=lambda own: own.startswith((*PURE, "worker.report")))
def test_a_pure_room_knows_no_client_and_no_logger(path: Path) -> None:
    assert not {name.split(".")[0] for name in imports(path)} & CLIENTS


@every_module(where=lambda own: own in DECIDING | {"worker.report"})
def test_a_decision_reads_no_clock_no_chance_and_no_environment(path: Path) -> None:
    assert not imports(path) & {"time", "random", "secrets", "os"}


@every_module(where=lambda own: own not in ROOTS | EDGES | {"worker.simulate"})
def test_only_the_composition_root_knows_the_edges(path: Path) -> None:
    assert not {room(name) for name in imports(path)} & EDGES


def test_schemas_import_pydantic_only() -> None:
    names = {name.split(".")[0] for module, path in modules() if room(module) == "schemas" for name in imports(path)}
    assert names <= {"__future__", "typing", "collections", "datetime", "re", "enum", "schemas", "pydantic"}
