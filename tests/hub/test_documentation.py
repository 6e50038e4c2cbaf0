"""``/docs`` in a studio without internet: everything comes from the hub, and nothing without a key."""

import base64
import re
from dataclasses import replace

import pytest
from quartermaster.tests.hub.samples import Api


def basic(api: Api, secret: str | None = None) -> dict[str, str]:
    pair = f"{api.headers['X-API-Key']}:{secret or api.headers['X-API-Secret']}"
    return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


def test_the_page_and_all_that_it_loads_come_from_the_hub(api: Api) -> None:
    page = api.get("/docs")
    assert page.status_code == 200 and page.headers["Content-Type"].startswith("text/html")
    addresses = re.findall(r"""(?:src|href|url)\s*[=:]\s*["']([^"']+)""", page.text)
    assert {"docs/start.js", "docs/swagger-ui-bundle.js", "docs/swagger-ui.css"} <= set(addresses)
    for address in addresses:
        part = api.get(f"/{address}")
        assert part.status_code == 200 and len(part.content) > 500, address
    assert "http" not in page.text
    assert 'url: "openapi.json"' in api.get("/docs/start.js").text


@pytest.mark.parametrize("path", ["/docs", "/openapi.json", "/docs/swagger-ui.css"])
def test_it_needs_a_key_which_a_browser_may_ask_for(api: Api, path: str) -> None:
    nobody = replace(api, headers={}).get(path)
    assert (nobody.status_code, nobody.json()["error"]) == (401, "unauthorized")
    assert nobody.headers["WWW-Authenticate"].startswith("Basic ")
    assert replace(api, headers=basic(api)).get(path).status_code == 200
    assert replace(api, headers=basic(api, "wrong")).get(path).status_code == 401
    bearer = {"Authorization": basic(api)["Authorization"].replace("Basic", "Bearer")}
    assert replace(api, headers=bearer).get(path).status_code == 200


def test_what_a_browser_sends_by_itself_opens_no_other_route(api: Api) -> None:
    answer = replace(api, headers=basic(api)).get("/api/v1/servers")
    assert (answer.status_code, answer.headers["WWW-Authenticate"].partition(" ")[0]) == (401, "Bearer")


@pytest.mark.parametrize("name", ["redoc.standalone.js", "nope", "%2e%2e%2f__init__.py", "..%5ccore.py"])
def test_nothing_else_of_the_package_is_served(api: Api, name: str) -> None:
    assert api.get(f"/docs/{name}").status_code == 404
