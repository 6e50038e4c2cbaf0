import json
from typing import Any

import pytest
import responses
from quartermaster.hub_client import (
    AddressError,
    BadAnswerError,
    Credentials,
    NotFoundError,
    Pairing,
    RateLimitedError,
    ServerFaultError,
    UnreachableError,
    pair,
)

HUB = "http://attic.example:7807"
PAIR = f"{HUB}/api/v1/pair"
ANSWER = {"success": True, "server_id": "attic", "key": "qm_0123456789", "secret": "s" * 64}


@responses.activate
def test_a_code_is_exchanged_for_the_key_without_any_of_our_own() -> None:
    responses.post(PAIR, json=ANSWER)
    paired = pair(f"{HUB}/", "K7QM-3XTP")
    assert paired == Pairing(HUB, "attic", Credentials("qm_0123456789", "s" * 64))
    assert "s" * 64 not in repr(paired)
    request = responses.calls[0].request
    assert json.loads(request.body or b"") == {"code": "K7QM-3XTP"}
    assert "X-API-Key" not in request.headers


@responses.activate
def test_a_code_that_is_not_valid_says_what_to_do() -> None:
    refused = {"success": False, "error": "pairing_code_invalid", "message": "Make a new one", "details": {}}
    responses.post(PAIR, json=refused, status=404)
    with pytest.raises(NotFoundError, match="Make a new one") as caught:
        pair(HUB, "x")
    assert caught.value.code == "pairing_code_invalid"


@responses.activate
@pytest.mark.parametrize(("status", "error"), [(429, RateLimitedError), (503, ServerFaultError)])
def test_it_is_sent_once_whatever_the_answer(status: int, error: type[Exception]) -> None:
    refused = {"success": False, "error": "rate_limited", "message": "later", "details": {}}
    responses.post(PAIR, json=refused, status=status, headers={"Retry-After": "0"})
    with pytest.raises(error):
        pair(HUB, "x")
    assert len(responses.calls) == 1


@responses.activate
@pytest.mark.parametrize("answer", [{}, {**ANSWER, "key": None}, {**ANSWER, "secret": 5}, {**ANSWER, "key": "a b"}, []])
def test_an_answer_without_a_usable_key_is_a_bad_one(answer: Any) -> None:
    responses.post(PAIR, json=answer)
    with pytest.raises(BadAnswerError, match=HUB):
        pair(HUB, "x")


def test_a_wrong_address_and_a_hub_that_is_not_there_are_told_apart() -> None:
    with pytest.raises(AddressError):
        pair("attic", "x")
    with pytest.raises(UnreachableError):
        pair("http://127.0.0.1:1", "x")
