import pytest
from quartermaster.extension.inventory import native_watches
from quartermaster.extension.inventory.native_watches import BURST_EVENTS, BURST_SECONDS, Burst


class Clock:
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(native_watches.time, "monotonic", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


def test_many_events_at_once_are_a_burst_said_once(clock: Clock) -> None:
    burst = Burst()
    assert [burst.count() for _ in range(BURST_EVENTS + 100)].index(True) == BURST_EVENTS - 1
    assert not burst.is_over()
    clock.now += 1.1
    assert burst.is_over()
    assert not burst.is_over()


def test_a_burst_without_end_is_told_after_its_time(clock: Clock) -> None:
    burst = Burst()
    for _ in range(BURST_EVENTS):
        burst.count()
    clock.now += BURST_SECONDS
    clock.now += 0.5
    burst.count()
    clock.now += BURST_SECONDS
    assert burst.is_over()


def test_the_events_of_a_slow_download_are_none(clock: Clock) -> None:
    burst = Burst()
    for _ in range(3 * BURST_EVENTS):
        assert not burst.count()
        clock.now += 0.01
    clock.now += 5
    assert not burst.is_over()
