"""A busy session, and then a search for every secret it had: in the database, the log, the answers, the description."""

import logging
from dataclasses import replace

import pytest
import requests
from quartermaster.hub.schema import metadata
from quartermaster.hub.trust.tokens import derived, hashed
from quartermaster.tests.hub.samples import Api, entry, sha
from sqlalchemy import select


def test_no_secret_is_kept_logged_or_told_twice(api: Api, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    told: list[str] = []

    def said(answer: requests.Response) -> requests.Response:
        told.append(answer.text + str(answer.headers))
        return answer

    secrets = {"the admin's": api.headers["X-API-Secret"], "wrong": "wr0ng-" + "5" * 40}
    made = api.post("/api/v1/keys", {"name": "mine", "scope": "agent", "server_id": "attic"}).json()
    secrets["made"] = made["secret"]
    secrets["rotated"] = api.post(f"/api/v1/keys/{made['key']}/rotate", {"grace_minutes": 5}).json()["secret"]
    pairing = api.hub.pairing.make("attic").code
    secrets["pairing code"] = pairing
    secrets["pairing code, as typed"] = pairing.replace("-", "").lower()
    secrets["paired"] = replace(api, headers={}).post("/api/v1/pair", {"code": pairing}).json()["secret"]
    secrets["login code"] = api.hub.login_codes.make().code
    with requests.Session() as browser:
        login = f"{api.address}/login"
        said(browser.get(login, timeout=60))
        said(browser.post(login, {"code": secrets["wrong"]}, timeout=60))
        browser.post(login, {"code": secrets["login code"]}, timeout=60, allow_redirects=False)
        (cookie,) = browser.cookies
        secrets["session"] = str(cookie.value)
        secrets["CSRF token"] = derived(secrets["session"], "csrf")
        for path in ("/api/v1/keys", "/api/v1/sessions", "/api/v1/audit", "/api/v1/servers", "/openapi.json", "/no"):
            said(browser.get(api.address + path, timeout=60))
        said(browser.post(f"{api.address}/api/v1/servers", json={}, headers={"X-CSRF-Token": "x"}, timeout=60))
        said(browser.post(login, {"key": made["key"], "secret": secrets["wrong"]}, timeout=60))
    agent = replace(api, headers={"X-API-Key": made["key"], "X-API-Secret": secrets["made"]})
    said(agent.sync({"models": [entry("one")]}))
    said(agent.sync({"models": [{"path": secrets["wrong"]}]}, "cellar"))
    said(replace(api, headers={**api.headers, "X-API-Secret": secrets["wrong"]}).get("/api/v1/servers"))
    said(api.get(f"/api/v1/models/{sha('one')}"))
    said(api.get("/api/v1/audit"))
    said(api.delete(f"/api/v1/keys/{made['key']}"))
    said(agent.get("/api/v1/servers"))
    api.hub.keys.last_seen.write()

    with api.hub.database.read() as connection:
        kept = str([connection.execute(select(table)).all() for table in metadata.sorted_tables])
    files = b"".join(path.read_bytes() for path in api.hub.settings.data_dir.iterdir() if path.is_file())
    for name, secret in secrets.items():
        assert secret not in kept, f"the secret {name} is in the database"
        assert secret.encode() not in files, f"the secret {name} is in the data folder"
        assert secret not in caplog.text, f"the secret {name} is in the log"
        assert not any(secret in text for text in told), f"the secret {name} was told again"
    assert hashed(secrets["made"]) not in "".join(told)
    assert hashed(secrets["rotated"]) in kept  # so that this search can find what is there
