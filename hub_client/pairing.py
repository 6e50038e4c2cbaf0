"""Pairing with a hub: a one-time code that a person typed, for the key of this server's agent."""

import threading
from dataclasses import dataclass

import requests

from .client import HubClient
from .credentials import Credentials
from .errors import BadAnswerError, CredentialsError
from .fields import Fields
from .transport import Timeouts


@dataclass(frozen=True, slots=True)
class Pairing:
    """What pairing gave: the hub's address as it is to be kept, which server this now is, and its key."""

    address: str
    server_id: str
    credentials: Credentials


def pair(
    address: str,
    code: str,
    *,
    timeouts: Timeouts | None = None,
    stop: threading.Event | None = None,
    session: requests.Session | None = None,
) -> Pairing:
    """Exchange a code of ``quartermaster hub pair`` for a key; ``timeouts``, ``stop``, ``session`` as for HubClient.

    It is sent once. Where no answer comes, the code may have been used up: then a new one is needed.

    Raises:
        AddressError: the address is not one.
        NotFoundError: the code is mistyped, used or expired (its ``code`` is ``pairing_code_invalid``).
        RateLimitedError: there were too many attempts, here or elsewhere.
        HubError: anything else that can go wrong with a hub.
    """
    with HubClient(address, timeouts=timeouts, stop=stop, session=session) as hub:
        answer = hub.call("POST", "/api/v1/pair", {"code": code})
        with hub.naming_the_hub():
            fields = Fields(answer)
            server_id, key, secret = (fields.need(name, str) for name in ("server_id", "key", "secret"))
        try:
            return Pairing(hub.address, server_id, Credentials(key, secret))
        except CredentialsError as error:
            raise BadAnswerError(f"the hub at {hub.address} gave a key that cannot be used: {error}") from error
