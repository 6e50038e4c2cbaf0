import pytest
from quartermaster.extension.inventory.progress import PAUSE_SECONDS, Meter


def test_rate_and_time_left_follow_the_reading() -> None:
    meter = Meter()
    for _ in range(2):
        meter.queued(1000, 0.0)
    meter.began("a", 1000, 0.0)
    assert meter.look(0.0).eta_seconds is None
    meter.read("a", 500, 1.0)
    look = meter.look(1.0)
    assert (look.rate, look.eta_seconds, look.current) == (500.0, 3.0, {"a": (500, 1000)})
    meter.ended("a", 1000, 2.0)
    assert meter.look(2.0).files_done == 1


def test_a_file_that_needed_no_reading_counts_as_done() -> None:
    meter = Meter()
    meter.queued(1000, 0.0)
    meter.began("a", 1000, 0.0)
    meter.ended("a", 1000, 0.5)
    look = meter.look(9.0)
    assert (look.finished, look.bytes_done, look.seconds) == (True, 1000, 0.5)
    assert meter.bytes_read_ever == 0


@pytest.mark.parametrize(("pause", "total"), [(1.0, 2), (PAUSE_SECONDS + 1, 1)])
def test_what_comes_soon_after_the_end_belongs_to_the_same_campaign(pause: float, total: int) -> None:
    meter = Meter()
    meter.queued(10, 0.0)
    meter.began("a", 10, 0.0)
    meter.ended("a", 10, 1.0)
    meter.queued(10, 1.0 + pause)
    assert meter.look(1.0 + pause).files_total == total


def test_a_job_that_is_dropped_is_not_waited_for() -> None:
    meter = Meter()
    meter.queued(10, 0.0)
    meter.queued(20, 0.0)
    meter.dropped(20)
    assert (meter.look(0.0).files_total, meter.look(0.0).bytes_total) == (1, 10)
