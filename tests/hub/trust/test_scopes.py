"""The table of routes and scopes, held against the routes that there are and what they answer."""

import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from fastapi import APIRouter
from fastapi.routing import APIRoute
from quartermaster.hub.pages import PAGE_ROUTERS
from quartermaster.hub.routes import ALL_ROUTERS
from quartermaster.hub.trust.scopes import LEAST, PUBLIC, least_scope
from quartermaster.tests.hub.samples import Api, sha

LESSER = {"client": [], "agent": ["client"], "admin": ["client", "agent"]}
VALUES = {"hash": sha("one"), "server_id": "cellar", "key": "qm_0", "session_id": "0", "name": "start.js"}


def routes(routers: tuple[APIRouter, ...] = (*ALL_ROUTERS, *PAGE_ROUTERS)) -> Iterator[str]:
    for router in routers:
        for route in router.routes:
            if isinstance(route, APIRoute):
                for method in sorted(route.methods - {"HEAD"}):
                    yield f"{method} {route.path}"


PAGES = {name for name in routes(PAGE_ROUTERS) if name.startswith("GET ")}
GUARDED = sorted({name for name in routes() if name not in PUBLIC})


def call(api: Api, name: str) -> tuple[int, str]:
    method, _, path = name.partition(" ")
    path = re.sub(r"\{(\w+)[^}]*\}", lambda found: VALUES.get(found[1], "1"), path)
    answer = api.call(method, path, **({} if method == "GET" else {"json": {}}), allow_redirects=False)
    is_refused = answer.status_code >= 300 and answer.headers.get("Content-Type") == "application/json"
    return answer.status_code, answer.json()["error"] if is_refused else ""


def test_every_route_of_the_api_is_in_the_table_and_nothing_else_is() -> None:
    there = set(routes())
    assert {name for name in there if " /api/" in name} <= LEAST.keys() | PUBLIC
    assert LEAST.keys() | PUBLIC <= there
    assert not LEAST.keys() & PUBLIC


def test_without_a_key_no_route_but_the_public_ones_answers(api: Api) -> None:
    nobody = replace(api, headers={})
    for name in GUARDED:
        refused = call(nobody, name)
        if name in PAGES:
            assert refused == (303, "login_required"), name
        else:
            assert refused == (401, "unauthorized"), name
    for name in sorted(PUBLIC):
        assert call(nobody, name)[0] not in {401, 403}, name


def test_a_lesser_key_is_refused_by_every_route_that_needs_more(api: Api) -> None:
    keys = {"client": api.with_key("client"), "agent": api.with_key("agent", "attic"), "admin": api}
    for name in GUARDED:
        least = least_scope(*name.split(" "))
        for scope in LESSER[least]:
            assert call(keys[scope], name) == (403, "forbidden"), (name, scope)
        status, error = call(keys[least], name)
        # An agent is refused what is not its own; a page may keep what it shows to administrators.
        finer = (403, "forbidden") if least == "agent" or name in PAGES else (200, "")
        assert (status < 500 and (status, error) in {finer}) or status not in {401, 403}, (name, status, error)


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/api/v1/forgotten", "admin"),
        ("POST", "/api/v1/forgotten", "admin"),
        ("HEAD", "/api/v1/servers", "client"),
        ("GET", "/models", "client"),
        ("POST", "/models", "admin"),
    ],
)
def test_what_is_not_in_the_table_is_shut(method: str, path: str, scope: str) -> None:
    assert least_scope(method, path) == scope
