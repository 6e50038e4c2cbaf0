import pytest
from quartermaster.hub.attempts import WINDOW_SECONDS, Attempts
from quartermaster.hub.errors import RateLimitedError
from quartermaster.tests.hub.samples import FakeClock, together


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def refused(attempts: Attempts, address: str) -> int | None:
    """Return for how long an attempt is refused, None where it is taken."""
    try:
        attempts.take(address)
    except RateLimitedError as error:
        return int(error.headers["Retry-After"])
    return None


def test_an_address_has_its_attempts_and_then_waits_until_the_first_is_a_minute_old(clock: FakeClock) -> None:
    attempts = Attempts(clock, per_address=2, in_total=100)
    assert refused(attempts, "10.0.0.1") is None
    clock.now += 20
    assert refused(attempts, "10.0.0.1") is None
    wait = refused(attempts, "10.0.0.1")
    assert wait is not None and WINDOW_SECONDS - 20 <= wait <= WINDOW_SECONDS - 19
    assert refused(attempts, "10.0.0.2") is None
    clock.now += wait
    assert refused(attempts, "10.0.0.1") is None
    assert refused(attempts, "10.0.0.1") is not None


def test_all_together_have_their_bound_and_refused_attempts_use_up_nothing(clock: FakeClock) -> None:
    attempts = Attempts(clock, per_address=2, in_total=5)
    assert [refused(attempts, "10.0.0.1") is None for _ in range(50)].count(True) == 2
    taken = [refused(attempts, f"10.0.1.{number}") is None for number in range(50)]
    assert taken == [True] * 3 + [False] * 47
    clock.now += WINDOW_SECONDS
    assert refused(attempts, "10.0.2.1") is None


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("::ffff:10.0.0.1", "10.0.0.1", True),
        ("fe80::1%eth0", "fe80::2%eth1", True),
        ("10.0.0.1", "10.0.0.2", False),
        ("unknown", "unknown", True),
    ],
)
def test_an_ipv6_network_counts_as_one_address(clock: FakeClock, first: str, second: str, same: bool) -> None:
    attempts = Attempts(clock, per_address=1, in_total=100)
    attempts.take(first)
    assert (refused(attempts, second) is not None) == same


def test_attempts_at_once_are_counted_each(clock: FakeClock) -> None:
    attempts = Attempts(clock, per_address=5, in_total=100)
    assert [wait is None for wait in together(20, lambda _: refused(attempts, "10.0.0.1"))].count(True) == 5
