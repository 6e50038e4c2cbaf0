import json
from typing import Any

import pytest
import responses
from quartermaster.hub_client import NO_RETRY, BadAnswerError, HubClient, Override

HUB = "http://attic.example:7807"
SHA = "ab" * 32
URL = f"{HUB}/api/v1/models/{SHA}/overrides"
WIRE = {"base_model": "Pony", "ecosystem": "Pony", "type": None, "note": "trained on it", "by": "attic", "at": "2026"}


@pytest.fixture
def hub() -> HubClient:
    return HubClient(HUB, retry=NO_RETRY)


@responses.activate
def test_a_correction_is_put_whole_and_read_back(hub: HubClient) -> None:
    responses.put(URL, json={"success": True, "override": WIRE})
    made = hub.override(SHA.upper(), base_model="pony", note="trained on it")
    assert made == Override(base_model="Pony", ecosystem="Pony", note="trained on it", by="attic", at="2026")
    assert json.loads(responses.calls[0].request.body or b"") == {
        "base_model": "pony",
        "type": None,
        "note": "trained on it",
    }
    responses.get(URL, json={"success": True, "override": WIRE})
    assert hub.override_of(SHA) == made


@responses.activate
def test_what_is_not_corrected_has_none_and_taking_back_asks_for_that(hub: HubClient) -> None:
    responses.get(URL, json={"success": True, "override": None})
    responses.delete(URL, json={"success": True, "override": None})
    assert hub.override_of(SHA) is None
    hub.clear_override(SHA)
    assert [call.request.method for call in responses.calls] == ["GET", "DELETE"]


@responses.activate
@pytest.mark.parametrize("answer", [{"success": True}, {"override": {"type": 5}}, {"override": "Pony"}, []])
def test_an_answer_without_the_correction_is_a_bad_one(hub: HubClient, answer: Any) -> None:
    responses.put(URL, json=answer)
    with pytest.raises(BadAnswerError, match=HUB):
        hub.override(SHA, type="LORA")


@responses.activate
def test_a_malformed_hash_is_refused_before_anything_is_asked(hub: HubClient) -> None:
    for ask in (hub.override, hub.override_of, hub.clear_override):
        with pytest.raises(ValueError, match="no model hash"):
            ask("../x")
    assert len(responses.calls) == 0
