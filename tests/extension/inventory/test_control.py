"""HashControl and the arithmetic of its throttle."""

import threading
from collections.abc import Callable

import pytest
from quartermaster.extension.inventory.control import CREDIT_SECONDS, HashControl, TokenBucket
from quartermaster.extension.inventory.errors import HashingCancelledError


def test_bytes_beyond_the_rate_are_waited_for() -> None:
    bucket = TokenBucket(100.0, now=0.0)
    bucket.spend(250, now=0.0)
    assert bucket.delay_seconds(0.0) == pytest.approx(2.5)
    assert bucket.delay_seconds(1.0) == pytest.approx(1.5)
    assert bucket.delay_seconds(9.0) == 0


def test_time_that_was_not_used_is_credited_only_briefly() -> None:
    bucket = TokenBucket(100.0, now=0.0)
    bucket.spend(100, now=1000.0)
    assert bucket.delay_seconds(1000.0) == pytest.approx(1 - CREDIT_SECONDS)


def test_a_new_rate_counts_from_now_on() -> None:
    bucket = TokenBucket(100.0, now=0.0)
    bucket.spend(300, now=0.0)
    bucket.set_rate(50.0, now=1.0)
    assert bucket.delay_seconds(1.0) == pytest.approx(4.0)
    bucket.set_rate(None, now=1.0)
    assert bucket.delay_seconds(1.0) == 0
    bucket.set_rate(100.0, now=500.0)
    assert bucket.delay_seconds(500.0) == 0


def test_the_long_run_rate_is_the_limit_for_all_who_share_it() -> None:
    bucket = TokenBucket(1000.0, now=0.0)
    now = 0.0
    for _ in range(500):
        bucket.spend(64, now)
        now += bucket.delay_seconds(now)
    assert 500 * 64 / (now + CREDIT_SECONDS) <= 1000.0 <= 500 * 64 / now


@pytest.mark.parametrize("rate", [0, -1, float("nan"), float("inf")])
def test_a_rate_that_would_never_end_is_refused(rate: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        HashControl(mib_per_second=rate)
    with pytest.raises(ValueError, match="above 0"):
        HashControl().set_rate(rate)


def test_without_a_limit_nothing_waits() -> None:
    assert HashControl().admit() is False


def waiting(control: HashControl) -> tuple[threading.Thread, list[object]]:
    """Start a thread in ``admit`` and return it with the list that will hold its outcome."""
    outcome: list[object] = []

    def work() -> None:
        try:
            outcome.append(control.admit())
        except HashingCancelledError as error:
            outcome.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    return thread, outcome


def test_resuming_lets_a_paused_reader_go_on_and_tells_it() -> None:
    control = HashControl()
    control.pause()
    thread, outcome = waiting(control)
    control.resume()
    thread.join(60)
    # True where the thread had begun to wait, False where it came after the pause was over
    assert outcome in ([True], [False])
    assert not control.paused


@pytest.mark.parametrize("part", ["whole", "file"])
def test_a_paused_reader_can_be_cancelled(part: str) -> None:
    whole = HashControl()
    file = whole.for_file()
    whole.pause()
    thread, outcome = waiting(file)
    (whole if part == "whole" else file).cancel()
    thread.join(60)
    assert isinstance(outcome[0], HashingCancelledError)
    assert file.cancelled


@pytest.mark.parametrize("release", [HashControl.cancel, lambda c: c.set_rate(None), lambda c: c.set_rate(1e9)])
def test_a_throttled_reader_wakes_for_a_change(release: Callable[[HashControl], None]) -> None:
    control = HashControl(mib_per_second=1e-6)
    control.report(1 << 30)
    thread, outcome = waiting(control.for_file())
    assert not outcome
    release(control)
    thread.join(60)
    assert len(outcome) == 1


def test_the_part_of_one_file_does_not_govern_the_others() -> None:
    whole = HashControl()
    one, other = whole.for_file(), whole.for_file()
    one.cancel()
    assert one.cancelled
    assert not other.cancelled
    assert not whole.cancelled


def test_progress_reaches_the_file_and_the_whole() -> None:
    total: list[int] = []
    single: list[int] = []
    whole = HashControl(on_progress=total.append)
    whole.for_file(single.append).report(5)
    whole.for_file().report(7)
    assert (single, total) == ([5], [5, 7])


def test_the_rate_is_shared_by_all_files() -> None:
    whole = HashControl()
    whole.set_rate(3)
    assert whole.for_file().throttled
    whole.set_rate(None)
    assert not whole.for_file().throttled
