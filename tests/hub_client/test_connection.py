import gzip
import json
import threading
from typing import Any

import pytest
import requests
import responses
from quartermaster.hub_client import (
    NO_RETRY,
    BadAnswerError,
    ConflictError,
    Credentials,
    ForbiddenError,
    HubClient,
    HubError,
    InvalidRequestError,
    NotFoundError,
    RateLimitedError,
    RetryPolicy,
    ServerFaultError,
    StoppedError,
    TimedOutError,
    UnauthorisedError,
)
from quartermaster.hub_client.connection import pack

HUB = "http://attic.example:7807"
PATH = "/api/v1/x"
KEY, SECRET = "qm_key_1", "hunter2hunter2"
AT_ONCE = RetryPolicy(attempts=3, base_seconds=0)


class Patience(threading.Event):
    """A stop event that is never set and waits for nothing; ``waited`` are the seconds it was asked to wait."""

    def __init__(self) -> None:
        super().__init__()
        self.waited: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.waited.append(timeout or 0.0)
        return self.is_set()


def client(retry: RetryPolicy = AT_ONCE, address: str = HUB, stop: threading.Event | None = None) -> HubClient:
    return HubClient(address, Credentials(KEY, SECRET), retry=retry, stop=stop)


def error_answer(code: str = "some_code", message: str = "Some words.", **details: object) -> dict[str, object]:
    return {"success": False, "error": code, "message": message, "details": details}


@responses.activate
@pytest.mark.parametrize(
    ("status", "ours"),
    [
        (400, InvalidRequestError),
        (401, UnauthorisedError),
        (403, ForbiddenError),
        (404, NotFoundError),
        (409, ConflictError),
        (413, InvalidRequestError),
        (418, InvalidRequestError),
        (422, InvalidRequestError),
        (426, InvalidRequestError),
        (429, RateLimitedError),
        (500, ServerFaultError),
        (503, ServerFaultError),
        (599, ServerFaultError),
    ],
)
def test_a_status_has_its_error(status: int, ours: type[HubError]) -> None:
    answer = error_answer(field="models[3].sha256")
    responses.get(HUB + PATH, json=answer, status=status, headers={"Retry-After": "9"})
    with pytest.raises(ours, match="Some words") as caught:
        client(NO_RETRY).call("GET", PATH)
    error = caught.value
    assert (error.status, error.code, error.details) == (status, "some_code", {"field": "models[3].sha256"})
    assert error.retry_after_seconds == 9.0
    assert HUB in str(error)
    if ours is InvalidRequestError:
        assert error.field == "models[3].sha256"


@responses.activate
@pytest.mark.parametrize(
    ("status", "ours"),
    [
        (401, UnauthorisedError),
        (403, ForbiddenError),
        (413, InvalidRequestError),
        (429, RateLimitedError),
        (502, ServerFaultError),
        (404, BadAnswerError),
        (405, BadAnswerError),
        (409, BadAnswerError),
        (600, BadAnswerError),
    ],
)
@pytest.mark.parametrize(
    "body", ["<html>nginx</html>", '{"detail": "Not Found"}', "", "[]", '{"error": 3}', "[" * 100_000], ids=range(6)
)
def test_an_error_that_is_not_in_a_hubs_words_is_a_proxys_or_a_strangers(
    status: int, ours: type[HubError], body: str
) -> None:
    responses.get(HUB + PATH, body=body, status=status)
    with pytest.raises(ours) as caught:
        client(NO_RETRY).call("GET", PATH)
    assert str(status) in str(caught.value)
    assert getattr(caught.value, "code", None) is None


@responses.activate
@pytest.mark.parametrize("status", [304, 399])
def test_a_status_that_no_hub_answers_with_is_a_bad_answer(status: int) -> None:
    responses.get(HUB + PATH, status=status)
    with pytest.raises(BadAnswerError, match=str(status)):
        client().call("GET", PATH)


@responses.activate
@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        ("<html>hello</html>", "text/html"),
        ("", "application/json"),
        ('{"half":', "application/json"),
        ('{"x": NaN}', "application/json"),
        ("[" * 100_000, "application/json"),
        (b"\xff\xfe\xff", "application/json"),
        ("9" * 5000, "application/json"),
    ],
    ids=["html", "empty", "half", "nan", "nested", "bytes", "number"],
)
def test_what_is_not_json_is_a_bad_answer_that_is_not_asked_for_again(body: str | bytes, content_type: str) -> None:
    answer = responses.get(HUB + PATH, body=body, content_type=content_type)
    with pytest.raises(BadAnswerError, match=content_type):
        client().call("GET", PATH, repeatable=True)
    assert answer.call_count == 1


@responses.activate
@pytest.mark.parametrize(
    ("location", "words"),
    [
        ("https://attic.example/api/v1/x", "https://attic.example/api/v1/x"),
        ("http://me:hunter2hunter2@evil.example/?token=hunter2hunter2#hunter2hunter2", "http://evil.example/"),
        ("/elsewhere", "http://attic.example:7807/elsewhere"),
        (PATH, "to itself"),
        ("", "to itself"),
        ("http://[::1", "cannot be read"),
    ],
)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_told_and_not_followed(status: int, location: str, words: str) -> None:
    answer = responses.get(HUB + PATH, status=status, headers={"Location": location})
    with pytest.raises(BadAnswerError) as caught:
        client().call("GET", PATH, repeatable=True)
    assert words in str(caught.value)
    assert SECRET not in str(caught.value)
    assert answer.call_count == len(responses.calls) == 1


@responses.activate
def test_the_hubs_words_are_bounded_printable_and_without_our_key() -> None:
    words = f"The key {KEY} with {SECRET}\nis \x1b[2Junknown " + "x" * 10_000
    responses.get(HUB + PATH, json=error_answer("unauthorized", words), status=401)
    with pytest.raises(UnauthorisedError, match="QUARTERMASTER_API_KEY") as caught:
        client().call("GET", PATH)
    message = str(caught.value)
    assert message.isprintable()
    assert len(message) < 1000
    assert KEY not in message
    assert SECRET not in message


@responses.activate
def test_the_key_and_our_name_go_along() -> None:
    responses.get(HUB + PATH, json={})
    client().call("GET", PATH)
    headers = responses.calls[0].request.headers
    assert (headers["X-API-Key"], headers["X-API-Secret"]) == (KEY, SECRET)
    assert headers["User-Agent"].startswith("quartermaster/")


@responses.activate
def test_a_login_in_netrc_does_not_go_along(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine attic.example login me password hunter3\n", encoding="utf-8")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    responses.get(HUB + PATH, json={})
    assert requests.get(HUB + PATH, timeout=1).request.headers["Authorization"], "the file would be used"
    for credentials in (None, Credentials(KEY, SECRET)):
        HubClient(HUB, credentials).call("GET", PATH)
        assert "Authorization" not in responses.calls[-1].request.headers


@responses.activate
@pytest.mark.parametrize(
    ("address", "proxied"),
    [
        (HUB, True),
        ("http://127.0.0.1:7807", False),
        ("http://localhost:7807", False),
        ("http://[::1]:7807", False),
        ("http://127.3.2.1:7807", False),
    ],
)
def test_a_proxy_is_used_but_never_for_this_machine(
    address: str, proxied: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("no_proxy", "NO_PROXY", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("http_proxy", "http://proxy.example:3128")
    responses.get(address + PATH, json={})
    client(address=address).call("GET", PATH)
    proxies = responses.calls[0].request.req_kwargs["proxies"]  # type: ignore[attr-defined]  # put there by responses
    assert (proxies.get("http") == "http://proxy.example:3128") is proxied


@responses.activate
@pytest.mark.parametrize(
    "failure",
    [
        {"body": requests.exceptions.ConnectionError("reset")},
        {"body": requests.exceptions.ReadTimeout()},
        {"status": 429, "json": error_answer("rate_limited")},
        {"status": 500, "json": error_answer("internal")},
        {"status": 502, "body": "<html>"},
    ],
    ids=["reset", "timeout", "429", "500", "502"],
)
def test_what_may_pass_is_tried_again(failure: dict[str, Any]) -> None:
    responses.get(HUB + PATH, **failure)
    responses.get(HUB + PATH, **failure)
    responses.get(HUB + PATH, json={"third": "time"})
    assert client().call("GET", PATH, repeatable=True) == {"third": "time"}
    assert len(responses.calls) == 3


@responses.activate
def test_attempts_come_to_an_end_with_the_last_error() -> None:
    responses.get(HUB + PATH, body=requests.exceptions.ReadTimeout())
    responses.get(HUB + PATH, status=500)
    last = responses.get(HUB + PATH, status=503)
    with pytest.raises(ServerFaultError, match="503"):
        client().call("GET", PATH, repeatable=True)
    assert last.call_count == 1
    assert len(responses.calls) == 3


@responses.activate
@pytest.mark.parametrize("failure", [{"body": requests.exceptions.ReadTimeout()}, {"status": 503}, {"status": 429}])
def test_what_may_not_be_sent_twice_is_sent_once(failure: dict[str, Any]) -> None:
    responses.post(HUB + PATH, **failure)
    with pytest.raises((TimedOutError, ServerFaultError, RateLimitedError)):
        client().call("POST", PATH, {})
    assert len(responses.calls) == 1


@responses.activate
@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422])
def test_a_refusal_is_not_argued_with(status: int) -> None:
    responses.get(HUB + PATH, status=status, json=error_answer())
    with pytest.raises(HubError):
        client().call("GET", PATH, repeatable=True)
    assert len(responses.calls) == 1


@responses.activate
def test_retry_after_is_obeyed() -> None:
    patience = Patience()
    responses.get(HUB + PATH, status=429, headers={"Retry-After": "7"})
    responses.get(
        HUB + PATH,
        status=503,
        headers={"Date": "Fri, 01 Jan 2021 00:00:00 GMT", "Retry-After": "Fri, 01 Jan 2021 00:00:09 GMT"},
    )
    responses.get(HUB + PATH, json={})
    assert client(stop=patience).call("GET", PATH, repeatable=True) == {}
    assert patience.waited == [7.0, 9.0]


@responses.activate
def test_a_retry_after_beyond_our_patience_is_left_to_the_caller() -> None:
    patience = Patience()
    responses.get(HUB + PATH, status=429, headers={"Retry-After": "3600"})
    with pytest.raises(RateLimitedError) as caught:
        client(stop=patience).call("GET", PATH, repeatable=True)
    assert caught.value.retry_after_seconds == 3600.0
    assert patience.waited == []


@responses.activate
def test_a_stop_ends_the_pause_between_attempts() -> None:
    class StopsWhileWaiting(Patience):
        def wait(self, timeout: float | None = None) -> bool:
            self.set()
            return super().wait(timeout)

    responses.get(HUB + PATH, status=503)
    with pytest.raises(StoppedError):
        client(stop=StopsWhileWaiting()).call("GET", PATH, repeatable=True)
    assert len(responses.calls) == 1


@responses.activate
def test_after_a_stop_nothing_is_asked() -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(StoppedError):
        client(stop=stop).call("GET", PATH)
    assert len(responses.calls) == 0


@responses.activate
def test_a_large_body_travels_packed_and_a_small_one_as_it_is() -> None:
    responses.post(HUB + PATH, json={})
    for body in ({"x": "ü"}, {"x": "ü" * 5000}):
        client().call("POST", PATH, body)
    small, large = (call.request for call in responses.calls)
    assert json.loads(small.body) == {"x": "ü"}
    assert "Content-Encoding" not in small.headers
    assert json.loads(gzip.decompress(large.body)) == {"x": "ü" * 5000}
    assert large.headers["Content-Encoding"] == "gzip"
    assert large.headers["Content-Type"] == small.headers["Content-Type"] == "application/json"
    assert len(large.body) < 200


def test_a_body_packs_to_the_same_bytes_each_time() -> None:
    assert pack({"x": "y" * 5000}) == pack({"x": "y" * 5000})


def test_what_json_has_no_word_for_is_not_sent() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        client().call("POST", PATH, {"x": float("nan")})


def test_a_client_shows_its_hub_and_not_its_key() -> None:
    shown = repr(client()) + repr(vars(client())) + repr(vars(client()._connection))
    assert HUB in shown
    assert KEY not in shown
    assert SECRET not in shown
