"""Threads for what blocks. Jobs wait for events, never for time; a stuck job is let go when the test is over."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Callable
from textwrap import dedent

import pytest

from tests.handlers.factories import AT_ONCE, LONG
from worker.handlers.threads import Threads


class Job:
    """A job that hangs until it is let go; `started` and `ended` tell where it is, `thread` whose it is."""

    def __init__(self) -> None:
        self.go = threading.Event()
        self.started = asyncio.Event()
        self.ended = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def __call__(self) -> str:
        self.thread = threading.current_thread()
        self._loop.call_soon_threadsafe(self.started.set)
        self.go.wait()
        self._loop.call_soon_threadsafe(self.ended.set)
        return "done"


@pytest.fixture
async def make_job() -> AsyncIterator[Callable[[], Job]]:
    jobs: list[Job] = []

    def make() -> Job:
        jobs.append(Job())
        return jobs[-1]

    yield make
    for job in jobs:
        job.go.set()
        if job.started.is_set():
            await job.ended.wait()


@pytest.fixture
async def threads() -> AsyncIterator[Threads]:
    pool = Threads(2)
    yield pool
    pool.close()


async def test_a_result_comes_back(threads: Threads) -> None:
    assert await threads.run(lambda: 5, LONG) == 5


async def test_it_runs_elsewhere_in_a_daemon(threads: Threads) -> None:
    thread = await threads.run(threading.current_thread, LONG)
    assert thread is not threading.current_thread()
    assert thread.daemon


async def test_a_thread_is_used_again(threads: Threads) -> None:
    first = await threads.run(threading.get_ident, LONG)
    assert await threads.run(threading.get_ident, LONG) == first


@pytest.mark.parametrize("error", [ValueError("x"), StopIteration(1), SystemExit(2), KeyboardInterrupt()])
async def test_an_error_of_any_kind_comes_back(threads: Threads, error: BaseException) -> None:
    def fail() -> None:
        raise error

    with pytest.raises((type(error), RuntimeError)) as raised:
        await threads.run(fail, LONG)
    assert error in {raised.value, raised.value.__cause__}


async def test_jobs_run_side_by_side(threads: Threads, make_job: Callable[[], Job]) -> None:
    jobs = [make_job(), make_job()]
    running = [asyncio.create_task(threads.run(job, LONG)) for job in jobs]
    for job in jobs:
        await job.started.wait()
    for job in jobs:
        job.go.set()
    assert await asyncio.gather(*running) == ["done", "done"]


async def test_a_job_that_overstays_is_given_up_and_others_go_on(threads: Threads, make_job: Callable[[], Job]) -> None:
    with pytest.raises(TimeoutError):
        await threads.run(make_job(), AT_ONCE)
    assert await threads.run(lambda: "other", LONG) == "other"


async def test_when_all_threads_are_stuck_jobs_are_refused_at_once(
    threads: Threads, make_job: Callable[[], Job]
) -> None:
    for _ in range(2):
        with pytest.raises(TimeoutError):
            await threads.run(make_job(), AT_ONCE)
    with pytest.raises(TimeoutError):
        await threads.run(lambda: "never", LONG)


async def test_a_stuck_thread_that_comes_back_is_used_again(threads: Threads, make_job: Callable[[], Job]) -> None:
    stuck, busy = make_job(), make_job()
    with pytest.raises(TimeoutError):
        await threads.run(stuck, AT_ONCE)
    running = asyncio.create_task(threads.run(busy, LONG))
    await busy.started.wait()
    waiting = asyncio.create_task(threads.run(threading.current_thread, LONG))
    stuck.go.set()
    assert await waiting is stuck.thread
    busy.go.set()
    assert await running == "done"


async def test_a_job_waits_for_a_free_thread(threads: Threads, make_job: Callable[[], Job]) -> None:
    jobs = [make_job(), make_job()]
    running = [asyncio.create_task(threads.run(job, LONG)) for job in jobs]
    waiting = asyncio.create_task(threads.run(lambda: "third", LONG))
    for job in jobs:
        await job.started.wait()
    assert not waiting.done()
    jobs[0].go.set()
    assert await waiting == "third"
    jobs[1].go.set()
    await asyncio.gather(*running)


async def test_a_job_that_waits_is_refused_when_the_last_thread_gets_stuck(
    threads: Threads, make_job: Callable[[], Job]
) -> None:
    job = make_job()
    with pytest.raises(TimeoutError):
        await threads.run(make_job(), AT_ONCE)
    running = asyncio.create_task(threads.run(job, LONG))
    waiting = asyncio.create_task(threads.run(lambda: "never", LONG))
    await job.started.wait()
    running.cancel()
    with pytest.raises(TimeoutError):
        await waiting
    with pytest.raises(asyncio.CancelledError):
        await running


async def test_closing_ends_idle_threads_and_later_the_stuck_ones(make_job: Callable[[], Job]) -> None:
    pool, stuck = Threads(2), make_job()
    with pytest.raises(TimeoutError):
        await pool.run(stuck, AT_ONCE)
    idle = await pool.run(threading.current_thread, LONG)
    await stuck.started.wait()
    pool.close()
    stuck.go.set()
    for thread in (idle, stuck.thread):
        await asyncio.to_thread(thread.join, LONG)
        assert not thread.is_alive()


def test_a_stuck_thread_does_not_keep_the_process_alive() -> None:
    code = """
        import asyncio, threading
        from worker.handlers.threads import Threads

        async def main():
            try:
                await Threads(1).run(threading.Event().wait, 0.001)
            except TimeoutError:
                print("given up")

        asyncio.run(main())
    """
    done = subprocess.run([sys.executable, "-c", dedent(code)], capture_output=True, text=True, check=True, timeout=60)
    assert (done.stdout, done.stderr) == ("given up\n", "")


def test_a_thread_that_comes_back_after_the_loop_is_closed_just_ends() -> None:
    go, started, threads = threading.Event(), threading.Event(), []

    def hang() -> None:
        threads.append(threading.current_thread())
        started.set()
        go.wait()

    async def give_up() -> None:
        with pytest.raises(TimeoutError):
            await Threads(1).run(hang, AT_ONCE)

    asyncio.run(give_up())
    started.wait(LONG)
    go.set()
    threads[0].join(LONG)
    assert not threads[0].is_alive()
