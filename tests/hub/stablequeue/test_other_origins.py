"""What a browser would let a web UI's page do with this hub, asked as a browser asks."""

from collections.abc import Callable
from dataclasses import replace

import anyio
import pytest
from quartermaster.hub.cors import OtherOrigins
from quartermaster.hub.settings import HubSettings
from quartermaster.tests.hub.samples import Api
from starlette.types import Message, Receive, Scope, Send

FORGE = "http://localhost:7860"
SERVERS = "/api/v1/servers"


def preflight(api: Api, origin: str, method: str = "POST", path: str = "/api/v2/generate") -> dict[str, str]:
    asked = {
        "Origin": origin,
        "Access-Control-Request-Method": method,
        "Access-Control-Request-Headers": "content-type,x-api-key,x-api-secret,authorization",
    }
    answer = replace(api, headers={}).call("OPTIONS", path, headers=asked)
    allowed = answer.headers.get("Access-Control-Allow-Origin")
    assert (answer.status_code == 200) == (allowed is not None)
    return {name.lower(): value for name, value in answer.headers.items()}


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
def test_a_web_ui_may_ask_with_a_key_in_either_kind_of_header(api: Api, method: str) -> None:
    allowed = preflight(api, FORGE, method)
    assert allowed["access-control-allow-origin"] == FORGE
    assert method in allowed["access-control-allow-methods"]
    for header in ("content-type", "x-api-key", "x-api-secret", "authorization"):
        assert header in allowed["access-control-allow-headers"].lower()
    assert "origin" in allowed["vary"].lower()
    answer = api.call("GET", SERVERS, headers={"Origin": FORGE})
    assert (answer.status_code, answer.headers["Access-Control-Allow-Origin"]) == (200, FORGE)
    assert "x-request-id" in answer.headers["Access-Control-Expose-Headers"].lower()


def test_errors_can_be_read_there_too(api: Api) -> None:
    for path in (SERVERS, "/api/v1/no/such/route"):
        answer = replace(api, headers={}).call("GET", path, headers={"Origin": FORGE})
        assert answer.status_code in {401, 404}
        assert answer.headers["Access-Control-Allow-Origin"] == FORGE
        assert answer.json()["success"] is False


@pytest.mark.parametrize("origin", ["http://evil.example", "http://localhost:7861", "https://localhost:7860", "null"])
def test_any_other_page_may_not(api: Api, origin: str) -> None:
    refused = preflight(api, origin)
    assert "origin" in refused["vary"].lower()
    answer = api.call("GET", SERVERS, headers={"Origin": origin})
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert "Origin" in answer.headers["Vary"]


def test_what_depends_on_the_origin_says_so_without_one_too(api: Api) -> None:
    assert "Origin" in api.get(SERVERS).headers["Vary"]


def test_no_answer_ever_allows_cookies(api: Api) -> None:
    assert "access-control-allow-credentials" not in preflight(api, FORGE)
    answer = api.call("GET", SERVERS, headers={"Origin": FORGE, "Cookie": "session=x"})
    assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize("path", ["/docs", "/openapi.json", "/readyz", "/"])
def test_pages_of_the_hub_are_not_open_to_other_origins(api: Api, path: str) -> None:
    assert "Access-Control-Allow-Origin" not in api.call("GET", path, headers={"Origin": FORGE}).headers


@pytest.mark.parametrize(("origin", "kept"), [(FORGE, False), (None, True)])
def test_cookies_from_another_origin_are_taken_away_before_anybody_looks(origin: str | None, kept: bool) -> None:
    seen: list[Scope] = []

    async def app(scope: Scope, _receive: Receive, send: Send) -> None:
        seen.append(scope)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(_message: Message) -> None:
        return None

    headers = [(b"cookie", b"session=secret"), (b"x-api-key", b"k")]
    if origin is not None:
        headers.append((b"origin", origin.encode()))
    scope = {"type": "http", "method": "GET", "path": "/api/v1/servers", "headers": headers}
    anyio.run(OtherOrigins(app, [FORGE]), scope, receive, send)
    names = [name for name, _ in seen[0]["headers"]]
    assert (b"cookie" in names) is kept
    assert b"x-api-key" in names


def test_the_setting_names_other_origins_or_none(settings: HubSettings, start_api: Callable[..., Api]) -> None:
    api = start_api(replace(settings, cors_origins="https://sd.example"))
    assert preflight(api, "https://sd.example")["access-control-allow-origin"] == "https://sd.example"
    preflight(api, FORGE)
    assert "Access-Control-Allow-Origin" not in api.call("GET", SERVERS, headers={"Origin": FORGE}).headers
