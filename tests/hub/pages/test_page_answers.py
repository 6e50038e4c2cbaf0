"""What pages answer to a browser and to programs, without looking at them."""

import pytest
from quartermaster.hub.errors import OverloadedError
from quartermaster.tests.hub.samples import Api, entry

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


def test_a_static_file_is_kept_for_long_under_the_name_of_its_content(api: Api) -> None:
    text = api.call("GET", "/", headers=BROWSER).text
    address = text.split('rel="stylesheet" href="')[1].split('"')[0]
    found = api.session.get(api.address + address)
    assert found.status_code == 200 and found.headers["Content-Type"] == "text/css; charset=utf-8"
    assert "immutable" in found.headers["Cache-Control"]
    again = api.session.get(api.address + address, headers={"If-None-Match": found.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert "immutable" not in api.session.get(f"{api.address}/static/page.css").headers["Cache-Control"]


@pytest.mark.parametrize("name", ["nothing.js", "..%2faccess.py", "%2e%2e", "", "page.css%00"])
def test_only_files_that_are_meant_to_be_are_served(api: Api, name: str) -> None:
    assert api.session.get(f"{api.address}/static/{name}").status_code == 404


@pytest.mark.parametrize("path", ["/nowhere", "/servers/nobody", "/servers/nobody/remove"])
def test_an_error_is_a_page_for_a_browser_and_json_for_a_program(api: Api, path: str) -> None:
    page = api.call("GET", path, headers=BROWSER)
    assert page.status_code == 404 and page.headers["Content-Type"].startswith("text/html")
    assert "Traceback" not in page.text and "There is nothing here" in page.text
    told = api.call("GET", path, headers={"Accept": "*/*"})
    assert told.status_code == 404 and told.json()["success"] is False


def test_the_api_answers_json_whatever_is_accepted(api: Api) -> None:
    assert api.call("GET", "/api/v1/nope", headers=BROWSER).json()["error"] == "not_found"


def test_a_database_that_is_away_is_a_page_too(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def away() -> None:
        raise OverloadedError("the database cannot be used at the moment; try again")

    monkeypatch.setattr(api.hub.fleet, "view", away)
    page = api.call("GET", "/", headers=BROWSER)
    assert page.status_code == 503 and int(page.headers["Retry-After"]) > 0
    assert "The hub cannot reach its database" in page.text


def test_a_fault_of_the_hub_is_a_page_with_the_number_in_the_log(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise RuntimeError("the secret recipe")

    monkeypatch.setattr(api.hub.fleet, "view", fail)
    page = api.call("GET", "/", headers=BROWSER)
    assert page.status_code == 500 and "recipe" not in page.text
    assert page.headers["X-Request-Id"] in page.text


def test_a_page_is_nobodys_to_keep_and_runs_nothing_inline(api: Api) -> None:
    page = api.call("GET", "/", headers=BROWSER)
    assert page.headers["Cache-Control"] == "no-store"
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy and "unsafe" not in policy
    assert " style=" not in page.text and "<style" not in page.text and " onclick=" not in page.text


def test_a_name_is_text_wherever_it_stands(api: Api) -> None:
    hostile = "\"'><script>window.hacked=1<\u202e"
    api.synced({"models": [entry("<img src=x>")], "agent": {"version": "<b>1", "disks": "<i>"}}, "attic")
    api.hub.servers.change("attic", {"alias": hostile[:-1]})
    for path in ("/", "/servers/attic", "/servers/attic/remove"):
        text = api.call("GET", path, headers=BROWSER).text
        assert "<script>window" not in text and "<b>1" not in text
        assert "&lt;script&gt;window" in text


@pytest.mark.parametrize("path", ["/servers/attic/requests", "/servers/attic/alias", "/servers/attic/remove"])
def test_only_an_admin_changes_a_server(api: Api, path: str) -> None:
    api.synced({"models": []}, "attic")
    answer = api.with_key("client").call("POST", path, data={"request": "rescan", "alias": "x"})
    assert answer.status_code == 403
    assert api.hub.fleet.server("attic").requests == ()


def test_a_theme_comes_from_the_cookie_and_leads_nowhere_else(api: Api) -> None:
    for target in ("//evil.example", "https://evil.example", "/\\evil.example", "\x00"):
        answer = api.call("POST", "/theme", data={"theme": "dark", "next": target}, allow_redirects=False)
        assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert 'data-theme="dark"' in api.call("GET", "/", headers={**BROWSER, "Cookie": "quartermaster_theme=dark"}).text
    odd = api.call("GET", "/", headers={**BROWSER, "Cookie": 'quartermaster_theme="><script>'}).text
    assert 'data-theme="system"' in odd
