import threading
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from quartermaster.hub_client import (
    NO_RETRY,
    BadAnswerError,
    HubError,
    RateLimitedError,
    RetryPolicy,
    ServerFaultError,
    StoppedError,
    UnauthorisedError,
    UnreachableError,
)
from quartermaster.hub_client.retry import pause, retry_after_seconds

POLICY = RetryPolicy(attempts=9, base_seconds=0.5, longest_seconds=8.0, longest_retry_after_seconds=30.0)


@pytest.mark.parametrize(
    ("failures", "longest"), [(1, 0.5), (2, 1.0), (3, 2.0), (4, 4.0), (5, 8.0), (6, 8.0), (8, 8.0)]
)
def test_the_pause_doubles_up_to_a_bound_and_is_drawn_over_all_of_it(failures: int, longest: float) -> None:
    error = UnreachableError("x")
    assert POLICY.pause_seconds(error, failures, draw=0.0) == 0.0
    assert POLICY.pause_seconds(error, failures, draw=1.0) == longest


def test_pauses_differ_without_being_told_to() -> None:
    assert len({POLICY.pause_seconds(UnreachableError("x"), 5) for _ in range(20)}) == 20


@given(st.integers(1, 10_000), st.floats(0, 1))
def test_a_pause_has_its_bound_after_any_number_of_failures(failures: int, draw: float) -> None:
    seconds = RetryPolicy(attempts=10**6).pause_seconds(UnreachableError("x"), failures, draw)
    assert seconds is not None
    assert 0 <= seconds <= 8.0


def test_the_last_attempt_is_the_last() -> None:
    assert POLICY.pause_seconds(UnreachableError("x"), 8) is not None
    assert POLICY.pause_seconds(UnreachableError("x"), 9) is None
    assert NO_RETRY.pause_seconds(UnreachableError("x"), 1) is None


@pytest.mark.parametrize("error", [UnauthorisedError("x", status=401), BadAnswerError("x"), HubError("x")])
def test_what_will_not_change_is_not_tried_again(error: HubError) -> None:
    assert POLICY.pause_seconds(error, 1) is None


def test_we_never_come_back_earlier_than_the_hub_asks() -> None:
    for error in (
        RateLimitedError("x", status=429, retry_after_seconds=7.0),
        ServerFaultError("x", status=503, retry_after_seconds=7.0),
    ):
        assert POLICY.pause_seconds(error, 1, draw=0.0) == 7.0
        assert POLICY.pause_seconds(error, 1, draw=1.0) == 7.5


def test_a_long_retry_after_is_left_to_the_caller() -> None:
    assert POLICY.pause_seconds(RateLimitedError("x", status=429, retry_after_seconds=30.1), 1) is None


def test_a_stop_ends_a_pause_at_once() -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(StoppedError, match="attic"):
        pause(3600, stop, "http://attic")


def test_a_pause_without_a_stop_just_ends() -> None:
    pause(0, None, "http://attic")
    pause(0, threading.Event(), "http://attic")


@pytest.mark.parametrize(("value", "seconds"), [("0", 0.0), ("120", 120.0), (" 7 ", 7.0), ("9" * 5000, 999999999999.0)])
def test_retry_after_in_seconds(value: str, seconds: float) -> None:
    assert retry_after_seconds({"Retry-After": value}) == seconds


@pytest.mark.parametrize("value", ["", "soon", "-1", "1.5", "²", "Fri, 99 Foo 2026 00:00:00 GMT", "1e9", "\x00"])
def test_a_retry_after_that_cannot_be_read_is_none(value: str) -> None:
    assert retry_after_seconds({"Retry-After": value}) is None
    assert retry_after_seconds({}) is None


def test_retry_after_as_a_date_is_counted_on_the_hubs_own_clock() -> None:
    headers = {"Date": "Fri, 01 Jan 2021 00:00:00 GMT", "Retry-After": "Fri, 01 Jan 2021 00:00:09 GMT"}
    assert retry_after_seconds(headers) == 9.0
    assert retry_after_seconds({**headers, "Retry-After": "Thu, 31 Dec 2020 00:00:00 GMT"}) == 0.0


def test_retry_after_as_a_date_without_the_hubs_clock_is_counted_on_ours() -> None:
    hour_away = datetime.now(timezone.utc) + timedelta(hours=1)
    seconds = retry_after_seconds({"Retry-After": format_datetime(hour_away, usegmt=True)})
    assert seconds is not None
    assert 3000 < seconds <= 3600
