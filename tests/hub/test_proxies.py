"""What a proxy says of its clients is believed of configured proxies only."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from quartermaster.hub.attempts import PER_ADDRESS
from quartermaster.hub.errors import SettingsError
from quartermaster.hub.proxies import TrustedProxies, read_proxies
from quartermaster.hub.settings import HubSettings
from quartermaster.tests.hub.samples import Api

SAID = [
    (b"host", b"internal:7807"),
    (b"x-forwarded-for", b"6.6.6.6, 203.0.113.9, 10.1.2.3"),
    (b"x-forwarded-proto", b"https"),
    (b"x-forwarded-host", b"hub.example"),
]


def seen(proxies: str | None, client: str) -> dict[str, Any]:
    """Return the scope that the application sees of a request with all these headers from this address."""
    found: dict[str, Any] = {}

    async def app(scope: Any, _receive: Any, _send: Any) -> None:
        found.update(scope)

    scope = {"type": "http", "client": (client, 5), "scheme": "http", "headers": list(SAID)}
    awaiting = TrustedProxies(app, read_proxies(proxies))(scope, None, None)  # type: ignore[arg-type]  # not used here
    with pytest.raises(StopIteration):
        awaiting.send(None)
    return {**found, "headers": dict(found["headers"])}


@pytest.mark.parametrize("client", ["127.0.0.1", "10.2.0.1", "::1", "testclient"])
@pytest.mark.parametrize("proxies", [None, "", "10.1.0.0/16"])
def test_of_anybody_else_nothing_is_believed(proxies: str | None, client: str) -> None:
    scope = seen(proxies, client)
    assert (scope["client"], scope["scheme"]) == ((client, 5), "http")
    assert scope["headers"] == {b"host": b"internal:7807"}


@pytest.mark.parametrize("client", ["10.1.0.9", "::ffff:10.1.0.9", "fd00::5"])
def test_a_trusted_proxy_tells_address_scheme_and_host(client: str) -> None:
    scope = seen("10.1.0.0/16, fd00::/8", client)
    assert scope["client"][0] == "203.0.113.9"  # the last one that no trusted proxy is: what it says itself is worth it
    assert scope["scheme"] == "https"
    assert scope["headers"][b"host"] == b"hub.example"


@pytest.mark.parametrize("text", ["proxy.example", "10.0.0.0/33", "10.0.0.1/8", "*"])
def test_a_proxy_that_is_no_address_is_refused(settings: HubSettings, text: str) -> None:
    with pytest.raises(SettingsError, match="TRUSTED_PROXIES"):
        replace(settings, trusted_proxies=text)


def guesses(api: Api) -> list[int]:
    """Guess more pairing codes than one address may, each "from" another one."""
    return [
        api.call(
            "POST", "/api/v1/pair", json={"code": "x"}, headers={"X-Forwarded-For": f"203.0.113.{number}"}
        ).status_code
        for number in range(PER_ADDRESS + 1)
    ]


def test_made_up_addresses_give_no_more_guesses(settings: HubSettings, start_api: Callable[..., Api]) -> None:
    assert guesses(start_api(settings)) == [404] * PER_ADDRESS + [429]


def test_a_trusted_proxys_clients_guess_each_for_themselves(
    settings: HubSettings, start_api: Callable[..., Api]
) -> None:
    assert guesses(start_api(replace(settings, trusted_proxies="127.0.0.1"))) == [404] * (PER_ADDRESS + 1)
