from collections.abc import Callable
from dataclasses import replace

import pytest
import requests
from quartermaster.hub.errors import RateLimitedError
from quartermaster.hub.settings import HubSettings
from quartermaster.hub.trust.rates import Rate
from quartermaster.tests.hub.samples import Api, FakeClock, together

SERVERS = "/api/v1/servers"


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


def refused(rate: Rate, caller: str) -> int | None:
    """Return for how long a request is refused, None where it is taken."""
    try:
        rate.take(caller)
    except RateLimitedError as error:
        return int(error.headers["Retry-After"])
    return None


def test_a_minutes_worth_is_taken_at_once_and_comes_back_bit_by_bit(clock: FakeClock) -> None:
    rate = Rate(clock, "requests", 60)
    assert [refused(rate, "a") for _ in range(60)] == [None] * 60
    wait = refused(rate, "a")
    assert wait is not None and 1 <= wait <= 2
    assert refused(rate, "b") is None
    clock.now += wait
    assert refused(rate, "a") is None
    clock.now += 3600
    assert [refused(rate, "a") is None for _ in range(70)].count(True) == 60  # no more than that is saved up


def test_who_comes_back_when_told_is_taken(clock: FakeClock) -> None:
    rate = Rate(clock, "requests", 7)
    for _ in range(200):
        wait = refused(rate, "a")
        if wait is not None:
            clock.now += wait
            assert refused(rate, "a") is None


def test_refused_requests_do_not_count(clock: FakeClock) -> None:
    rate = Rate(clock, "requests", 60)
    for _ in range(1000):
        refused(rate, "a")
    clock.now += 2
    assert refused(rate, "a") is None


def test_nought_is_no_limit(clock: FakeClock) -> None:
    rate = Rate(clock, "requests", 0)
    assert {refused(rate, "a") for _ in range(10_000)} == {None}


def test_the_memory_is_bounded_whoever_comes(clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    rate = Rate(clock, "requests", 1, remembered=100)
    for number in range(1000):
        assert refused(rate, str(number)) is None
        refused(rate, str(number))
    assert len(rate._restored_at) <= 100 and len(rate._told_at) <= 100


def test_a_flood_is_a_line_a_minute_in_the_log(clock: FakeClock, caplog: pytest.LogCaptureFixture) -> None:
    rate = Rate(clock, "requests with this key", 1)
    for _ in range(50):
        refused(rate, "qm_a")
    assert len(caplog.records) == 1 and "qm_a: too many requests with this key" in caplog.text
    clock.now += 61
    for _ in range(50):
        refused(rate, "qm_a")
    assert len(caplog.records) == 2


def test_requests_at_once_are_counted_each(clock: FakeClock) -> None:
    rate = Rate(clock, "requests", 5)
    assert [wait is None for wait in together(20, lambda _: refused(rate, "a"))].count(True) == 5


def test_a_key_that_asks_too_much_is_told_when_to_come_back_and_stops_no_other(
    settings: HubSettings, start_api: Callable[..., Api]
) -> None:
    api = start_api(replace(settings, requests_per_minute=20))
    answers = [api.get(SERVERS) for _ in range(21)]
    assert [answer.status_code for answer in answers] == [200] * 20 + [429]
    told = answers[-1].json()
    assert set(told) == {"success", "error", "message", "details"} and told["error"] == "rate_limited"
    wait = int(answers[-1].headers["Retry-After"])
    assert api.with_key("client").get(SERVERS).status_code == 200  # from the same address
    assert api.get("/healthz").status_code == 200 == api.get("/readyz").status_code
    api.clock.now += wait
    assert api.get(SERVERS).status_code == 200


def test_wrong_keys_are_slowed_down_by_address_and_valid_ones_beside_them_are_not(
    settings: HubSettings, start_api: Callable[..., Api], caplog: pytest.LogCaptureFixture
) -> None:
    api = start_api(replace(settings, failed_keys_per_minute=10))
    wrong = replace(api, headers={**api.headers, "X-API-Secret": "guess"})
    answers = [wrong.get(SERVERS) for _ in range(30)]
    assert [answer.status_code for answer in answers] == [401] * 10 + [429] * 20
    assert int(answers[-1].headers["Retry-After"]) > 0
    assert api.get(SERVERS).status_code == 200  # fifty agents behind one address, and one of them with an old key
    assert "guess" not in caplog.text and caplog.text.count("too many requests with wrong keys") == 1


def test_a_thousand_guesses_at_codes_are_refused_and_a_few_lines_in_the_log(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    codes = {"/api/v1/pair": api.hub.pairing.make("attic").code, "/login": api.hub.login_codes.make().code}
    with requests.Session() as session:
        for path, code in codes.items():
            kind = "json" if path == "/api/v1/pair" else "data"
            statuses = [
                session.post(api.address + path, timeout=60, **{kind: {"code": f"22222{number}"}}).status_code
                for number in range(1000)
            ]
            assert statuses == [404] * 10 + [429] * 990
            api.clock.now += 60
            good = session.post(api.address + path, timeout=60, allow_redirects=False, **{kind: {"code": code}})
            assert good.status_code in {200, 303}
    lines = [record for record in caplog.records if record.name.startswith("quartermaster.hub")]
    assert 2 <= len(lines) <= 40
    assert "too many attempts" in caplog.text and "22222" not in caplog.text
