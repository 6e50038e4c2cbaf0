"""The web page's door: links, keys, cookies, and who may use a session."""

import html
import re
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from quartermaster.hub.schema import login_codes, sessions
from quartermaster.hub.services import Hub
from quartermaster.hub.settings import HubSettings
from quartermaster.hub.trust.entrance import CSRF_HEADER
from quartermaster.hub.trust.login_codes import LIFETIME_SECONDS
from quartermaster.hub.trust.tokens import derived
from quartermaster.tests.hub.samples import Api, together
from sqlalchemy import select

SERVERS = "/api/v1/servers"
DAY = 86_400.0


class Browser:
    """A browser at the hub's page: it keeps cookies, follows nothing, and can say where a request comes from."""

    def __init__(self, api: Api) -> None:
        self.address = api.address
        self.session = requests.Session()
        self.session.headers["Accept"] = "text/html"

    def get(self, path: str, **headers: str) -> requests.Response:
        return self.session.get(self.address + path, headers=headers, allow_redirects=False, timeout=60)

    def post(self, path: str, form: dict[str, str] | None = None, **headers: str) -> requests.Response:
        address = self.address + path
        return self.session.post(address, data=form or {}, headers=headers, allow_redirects=False, timeout=60)

    def call(self, method: str, path: str, headers: dict[str, str], **options: object) -> requests.Response:
        return self.session.request(method, self.address + path, headers=headers, timeout=60, **options)  # type: ignore[arg-type]

    @property
    def token(self) -> str:
        (cookie,) = self.session.cookies
        return str(cookie.value)

    @property
    def csrf(self) -> str:
        return derived(self.token, "csrf")


@pytest.fixture
def browser(api: Api) -> Browser:
    return Browser(api)


def logged_in(api: Api, **form: str) -> Browser:
    browser = Browser(api)
    answer = browser.post("/login", form or {"code": api.hub.login_codes.make().code})
    assert answer.status_code == 303, answer.text
    return browser


def with_key(api: Api, scope: str, server: str | None = None) -> tuple[str, Browser]:
    made = api.hub.keys.create(f"a {scope}", scope, server)
    return made.key, logged_in(api, key=made.key, secret=made.secret)


def test_a_link_shows_a_button_and_is_used_up_by_it_alone(api: Api, browser: Browser) -> None:
    link = urlsplit(api.hub.login_codes.make().link(api.address))
    for _ in range(3):  # a chat's preview, a mail scanner, the person
        page = browser.get(f"{link.path}?{link.query}")
        assert page.status_code == 200 and not page.cookies and "<script" not in page.text
    fields = dict(re.findall(r'name="(\w+)" value="([^"]*)"', page.text))
    assert fields == {"code": parse_qs(link.query)["code"][0], "next": "/"}
    answer = browser.post("/login", fields)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert browser.get(SERVERS).status_code == 200
    again = Browser(api).post("/login", fields)
    assert again.status_code == 404 and "hub login" in again.text and not again.cookies


def test_a_cookie_is_for_the_browser_alone_and_for_this_hub_alone(api: Api, start_api: Callable[..., Api]) -> None:
    answer = Browser(api).post("/login", {"code": api.hub.login_codes.make().code})
    name, _, rest = answer.headers["Set-Cookie"].partition("=")
    value, *attributes = rest.split("; ")
    assert {each.lower() for each in attributes} == {"httponly", "max-age=2592000", "path=/", "samesite=lax"}
    assert len(value) >= 43
    behind_tls = {"X-Forwarded-Proto": "https"}
    behind = start_api(replace(api.hub.settings, trusted_proxies="127.0.0.1"))
    answer = Browser(behind).post("/login", {"code": api.hub.login_codes.make().code}, **behind_tls)
    assert answer.headers["Set-Cookie"].startswith(f"__Host-{name}=") and "; Secure" in answer.headers["Set-Cookie"]
    other = start_api(HubSettings(api.hub.settings.data_dir.parent / "other"))
    answer = Browser(other).post("/login", {"code": other.hub.login_codes.make().code})
    assert answer.headers["Set-Cookie"].partition("=")[0] != name


def test_a_session_lives_in_the_database_as_a_hash_and_in_every_process(
    api: Api, start_api: Callable[..., Api], browser: Browser
) -> None:
    code = api.hub.login_codes.make().code
    second = start_api(api.hub.settings)
    browser.post("/login", {"code": code})
    browser.address = second.address
    assert browser.get(SERVERS).status_code == 200
    with api.hub.database.read() as connection:
        stored = str([connection.execute(select(table)).all() for table in (sessions, login_codes)])
    assert code not in stored and browser.token not in stored and browser.csrf not in stored


def test_a_code_used_by_many_at_once_opens_one_session(api: Api) -> None:
    code = api.hub.login_codes.make().code
    answers = together(6, lambda _: Browser(api).post("/login", {"code": code}).status_code)
    assert sorted(answers) == [303] + [404] * 5
    assert len(api.hub.sessions.listed()) == 1


def test_used_unknown_and_old_codes_are_answered_alike(api: Api) -> None:
    used, old = api.hub.login_codes.make().code, api.hub.login_codes.make().code
    logged_in(api, code=used)
    api.clock.now += LIFETIME_SECONDS
    assert [_refused(api, code) for code in (used, old, "nonsense", "é" * 40)] == [(404, "login_code_invalid")] * 4
    future = api.hub.login_codes.make().code
    api.clock.now -= LIFETIME_SECONDS / 2
    assert _refused(api, future) == (404, "login_code_invalid")


def _refused(api: Api, code: str) -> tuple[int, str]:
    answer = requests.post(f"{api.address}/login", data={"code": code}, timeout=60)
    assert set(answer.json()) == {"success", "error", "message", "details"}
    return answer.status_code, answer.json()["error"]


def test_guessing_is_slowed_down_and_logged(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    answers = [_refused(api, f"guess {number}") for number in range(30)]
    assert answers[0] == (404, "login_code_invalid") and answers[-1] == (429, "rate_limited")
    limited = requests.post(f"{api.address}/login", data={"code": "x"}, timeout=60)
    assert int(limited.headers["Retry-After"]) > 0
    assert "login_code_invalid" in caplog.text and "too many attempts" in caplog.text
    assert "guess" not in caplog.text


def test_the_first_link_is_offered_until_somebody_logged_in(settings: HubSettings, api: Api) -> None:
    assert api.hub.login_codes.first() is not None
    first = api.hub.login_codes.first()  # the hub was started again
    assert first is not None
    logged_in(api, code=first.code)
    assert api.hub.login_codes.first() is None
    console = Hub(settings, api.clock)
    try:
        assert console.login_codes.first() is None
        made = console.login_codes.make()
    finally:
        console.close()
    logged_in(api, code=made.code)


def test_a_session_does_what_its_key_may_and_ends_with_it(api: Api) -> None:
    key, browser = with_key(api, "client")
    headers = {CSRF_HEADER: browser.csrf}
    assert browser.get(SERVERS).status_code == 200
    refused = browser.call("POST", SERVERS, headers, json={"alias": "x"})
    assert (refused.status_code, refused.json()["error"]) == (403, "forbidden")
    api.hub.keys.revoke(key)
    answer = browser.get(SERVERS)
    assert (answer.status_code, answer.json()["error"]) == (401, "session_ended")
    assert api.hub.sessions.listed() == []


def test_a_key_that_is_not_valid_opens_nothing(api: Api, browser: Browser) -> None:
    made = api.hub.keys.create("gone", "admin")
    api.hub.keys.revoke(made.key)
    for form in (
        {"key": made.key, "secret": made.secret},
        {"key": api.headers["X-API-Key"], "secret": "wrong"},
        {"key": "a\x00", "secret": "x"},
    ):
        answer = browser.post("/login", form)
        assert answer.status_code == 401 and 'role="alert"' in answer.text and not browser.session.cookies
    assert browser.post("/login", {"key": made.key}).status_code == 422


def test_a_new_login_ends_the_session_before_it(api: Api) -> None:
    browser = logged_in(api)
    old = browser.token
    browser.post("/login", {"code": api.hub.login_codes.make().code})
    assert browser.token != old
    assert len(api.hub.sessions.listed()) == 1
    assert api.hub.sessions.find(old) is None


def test_logging_out_ends_the_session_at_the_hub(api: Api) -> None:
    browser = logged_in(api)
    token, cookies = browser.token, dict(browser.session.cookies)
    assert browser.post("/logout").status_code == 403  # another site's page could do that
    answer = browser.post("/logout", {"csrf_token": browser.csrf})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/login")
    assert not browser.session.cookies and api.hub.sessions.find(token) is None
    assert requests.get(api.address + SERVERS, cookies=cookies, timeout=60).status_code == 401


def test_a_session_ends_when_it_is_not_used_and_after_its_time_in_any_case(api: Api) -> None:
    idle = logged_in(api)
    api.clock.now += api.hub.settings.session_idle_days * DAY - 1
    assert api.hub.sessions.find(idle.token) is not None
    api.clock.now += 1
    assert idle.get(SERVERS).status_code == 401


def test_a_session_from_the_future_is_not_believed(api: Api) -> None:
    browser = logged_in(api)
    api.clock.now -= DAY  # the machine's clock was wrong then, and is put right
    assert browser.get(SERVERS).status_code == 401
    assert api.hub.sessions.listed() == []


def test_a_person_sees_the_sessions_and_ends_one(api: Api) -> None:
    key, browser = with_key(api, "client")
    other = logged_in(api)
    listed = {info.key: info for info in api.hub.sessions.listed()}
    assert set(listed) == {key, None}
    assert (listed[key].scope, listed[None].scope) == ("client", "admin")
    assert listed[key].browser.startswith("python-requests")
    api.hub.sessions.end(listed[key].id)
    assert (browser.get(SERVERS).status_code, other.get(SERVERS).status_code) == (401, 200)


def test_what_changes_something_needs_the_sessions_token(api: Api) -> None:
    browser = logged_in(api)
    assert browser.get(SERVERS).status_code == 200
    for headers in ({}, {CSRF_HEADER: ""}, {CSRF_HEADER: "x" * 64}, {CSRF_HEADER: logged_in(api).csrf}):
        for method, path in (("POST", SERVERS), ("PUT", f"{SERVERS}/a"), ("DELETE", f"{SERVERS}/a")):
            answer = browser.call(method, path, headers, json={"alias": "a"})
            assert (answer.status_code, answer.json()["error"]) == (403, "csrf")
    assert browser.call("POST", SERVERS, {CSRF_HEADER: browser.csrf}, json={"alias": "a"}).status_code == 201
    assert api.post(SERVERS, {"alias": "b"}).status_code == 201  # a key needs none


@pytest.mark.parametrize(
    ("headers", "reads", "writes"),
    [
        ({}, True, True),
        ({"Sec-Fetch-Site": "same-origin"}, True, True),
        ({"Sec-Fetch-Site": "none"}, True, True),
        ({"Sec-Fetch-Site": "same-origin", "Origin": "https://named-by-the-proxy"}, True, True),
        ({"Sec-Fetch-Site": "cross-site"}, False, False),
        ({"Sec-Fetch-Site": "same-site"}, False, False),  # the web UI on the next port
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, True, False),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}, False, False),
        ({"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "image"}, False, False),
        ({"Origin": "http://localhost:7861"}, False, False),
        ({"Origin": "null"}, False, False),
        ({"Origin": "HUB"}, True, True),
    ],
)
def test_a_session_serves_the_hubs_own_page_alone(api: Api, headers: dict[str, str], reads: bool, writes: bool) -> None:
    browser = logged_in(api)
    headers = {name: api.address if value == "HUB" else value for name, value in headers.items()}
    read = browser.get(SERVERS, **headers)
    assert (read.status_code == 200) == reads
    wrote = browser.call("POST", SERVERS, {**headers, CSRF_HEADER: browser.csrf}, json={"alias": "a"})
    assert (wrote.status_code == 201) == writes
    for answer, allowed in ((read, reads), (wrote, writes)):
        assert allowed or (answer.status_code, answer.json()["error"]) == (403, "cross_site")
    entered = Browser(api).post("/login", {"code": api.hub.login_codes.make().code}, **headers)
    assert entered.status_code == (303 if writes else 403)  # nor does another site log a person in as somebody else


@pytest.mark.parametrize(
    "path",
    ["//evil.example", "/\\evil.example", "\\\\evil", "https://evil", "javascript:alert(1)", "evil", "/a\r\nX: y",
     "/\t/evil", "/login?next=/", "/logout", "", "/" + "x" * 3000, "/%0d%0a\\"],
)  # fmt: skip
def test_after_the_login_nobody_is_sent_elsewhere(api: Api, path: str) -> None:
    answer = Browser(api).post("/login", {"code": api.hub.login_codes.make().code, "next": path})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")


def test_after_the_login_a_person_is_where_he_wanted_to_be(api: Api) -> None:
    wanted = "/models?q=ä b&type=LORA"
    answer = Browser(api).post("/login", {"code": api.hub.login_codes.make().code, "next": wanted})
    assert answer.headers["Location"] == "/models?q=%C3%A4%20b&type=LORA"


def test_what_comes_in_the_address_cannot_become_markup(browser: Browser) -> None:
    page = browser.get("/login?code=%22%3E%3Cscript%3Ealert(1)%3C/script%3E&next=/%22%3E%3Cb%3E")
    assert "<script" not in page.text and "<b>" not in page.text
    assert html.escape('"><script>alert(1)</script>', quote=True).replace("&quot;", "&#34;") in page.text


def test_a_web_uis_page_that_may_ask_with_a_key_may_not_with_a_session(api: Api) -> None:
    browser = logged_in(api)
    answer = browser.get(SERVERS, Origin="http://localhost:7860")  # one of cors_origins: its cookies are taken away
    assert (answer.status_code, answer.json()["error"]) == (401, "unauthorized")


def test_every_answer_tells_the_browser_what_not_to_do(api: Api, browser: Browser) -> None:
    for answer in (api.get("/healthz"), api.get(SERVERS), api.get("/nowhere")):  # an agent's: no browser asks
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"  # so nothing in it is ever run or shown as a page
        assert answer.headers["Cache-Control"] == "no-store"
    inside = logged_in(api)
    as_page = {"Accept": "text/html"}
    shown = [browser.get("/login"), browser.get("/healthz", **{"Sec-Fetch-Site": "none"}), inside.get(SERVERS)]
    for answer in (*shown, api.call("GET", "/nowhere", headers=as_page)):
        policy = answer.headers["Content-Security-Policy"]
        for part in ("default-src 'self'", "base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'"):
            assert part in policy
        assert "unsafe" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "same-origin"
        assert answer.headers["Cross-Origin-Opener-Policy"] == "same-origin"
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Strict-Transport-Security" not in answer.headers
    assert not re.search(r"style=|<style|\son\w+=|<script(?![^>]*src)", browser.get("/login").text)


def test_browsers_are_told_to_insist_on_tls_only_where_that_is_set_and_spoken(
    settings: HubSettings, start_api: Callable[..., Api]
) -> None:
    browser = Browser(start_api(replace(settings, hsts_seconds=600, trusted_proxies="127.0.0.1")))
    assert "Strict-Transport-Security" not in browser.get("/login").headers
    told = browser.get("/login", **{"X-Forwarded-Proto": "https"}).headers["Strict-Transport-Security"]
    assert told == "max-age=600"


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"code=" + b"x" * 5000, "application/x-www-form-urlencoded", 413),
        (b"code=a&code=b", "application/x-www-form-urlencoded", 400),
        (b"a=1&" * 1000, "application/x-www-form-urlencoded", 400),
        (b"code=%ff%fe", "application/x-www-form-urlencoded", 400),
        (b"code=\xff", "application/x-www-form-urlencoded", 400),
        (b"{}", "application/json", 415),
        (b"--x\r\n\r\n\r\n--x--", "multipart/form-data; boundary=x", 415),
    ],
)
def test_a_form_that_is_none_is_refused_in_our_shape(api: Api, content: bytes, kind: str, status: int) -> None:
    answer = requests.post(f"{api.address}/login", data=content, headers={"Content-Type": kind}, timeout=60)
    assert answer.status_code == status and set(answer.json()) == {"success", "error", "message", "details"}


def test_what_a_browser_remembers_of_the_documentation_does_not_shut_it_out(api: Api) -> None:
    browser = logged_in(api)
    assert browser.get(SERVERS, Authorization="Basic YTpi").status_code == 200
    assert browser.get(SERVERS, Authorization="Bearer YTpi").status_code == 401
