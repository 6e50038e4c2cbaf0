import base64
from types import SimpleNamespace
from typing import Any

import pytest
from quartermaster.extension.webui.guard import check
from quartermaster.extension.webui.host import Host
from quartermaster.extension.webui.question import RouteError
from quartermaster.tests.extension.webui.conftest import WebUI

OPEN = SimpleNamespace(auth=None)
GRADIO_3 = SimpleNamespace(auth={"u": "p"}, tokens={"tok": "u"})
GRADIO_4 = SimpleNamespace(auth={"u": "p"}, auth_dependency=None, tokens={"tok": "u"}, cookie_id="ID")


def request(method: str = "GET", cookies: dict[str, str] | None = None, **headers: str) -> Any:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return SimpleNamespace(method=method, headers=named, cookies=cookies or {})


def refused(app: Any, asked: Any) -> int:
    with pytest.raises(RouteError) as caught:
        check(Host(), app, asked)
    return caught.value.status


def test_a_web_ui_without_a_login_asks_for_none(web_ui: WebUI) -> None:
    check(Host(), OPEN, request())


@pytest.mark.parametrize(
    ("app", "cookie"), [(GRADIO_3, "access-token"), (GRADIO_3, "access-token-unsecure"), (GRADIO_4, "access-token-ID")]
)
def test_a_session_of_the_page_passes_and_no_other(web_ui: WebUI, app: Any, cookie: str) -> None:
    check(Host(), app, request(cookies={cookie: "tok"}))
    assert refused(app, request()) == 401
    assert refused(app, request(cookies={cookie: "other"})) == 401


def test_the_cookie_of_another_web_ui_on_this_host_does_not_count(web_ui: WebUI) -> None:
    assert refused(GRADIO_4, request(cookies={"access-token": "tok", "access-token-OTHER": "tok"})) == 401


def test_a_script_may_use_the_login_of_the_api(web_ui: WebUI) -> None:
    web_ui.flags.api_auth = "bot:s:ecret,other:x"
    login = {"authorization": "Basic " + base64.b64encode(b"bot:s:ecret").decode()}
    check(Host(), GRADIO_3, request(**login))
    for wrong in ("bot:x", "nobody:", ":", "bot"):
        login = {"authorization": "Basic " + base64.b64encode(wrong.encode()).decode()}
        assert refused(GRADIO_3, request(**login)) == 401
    assert refused(GRADIO_3, request(authorization="Basic ???")) == 401


@pytest.mark.parametrize("origin", ["http://evil", "null", "http://attic:7860.evil", "https://evil/attic:7860"])
def test_another_site_changes_nothing(web_ui: WebUI, origin: str) -> None:
    assert refused(OPEN, request("POST", origin=origin, host="attic:7860")) == 403


def test_the_page_itself_and_scripts_may(web_ui: WebUI) -> None:
    check(Host(), OPEN, request("POST", origin="http://attic:7860", host="attic:7860"))
    check(Host(), OPEN, request("POST", host="attic:7860"))
    proxied = {"origin": "https://studio", "host": "127.0.0.1:7860", "x_forwarded_host": "studio"}
    check(Host(), OPEN, request("POST", **proxied))
    assert refused(OPEN, request("POST", host="attic:7860", sec_fetch_site="cross-site")) == 403
