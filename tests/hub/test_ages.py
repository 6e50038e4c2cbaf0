import pytest
from quartermaster.hub.ages import Ages, iso_time, worse
from quartermaster.hub.clock import hub_clock

AGES = Ages(stale_after_seconds=90, offline_after_seconds=600)


@pytest.mark.parametrize(
    ("silence_seconds", "state"),
    [
        (-1_000_000, "present"),
        (0, "present"),
        (90, "present"),
        (90.1, "stale"),
        (600, "stale"),
        (600.1, "offline"),
        (1e9, "offline"),
    ],
)
def test_silence_ages_a_server_and_the_future_counts_as_now(silence_seconds: float, state: str) -> None:
    assert AGES.state(1_000_000.0, 1_000_000.0 + silence_seconds) == state
    assert AGES.is_live(1_000_000.0, 1_000_000.0 + silence_seconds) == (state == "present")


def test_a_server_that_was_never_seen_is_offline() -> None:
    assert AGES.state(None, 0) == "offline"


def test_the_worse_of_two_states_counts() -> None:
    assert worse("present", "stale") == worse("stale", "present") == "stale"
    assert worse("offline", "stale") == "offline"


def test_times_are_written_in_utc_with_milliseconds() -> None:
    assert iso_time(1_800_000_000.0126) == "2027-01-15T08:00:00.012Z"
    assert iso_time(None) is None


def test_no_jump_of_the_wall_clock_moves_the_hubs() -> None:
    wall, steady = [1_000_000.0], [50.0]
    now = hub_clock(lambda: wall[0], lambda: steady[0])
    wall[0] -= 3600
    steady[0] += 10
    assert now() == 1_000_010.0
