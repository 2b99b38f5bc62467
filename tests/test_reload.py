from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.definitions_documents import percentage_set
from tests.experiments.loading import load
from worker.app.loading import load_definitions
from worker.experiments.parse import Loaded
from worker.reload import CurrentDefinitions, Problem, Refused, Same, Taken, Unwatched, Watcher, report
from worker.telemetry.metrics import Metrics

OLD, NEW = "2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"
PATIENCE_S = 20.0  # how long a test waits for what must come; nothing waits so long when all is well


def ramped(level: int, updated_at: str | None = NEW, **overrides: Any) -> dict[str, Any]:
    """A set that differs from another by its ramp."""
    return percentage_set(current_level=level, updated_at=updated_at) | overrides


def in_force(*documents: Any) -> CurrentDefinitions:
    snapshot = load(*documents).snapshot
    assert snapshot is not None
    return CurrentDefinitions(snapshot)


def in_force_from(path: Path) -> CurrentDefinitions:
    snapshot = load_definitions([path]).snapshot
    assert snapshot is not None
    return CurrentDefinitions(snapshot)


def level_of(current: CurrentDefinitions, tenant: str | None = None) -> int | None:
    return current.current().of(tenant).experiments["exp_a"].level


# What is offered


def test_a_new_set_without_errors_takes_the_place_of_the_old_one() -> None:
    current = in_force(ramped(10))
    before = current.current().revision
    outcome = current.offer(load(ramped(20)))
    assert outcome == Taken(before, current.current().revision)
    assert level_of(current) == 20
    assert before != current.current().revision


def test_the_same_set_again_is_no_change() -> None:
    current = in_force(ramped(10))
    before = current.current()
    assert current.offer(load(ramped(10))) == Same()
    assert current.current() is before


def test_a_set_with_an_error_is_refused_with_its_findings() -> None:
    current = in_force(ramped(10))
    outcome = current.offer(load(ramped(20, feature_flags=[])))
    assert isinstance(outcome, Refused)
    assert {problem.code for problem in outcome.problems} == {"dangling_reference"}
    assert {problem.place for problem in outcome.problems} == {"0.json"}
    assert level_of(current) == 10


def test_warnings_come_with_the_set_they_do_not_keep_from_being_used() -> None:
    current = in_force(ramped(10))
    outcome = current.offer(load(ramped(20, updated_at=None)))
    assert isinstance(outcome, Taken)
    assert [(problem.code, problem.entity_id) for problem in outcome.warnings] == [("missing_updated_at", "exp_a")]


def test_an_updated_at_that_goes_down_refuses_the_set_and_says_what_was_expected() -> None:
    current = in_force(ramped(10, NEW))
    message = "updated_at went down: found 2026-01-01T00:00:00.000000Z, expected 2026-02-01T00:00:00.000000Z or later"
    assert current.offer(load(ramped(20, OLD))) == Refused((Problem("updated_at_lowered", None, "exp_a", message),))
    assert level_of(current) == 10


@pytest.mark.parametrize(("before", "after"), [(OLD, NEW), (NEW, NEW), (None, OLD), (NEW, None)])
def test_an_updated_at_that_does_not_go_down_is_taken(before: str | None, after: str | None) -> None:
    current = in_force(ramped(10, before))
    assert isinstance(current.offer(load(ramped(20, after))), Taken)


def test_a_tenant_that_gets_files_of_its_own_must_not_go_back_either() -> None:
    current = in_force(ramped(10, NEW))
    outcome = current.offer(load(ramped(10, NEW), ramped(20, OLD, tenant="acme")))
    assert isinstance(outcome, Refused)
    assert [problem.place for problem in outcome.problems] == ["acme"]


def test_a_deleted_experiment_is_gone_and_may_come_back_in_any_version() -> None:
    current = in_force(ramped(10, NEW))
    assert isinstance(current.offer(load(ramped(10, experiments=[]))), Taken)
    assert not current.current().of(None).experiments
    assert isinstance(current.offer(load(ramped(10, OLD))), Taken)


# What is watched


class Told:
    """What a watcher told, in order."""

    def __init__(self) -> None:
        self._outcomes: asyncio.Queue[Taken | Refused | Unwatched] = asyncio.Queue()

    def __call__(self, outcome: Taken | Refused | Unwatched) -> None:
        self._outcomes.put_nowait(outcome)

    async def next(self) -> Taken | Refused | Unwatched:
        async with asyncio.timeout(PATIENCE_S):
            return await self._outcomes.get()

    async def until(self, kind: type[Any]) -> Any:
        while not isinstance(outcome := await self.next(), kind):
            pass
        return outcome

    def nothing(self) -> bool:
        return self._outcomes.empty()


@asynccontextmanager
async def watching(
    path: Path, read: Callable[[], Loaded] | None = None, *, look_every_s: float = 0.05
) -> AsyncIterator[tuple[CurrentDefinitions, Told]]:
    """Watch; the files have been looked at once."""
    current, told, looked = in_force_from(path), Told(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def load_and_say() -> Loaded:
        try:
            return read() if read else load_definitions([path])
        finally:
            loop.call_soon_threadsafe(looked.set)

    task = asyncio.create_task(Watcher(path, load_and_say, current, told, look_every_s=look_every_s).watch())
    await looked.wait()
    try:
        yield current, told
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def put(file: Path, document: Any) -> None:
    """Replace a file as editors do."""
    aside = file.with_name(f".{file.name}.new")
    aside.write_text(document if isinstance(document, str) else json.dumps(document))
    aside.rename(file)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    found = tmp_path / "definitions.json"
    put(found, ramped(10))
    return found


async def test_an_edit_of_the_file_is_in_force_soon(file: Path) -> None:
    async with watching(file) as (current, told):
        put(file, ramped(20))
        assert isinstance(await told.next(), Taken)
        assert level_of(current) == 20


async def test_a_notice_brings_an_edit_without_waiting_for_the_next_look(file: Path) -> None:
    async with watching(file, look_every_s=1000.0) as (current, told):
        for level in range(20, 100):  # until the notices have begun, which nothing tells
            put(file, ramped(level))
            with suppress(TimeoutError):
                async with asyncio.timeout(0.5):
                    await told.next()
                    break
        assert level_of(current) != 10


async def test_a_broken_edit_keeps_the_last_good_set_and_the_mended_one_is_taken(file: Path) -> None:
    async with watching(file) as (current, told):
        put(file, "{broken")
        refused = await told.next()
        assert isinstance(refused, Refused)
        assert [problem.code for problem in refused.problems] == ["invalid_yaml"]
        assert level_of(current) == 10
        put(file, ramped(30))
        assert isinstance(await told.next(), Taken)
        assert level_of(current) == 30


async def test_a_lowered_updated_at_is_refused_from_files_too(file: Path) -> None:
    async with watching(file) as (current, told):
        put(file, ramped(20, OLD))
        refused = await told.next()
        assert isinstance(refused, Refused)
        assert [problem.code for problem in refused.problems] == ["updated_at_lowered"]
        assert level_of(current) == 10


async def test_a_config_map_is_followed_through_its_links(tmp_path: Path) -> None:
    for version, level in (("..v1", 10), ("..v2", 20)):
        (tmp_path / version).mkdir()
        put(tmp_path / version / "definitions.json", ramped(level))
    (tmp_path / "..data").symlink_to("..v1")
    (tmp_path / "definitions.json").symlink_to("..data/definitions.json")
    async with watching(tmp_path / "definitions.json") as (current, told):
        (tmp_path / "..data_tmp").symlink_to("..v2")
        (tmp_path / "..data_tmp").rename(tmp_path / "..data")
        shutil.rmtree(tmp_path / "..v1")
        assert isinstance(await told.next(), Taken)
        assert level_of(current) == 20


async def test_a_tenant_file_that_is_added_below_the_folder_serves_that_tenant(file: Path) -> None:
    async with watching(file.parent) as (current, told):
        (file.parent / "tenants").mkdir()
        put(file.parent / "tenants" / "acme.json", ramped(40, tenant="acme"))
        assert isinstance(await told.next(), Taken)
        assert (level_of(current), level_of(current, "acme")) == (10, 40)


async def test_an_experiment_whose_file_is_deleted_is_gone(file: Path) -> None:
    put(file.with_name("acme.json"), ramped(40, tenant="acme"))
    async with watching(file.parent) as (current, told):
        file.with_name("acme.json").unlink()
        assert isinstance(await told.next(), Taken)
        assert level_of(current, "acme") == 10


async def test_a_folder_that_vanishes_and_comes_back_is_watched_again(file: Path) -> None:
    async with watching(file.parent) as (current, told):
        put(file, ramped(15))
        await told.until(Taken)  # the notices have begun
        file.parent.rename(file.parent.with_name("elsewhere"))
        refused = await told.until(Refused)
        assert [problem.code for problem in refused.problems] == ["unreadable"]
        assert level_of(current) == 15
        file.parent.mkdir()
        put(file, ramped(20))
        await told.until(Taken)
        put(file, ramped(30))
        await told.until(Taken)
        assert level_of(current) == 30


async def test_what_cannot_be_read_is_told_once_and_tried_again(file: Path) -> None:
    tries = iter([OSError("disk"), OSError("disk"), OSError("disk"), None])

    def read() -> Loaded:
        if error := next(tries, None):
            raise error
        return load(ramped(20))

    async with watching(file, read) as (current, told):
        assert await told.next() == Refused((Problem("unreadable", str(file), None, "OSError: disk"),))
        assert isinstance(await told.next(), Taken)
        assert level_of(current) == 20


async def test_a_file_that_is_still_being_written_waits_for_the_next_look(file: Path) -> None:
    current, told = in_force_from(file), Told()
    levels = iter([20, 30])

    def read() -> Loaded:
        loaded = load_definitions([file])
        if (level := next(levels, None)) is not None:
            put(file, ramped(level))
        return loaded

    watcher = Watcher(file, read, current, told)
    for expected in (10, 10, 30):
        await watcher.look()
        assert level_of(current) == expected


async def test_files_that_do_not_change_are_not_read_again(file: Path) -> None:
    reads: list[int] = []

    def read() -> Loaded:
        reads.append(1)
        return load_definitions([file])

    watcher = Watcher(file, read, in_force_from(file), Told())
    await watcher.look()
    file.with_name("neighbour.log").write_text("busy")
    await watcher.look()
    assert len(reads) == 1


async def test_the_loop_goes_on_while_a_set_is_read(file: Path) -> None:
    loop, came_back = asyncio.get_running_loop(), asyncio.Event()

    def read() -> Loaded:
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop).result(PATIENCE_S)
        loop.call_soon_threadsafe(came_back.set)
        return load_definitions([file])

    current = in_force_from(file)
    await Watcher(file, read, current, Told()).look()
    assert came_back.is_set()


async def test_notices_that_fail_are_told_once_and_tried_again_after_pauses_that_grow(tmp_path: Path) -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 6:
            raise asyncio.CancelledError

    told = Told()
    watcher = Watcher(
        tmp_path / "gone" / "definitions.json",
        lambda: load(ramped(10)),
        in_force(ramped(10)),
        told,
        look_every_s=2.0,
        sleep=sleep,
    )
    with pytest.raises(asyncio.CancelledError):
        await watcher.watch()
    assert pauses == [2, 4, 8, 16, 30, 30]
    assert isinstance(await told.next(), Unwatched)
    assert told.nothing()


# What is reported


def test_a_set_that_is_taken_is_logged_and_counted() -> None:
    metrics = Metrics()
    with capture_logs() as lines:
        report(metrics)(Taken("r1", "r2", (Problem("empty_rule", "a.yaml", "seg_a", "rules[0]: tests nothing"),)))
    assert [(line["log_level"], line["event"]) for line in lines] == [
        ("warning", "definitions_warning"),
        ("info", "definitions_reloaded"),
    ]
    assert b'experiment_worker_definitions_info{revision="r2"} 1.0' in metrics.exposition()


def test_a_set_that_is_refused_is_logged_problem_by_problem_and_counted_once() -> None:
    metrics = Metrics()
    problems = tuple(Problem("duplicate_id", "a.yaml", id_, "found twice, expected once") for id_ in ("a", "b"))
    with capture_logs() as lines:
        report(metrics)(Refused(problems))
    assert [(line["event"], line["entity_id"], line["message"]) for line in lines] == [
        ("definitions_refused", "a", "found twice, expected once"),
        ("definitions_refused", "b", "found twice, expected once"),
    ]
    assert b"experiment_worker_definitions_refused_total 1.0" in metrics.exposition()


def test_blindness_is_logged() -> None:
    with capture_logs() as lines:
        report(Metrics())(Unwatched("FileNotFoundError: gone"))
    assert lines == [{"event": "definitions_unwatched", "log_level": "warning", "message": "FileNotFoundError: gone"}]
