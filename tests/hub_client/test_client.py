import gzip
import json
import threading
from typing import Any

import pytest
import responses
from quartermaster.hub_client import (
    MAX_HASHES_PER_BATCH,
    NO_RETRY,
    AddressError,
    Availability,
    BadAnswerError,
    BaseMismatch,
    Buckets,
    ConflictError,
    Delta,
    FullList,
    Heartbeat,
    HubClient,
    ModelEntry,
    NotFoundError,
    Sender,
    ServerFaultError,
    ServerInfo,
    SetupError,
    SyncAnswer,
)

HUB = "http://attic.example:7807"
SYNC = f"{HUB}/api/v1/servers/attic/models/sync"
EMPTY = "0" * 16
IN_SYNC = {"success": True, "in_sync": True, "digest": EMPTY, "count": 0}
AUTOV2 = "0123ABCDEF"
ENTRY = ModelEntry("models/Lora/x.safetensors", "LORA", 3, "ab" * 32)
SENDER = Sender("a-1", {"version": "1"})


@pytest.fixture
def hub() -> HubClient:
    return HubClient(HUB, retry=NO_RETRY)


def sent(index: int = -1) -> Any:
    request = responses.calls[index].request
    body = request.body
    return json.loads(gzip.decompress(body) if request.headers.get("Content-Encoding") == "gzip" else body)


@responses.activate
def test_a_heartbeat_is_one_small_request(hub: HubClient) -> None:
    responses.post(SYNC, json=IN_SYNC)
    assert hub.heartbeat("attic", Heartbeat(EMPTY, 0), SENDER) == SyncAnswer(in_sync=True, digest=EMPTY, count=0)
    assert sent() == {"protocol": 1, "agent_id": "a-1", "agent": {"version": "1"}, "digest": EMPTY, "count": 0}
    assert len(responses.calls) == 1


@responses.activate
def test_every_body_goes_to_the_one_endpoint_with_its_sender(hub: HubClient) -> None:
    responses.post(SYNC, json=IN_SYNC)
    delta, buckets, full = Delta(EMPTY, EMPTY, [ENTRY]), Buckets({"a3": [ENTRY]}), FullList([ENTRY])
    assert hub.push_delta("attic", delta, SENDER).in_sync
    assert hub.push_buckets("attic", buckets, SENDER).in_sync
    assert hub.push_full("attic", full).in_sync
    head = {"protocol": 1, **SENDER.to_wire()}
    bodies = [{**head, **delta.to_wire()}, {**head, **buckets.to_wire()}, {"protocol": 1, **full.to_wire()}]
    assert [sent(index) for index in range(3)] == bodies


@responses.activate
def test_the_base_mismatch_of_a_delta_carries_the_hubs_state(hub: HubClient) -> None:
    details = {"digest": EMPTY, "count": 7, "buckets": {"bits": 8, "digests": {"a3": "f" * 16}}}
    answer = {"success": False, "error": "base_mismatch", "message": "no", "details": details}
    responses.post(SYNC, json=answer, status=409)
    with pytest.raises(ConflictError) as caught:
        hub.push_delta("attic", Delta("a" * 16, "b" * 16))
    assert caught.value.code == "base_mismatch"
    assert BaseMismatch.from_wire(caught.value.details).buckets.digests == {"a3": "f" * 16}


@responses.activate
def test_an_agent_that_is_told_to_stop_can_still_say_goodbye_once() -> None:
    stop = threading.Event()
    stop.set()
    hub = HubClient(HUB, stop=stop)
    responses.post(SYNC, json=IN_SYNC)
    assert hub.heartbeat("attic", Heartbeat(EMPTY, 0, leaving=True), SENDER).in_sync
    assert sent()["leaving"] is True
    responses.replace(responses.POST, SYNC, status=503)
    with pytest.raises(ServerFaultError):
        hub.heartbeat("attic", Heartbeat(EMPTY, 0, leaving=True), SENDER)
    assert len(responses.calls) == 2


@responses.activate
@pytest.mark.parametrize(
    ("server_id", "segment"),
    [("a b", "a%20b"), ("a/../b", "a%2F..%2Fb"), ("dachboden-ü", "dachboden-%C3%BC"), ("a?b#c", "a%3Fb%23c")],
)
def test_a_server_id_stays_one_segment_of_the_path(hub: HubClient, server_id: str, segment: str) -> None:
    responses.post(f"{HUB}/api/v1/servers/{segment}/models/sync", json=IN_SYNC)
    assert hub.heartbeat(server_id, Heartbeat(EMPTY, 0)).in_sync
    assert responses.calls[0].request.path_url == f"/api/v1/servers/{segment}/models/sync"


@pytest.mark.parametrize("server_id", ["", ".", ".."])
def test_a_server_id_that_would_change_the_path_is_refused(hub: HubClient, server_id: str) -> None:
    with pytest.raises(SetupError):
        hub.heartbeat(server_id, Heartbeat(EMPTY, 0))


@responses.activate
def test_an_answer_without_what_we_need_is_a_bad_answer_that_names_it(hub: HubClient) -> None:
    responses.post(SYNC, json={"success": True, "in_sync": True, "digest": EMPTY})
    with pytest.raises(BadAnswerError, match="count is missing") as caught:
        hub.heartbeat("attic", Heartbeat(EMPTY, 0))
    assert caught.value.field == "count"
    assert HUB in str(caught.value)


@responses.activate
def test_availability_is_asked_for_one_hash(hub: HubClient) -> None:
    responses.get(f"{HUB}/api/v1/models/{AUTOV2.lower()}/availability", json={"status": "unavailable", "servers": []})
    assert hub.availability(AUTOV2) == Availability(AUTOV2, "unavailable")


@responses.activate
def test_a_hash_that_no_model_is_known_for_has_the_status_unknown(hub: HubClient) -> None:
    url = f"{HUB}/api/v1/models/{AUTOV2.lower()}/availability"
    responses.get(url, status=404, json={"success": False, "error": "model_not_found", "message": "no"})
    assert hub.availability(AUTOV2) == Availability(AUTOV2, "unknown")
    responses.replace("GET", url, status=404, json={"success": False, "error": "not_found", "message": "no"})
    with pytest.raises(NotFoundError):
        hub.availability(AUTOV2)


@responses.activate
def test_many_hashes_are_asked_for_in_batches_and_answered_in_order(hub: HubClient) -> None:
    def answer(request: Any) -> tuple[int, dict[str, str], str]:
        body = gzip.decompress(request.body) if "Content-Encoding" in request.headers else request.body
        hashes = json.loads(body)["hashes"]
        results = {asked: {"status": "available", "model": {"sha256": asked}} for asked in hashes}
        return 200, {}, json.dumps({"success": True, "results": results})

    responses.add_callback("POST", f"{HUB}/api/v1/models/availability", answer)
    hashes = [f"{number:010X}" for number in range(2 * MAX_HASHES_PER_BATCH)] + ["0" * 10]
    found = list(hub.availabilities(iter(hashes)))
    assert [answer.hash for answer in found] == hashes
    assert [(answer.model or {})["sha256"] for answer in found] == [text.lower() for text in hashes]
    assert [len(sent(index)["hashes"]) for index in range(3)] == [MAX_HASHES_PER_BATCH, MAX_HASHES_PER_BATCH, 1]


@responses.activate
def test_one_malformed_hash_among_many_is_refused_before_anything_is_asked(hub: HubClient) -> None:
    with pytest.raises(ValueError, match="no model hash"):
        hub.availabilities([AUTOV2, "nonsense"])
    for ask in (hub.availability, hub.model):
        with pytest.raises(ValueError, match="no model hash"):
            ask("../../keys")
    assert list(hub.availabilities([])) == []
    assert len(responses.calls) == 0


@responses.activate
def test_models_come_page_by_page(hub: HubClient) -> None:
    url = f"{HUB}/api/v1/models"
    for query, answer in (
        ({"type": "LORA", "limit": "2"}, {"models": [{"n": 1}, {"n": 2}], "next_cursor": "a&b"}),
        ({"type": "LORA", "limit": "2", "cursor": "a&b"}, {"models": [{"n": 3}], "next_cursor": None}),
    ):
        responses.get(url, json=answer, match=[responses.matchers.query_param_matcher(query)])
    models = hub.models({"type": "LORA", "limit": "2"})
    assert next(models) == {"n": 1}
    assert len(responses.calls) == 1
    assert list(models) == [{"n": 2}, {"n": 3}]


@responses.activate
def test_a_list_of_models_that_turns_in_a_circle_ends(hub: HubClient) -> None:
    responses.get(f"{HUB}/api/v1/models", json={"models": [{"n": 1}], "next_cursor": "again"})
    with pytest.raises(BadAnswerError, match="never end"):
        list(hub.models())
    assert len(responses.calls) == 2


@responses.activate
def test_a_list_of_models_without_models_is_a_bad_answer(hub: HubClient) -> None:
    responses.get(f"{HUB}/api/v1/models", json={"success": True})
    with pytest.raises(BadAnswerError, match="models is missing"):
        list(hub.models())


@responses.activate
def test_servers_are_a_list_with_aliases(hub: HubClient) -> None:
    responses.get(f"{HUB}/api/v1/servers", json=[{"alias": "Attic", "server_id": "attic", "state": "present"}])
    assert hub.servers() == (ServerInfo("attic", "Attic", "present"),)
    responses.replace("GET", f"{HUB}/api/v1/servers", json=[])
    assert hub.servers() == ()
    responses.replace("GET", f"{HUB}/api/v1/servers", body="null")
    with pytest.raises(BadAnswerError, match="servers is missing"):
        hub.servers()
    responses.replace("GET", f"{HUB}/api/v1/servers", json=[{"name": "Attic"}])
    with pytest.raises(BadAnswerError, match=r"servers\[0\]\.alias is missing"):
        hub.servers()


@responses.activate
def test_other_routes_answer_objects(hub: HubClient) -> None:
    responses.post(f"{HUB}/api/v1/models/register", json={"registered": True})
    responses.get(f"{HUB}/api/v1/models/{AUTOV2.lower()}", json={"model": {}})
    responses.post(f"{HUB}/api/v1/compatibility", json={"grade": "Full", "steps": []})
    responses.get(f"{HUB}/healthz", json={"status": "ok"})
    assert hub.register({"sha256": "ab" * 32}) == {"registered": True}
    assert hub.model(AUTOV2) == {"model": {}}
    assert hub.compatibility({"checkpoint": "SD 1.5"}) == {"grade": "Full", "steps": []}
    assert hub.healthz() == {"status": "ok"}
    assert sent(0) == {"sha256": "ab" * 32}
    responses.replace("GET", f"{HUB}/healthz", json="ok")
    with pytest.raises(BadAnswerError, match="must be an object"):
        hub.healthz()


@responses.activate
def test_a_hub_below_a_path_is_asked_there() -> None:
    responses.get("https://example.org/hub/healthz", json={})
    with HubClient("https://example.org/hub/") as hub:
        assert hub.healthz() == {}
    assert hub.address == "https://example.org/hub"


def test_an_address_that_is_none_is_refused_at_once() -> None:
    with pytest.raises(AddressError):
        HubClient("attic:7807")
