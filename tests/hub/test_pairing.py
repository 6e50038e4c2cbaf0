import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import requests
from quartermaster.hub.attempts import PER_ADDRESS
from quartermaster.hub.errors import FieldError
from quartermaster.hub.pairing import ALPHABET, CHARACTERS, LIFETIME_SECONDS
from quartermaster.hub.schema import pairing_codes
from quartermaster.hub.services import Hub
from quartermaster.hub.settings import HubSettings
from quartermaster.tests.hub.samples import Api, entry, together
from sqlalchemy import select

PAIR = "/api/v1/pair"


def redeem(api: Api, code: object, **options: Any) -> requests.Response:
    return replace(api, headers={}).post(PAIR, {"code": code}, **options)


def is_invalid(answer: requests.Response) -> bool:
    return (answer.status_code, answer.json()["error"]) == (404, "pairing_code_invalid")


def agent_of(api: Api, answer: requests.Response) -> Api:
    told = answer.json()
    return replace(api, headers={"X-API-Key": told["key"], "X-API-Secret": told["secret"]})


def test_a_code_is_short_and_free_of_what_people_mistake_for_each_other(api: Api) -> None:
    made = api.hub.pairing.make("attic")
    assert re.fullmatch(f"[{ALPHABET}]{{4}}-[{ALPHABET}]{{4}}", made.code)
    assert len(set(ALPHABET)) ** CHARACTERS >= 1 << 40 and not set(ALPHABET) & set("01IO")
    assert made.expires_at == api.clock.now + LIFETIME_SECONDS
    assert api.hub.pairing.make("attic").code != made.code


def test_a_code_gives_the_key_of_its_server_once(api: Api) -> None:
    code = api.hub.pairing.make("attic", "attic's web UI").code
    answer = redeem(api, code)
    assert answer.status_code == 200
    assert set(answer.json()) == {"success", "server_id", "key", "secret"}
    assert answer.json()["server_id"] == "attic"
    assert answer.headers["Cache-Control"] == "no-store"
    agent = agent_of(api, answer)
    assert agent.sync({"models": [entry("one")]}).status_code == 200
    assert agent.sync({"models": [entry("one")]}, "cellar").status_code == 403
    again = redeem(api, code)
    assert is_invalid(again) and "hub pair" in again.json()["message"]


def test_a_used_an_unknown_an_expired_and_a_malformed_code_are_answered_alike(api: Api) -> None:
    used, expired = api.hub.pairing.make("attic").code, api.hub.pairing.make("attic").code
    assert redeem(api, used).status_code == 200
    api.clock.now += LIFETIME_SECONDS
    answers = [redeem(api, code).json() for code in (used, expired, "2222-2222", "", "nonsense\x00", "ß" * 100)]
    assert answers == [answers[0]] * len(answers)
    assert answers[0]["error"] == "pairing_code_invalid"


def test_a_code_is_good_until_its_last_second_and_as_people_type_it(api: Api) -> None:
    first, second = api.hub.pairing.make("attic").code, api.hub.pairing.make("cellar").code
    api.clock.now += LIFETIME_SECONDS - 1
    assert redeem(api, f" {first.lower().replace('-', ' ')} ").json()["server_id"] == "attic"
    assert redeem(api, second.replace("-", "")).json()["server_id"] == "cellar"


def test_a_clock_that_was_set_back_makes_no_code_live_longer(api: Api) -> None:
    code = api.hub.pairing.make("attic").code
    api.clock.now -= 3600
    assert is_invalid(redeem(api, code))


def test_a_code_used_twice_at_once_gives_one_key(api: Api) -> None:
    code = api.hub.pairing.make("attic").code
    before = len(api.hub.keys.listed())
    answers = together(8, lambda _: requests.post(api.address + PAIR, json={"code": code}, timeout=60))
    assert sorted(answer.status_code for answer in answers) == [200] + [404] * 7
    assert len(api.hub.keys.listed()) == before + 1


def test_a_code_made_by_another_process_before_the_hub_starts_works(
    settings: HubSettings, start_api: Callable[..., Api], clock: Any
) -> None:
    console = Hub(settings, clock)
    code = console.pairing.make("attic").code
    console.close()
    first = start_api(settings)
    second = start_api(settings)  # two hubs over one database, or one that was started again
    assert redeem(second, code).status_code == 200
    assert is_invalid(redeem(first, code))


def test_a_code_is_stored_hashed_and_old_ones_are_forgotten(api: Api) -> None:
    code = api.hub.pairing.make("attic").code
    with api.hub.database.read() as connection:
        stored = str(connection.execute(select(pairing_codes)).all())
    assert code not in stored and code.replace("-", "") not in stored
    api.clock.now += LIFETIME_SECONDS
    api.hub.pairing.make("cellar")
    with api.hub.database.read() as connection:
        assert connection.scalars(select(pairing_codes.c.server_id)).all() == ["cellar"]


def test_the_list_of_keys_tells_which_were_made_by_pairing_and_revoking_ends_them(api: Api) -> None:
    api.with_key("agent", "attic")
    answer = redeem(api, api.hub.pairing.make("attic", "the web UI").code)
    listed = {info.name: info for info in api.hub.keys.listed()}
    assert listed["the web UI"].by_pairing and listed["the web UI"].server_id == "attic"
    assert not listed["a agent"].by_pairing
    api.hub.keys.revoke(answer.json()["key"])
    assert agent_of(api, answer).get("/api/v1/servers").status_code == 401


def test_a_server_that_is_removed_takes_its_open_codes_along(api: Api) -> None:
    api.with_key("agent", "attic")
    gone, stays = api.hub.pairing.make("attic").code, api.hub.pairing.make("cellar").code
    assert api.delete("/api/v1/servers/attic").status_code == 200
    assert is_invalid(redeem(api, gone))
    assert redeem(api, stays).status_code == 200


@pytest.mark.parametrize(("body", "error"), [({}, "missing_required_field"), ({"code": 5}, "invalid_field"),
                                             ({"code": "x" * 101}, "invalid_field")])  # fmt: skip
def test_a_body_without_a_code_names_the_field(api: Api, body: dict[str, Any], error: str) -> None:
    answer = replace(api, headers={}).post(PAIR, body)
    assert (answer.status_code, answer.json()["error"], answer.json()["details"]) == (422, error, {"field": "code"})


def test_a_large_body_from_nobody_is_refused(api: Api) -> None:
    assert redeem(api, "x" * 5000).status_code == 413


def test_guessing_is_stopped_and_the_right_code_waits_as_well(api: Api) -> None:
    code = api.hub.pairing.make("attic").code
    for _ in range(PER_ADDRESS):
        assert is_invalid(redeem(api, "2222-2222"))
    answer = redeem(api, code)
    assert (answer.status_code, answer.json()["error"]) == (429, "rate_limited")
    wait = int(answer.headers["Retry-After"])
    api.clock.now += wait
    assert redeem(api, code).status_code == 200


@pytest.mark.parametrize(("server", "name"), [("a/b", None), ("", None), ("attic", ""), ("attic", "x" * 101)])
def test_a_code_that_makes_no_sense_is_not_made(api: Api, server: str, name: str | None) -> None:
    with pytest.raises(FieldError):
        api.hub.pairing.make(server, name)
    assert api.hub.pairing.make("s" * 100).server_id == "s" * 100
