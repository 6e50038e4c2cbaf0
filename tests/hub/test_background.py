import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from quartermaster.hub.background import Job, happens_within, running


def within(work) -> None:
    with ThreadPoolExecutor(1) as thread:  # in this one a browser's loop may be running
        thread.submit(lambda: asyncio.run(asyncio.wait_for(work(), 60))).result()


async def reached(counted: list[int], count: int) -> None:
    while len(counted) < count:
        await asyncio.sleep(0.001)


def test_a_job_runs_at_once_and_again_when_called() -> None:
    done: list[int] = []
    job = Job("counting", 3600, lambda: bool(done.append(1)))

    async def work() -> None:
        async with running([job]):
            await reached(done, 1)
            threading.Thread(target=job.call).start()
            await reached(done, 2)

    within(work)


def test_a_job_that_has_more_to_do_goes_on_at_once() -> None:
    done: list[int] = []

    def step() -> bool:
        done.append(1)
        return len(done) < 5

    async def work() -> None:
        async with running([Job("steps", 3600, step)]):
            await reached(done, 5)

    within(work)


def test_a_job_that_failed_runs_again(caplog: pytest.LogCaptureFixture) -> None:
    done: list[int] = []

    def fail() -> bool:
        done.append(1)
        raise ValueError("no luck")

    async def work() -> None:
        async with running([Job("unlucky", 0.001, fail)]):
            await reached(done, 3)

    within(work)
    assert "unlucky failed" in caplog.text


def test_the_end_waits_for_a_job_that_is_running() -> None:
    begun, go_on, ended = threading.Event(), threading.Event(), threading.Event()

    def slow() -> bool:
        begun.set()
        assert go_on.wait(60)
        ended.set()
        return False

    async def work() -> None:
        async with running([Job("slow", 3600, slow)]):
            while not begun.is_set():
                await asyncio.sleep(0.001)
            asyncio.get_running_loop().call_later(0.05, go_on.set)
        assert ended.is_set()

    within(work)


def test_calling_a_job_without_an_application_does_nothing() -> None:
    Job("idle", 1, lambda: False).call()


def test_a_job_that_is_running_is_asked_to_return() -> None:
    begun, told = threading.Event(), threading.Event()

    def slow() -> bool:
        begun.set()
        assert told.wait(60)
        return False

    async def work() -> None:
        async with running([Job("slow", 3600, slow, told.set)]):
            while not begun.is_set():
                await asyncio.sleep(0.001)

    within(work)


def test_who_is_cancelled_as_what_he_waits_for_happens_is_cancelled() -> None:
    async def work() -> None:
        for ticks in range(4):
            happening = asyncio.Event()
            waiting = asyncio.create_task(happens_within(happening, 3600))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            happening.set()
            for _ in range(ticks):
                await asyncio.sleep(0)
            was_waiting = waiting.cancel()
            await asyncio.wait([waiting])
            assert waiting.cancelled() == was_waiting, ticks

    within(work)
