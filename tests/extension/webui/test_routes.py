"""The form of requests and answers; what the answers say is tested with the views."""

from collections.abc import Iterator

import pytest
from fastapi import FastAPI
from quartermaster.extension.webui import routes
from quartermaster.extension.webui.host import Host
from quartermaster.extension.webui.question import Answer, File, Question, Route, RouteError
from quartermaster.hub_client import UnreachableError
from quartermaster.tests.extension.webui.conftest import Client, WebUI, serving


def broken(question: Question) -> Answer:
    raise RuntimeError("/home/somebody/secret")


def away(question: Question) -> Answer:
    raise UnreachableError("the hub is away")


@pytest.fixture
def client(web_ui: WebUI) -> Iterator[Client]:
    app = FastAPI()
    views = {
        "echo": lambda q: {"query": q.query, "lists": q.lists, "body": q.body, "image": len(q.image or b"")},
        "broken": broken,
        "away": away,
        "file": lambda q: File(b"png", "image/png"),
        "number": lambda q: {"number": q.number("n", 7, 100)},
        "choice": lambda q: {"choice": q.choice("c", frozenset({"a", "b"}), "a")},
        "words": lambda q: {"words": q.words("w", 2)},
    }
    listed = [Route(method, name, view) for name, view in views.items() for method in ("GET", "POST")]
    routes.add_routes(app, Host(), tuple(listed))
    with serving(app) as client:
        yield client


def test_an_answer_is_json_that_says_so(client: Client) -> None:
    answer = client.get("/quartermaster/echo?a=1&a=2")
    assert answer.json() == {"success": True, "query": {"a": "2"}, "lists": {"a": ["1", "2"]}, "body": {}, "image": 0}
    assert answer.headers["cache-control"] == "no-store"
    assert client.head("/quartermaster/echo").status_code == 200
    assert client.get("/quartermaster/file").content == b"png"


def test_a_fault_of_ours_tells_the_console_and_nobody_else(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    answer = client.get("/quartermaster/broken")
    assert (answer.status_code, answer.json()["error"]) == (500, "internal_error")
    assert "secret" not in answer.text
    assert "secret" in caplog.text


def test_a_hub_that_is_away_is_said_in_words(client: Client) -> None:
    answer = client.get("/quartermaster/away")
    assert answer.status_code == 502
    assert answer.json() == {"success": False, "error": "hub_unavailable", "message": "the hub is away", "details": {}}


@pytest.mark.parametrize(
    ("content", "kind", "status", "code"),
    [
        (b"{", "application/json", 400, "invalid_json"),
        (b"[]", "application/json", 400, "invalid_json"),
        (b"[" * 100_000, "application/json", 400, "invalid_json"),
        (b"a=1", "application/x-www-form-urlencoded", 415, "unsupported_media_type"),
        (b"{}", "text/plain", 415, "unsupported_media_type"),
    ],
)
def test_a_body_that_is_none_is_refused(client: Client, content: bytes, kind: str, status: int, code: str) -> None:
    answer = client.post("/quartermaster/echo", data=content, headers={"Content-Type": kind})
    assert (answer.status_code, answer.json()["error"]) == (status, code)


def test_an_image_is_taken_and_a_huge_one_is_not(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "MAX_BODY_BYTES", 100)
    send = {"headers": {"Content-Type": "image/png"}}
    assert client.post("/quartermaster/echo", data=b"x" * 100, **send).json()["image"] == 100  # type: ignore[arg-type]
    assert client.post("/quartermaster/echo", data=b"x" * 101, **send).status_code == 413  # type: ignore[arg-type]


@pytest.mark.parametrize("query", ["n=-1", "n=101", "n=x", "n=1.0", "n=٣", "n=9999999999999"])
def test_a_number_is_a_number(client: Client, query: str) -> None:
    answer = client.get(f"/quartermaster/number?{query}")
    assert (answer.status_code, answer.json()["details"]) == (422, {"field": "n"})
    assert client.get("/quartermaster/number").json()["number"] == 7


def test_a_choice_and_a_list_are_checked(client: Client) -> None:
    assert client.get("/quartermaster/choice?c=c").status_code == 422
    assert client.get("/quartermaster/choice?c=").json()["choice"] == "a"
    for wrong in ({}, {"w": []}, {"w": ["a", 1]}, {"w": "ab"}, {"w": ["a", "b", "c"]}):
        assert client.post("/quartermaster/words", json=wrong).status_code == 422
    assert client.post("/quartermaster/words", json={"w": ["a"]}).json()["words"] == ["a"]


def test_a_view_may_say_what_is_wrong(web_ui: WebUI) -> None:
    def view(question: Question) -> Answer:
        raise RouteError(409, "not_paired", "pair first", {"x": 1})

    app = FastAPI()
    routes.add_routes(app, Host(), (Route("GET", "x", view),))
    with serving(app) as client:
        answer = client.get("/quartermaster/x")
    assert answer.json() == {"success": False, "error": "not_paired", "message": "pair first", "details": {"x": 1}}
