"""Everything that can go wrong between us and a hub.

::

    HubError
    ├── SetupError                 nothing was sent: what we were told cannot be used
    │   ├── AddressError           the hub's address
    │   └── CredentialsError       the key, or the file that should hold it
    ├── UnreachableError           no answer: name unknown, refused, reset, TLS, proxy
    │   └── TimedOutError          no answer, or not all of it, in time
    ├── StoppedError               our own side was told to stop while it waited
    ├── RefusedError               the hub answered, and says no
    │   ├── UnauthorisedError      401: it does not know the key
    │   ├── ForbiddenError         403: the key may not do this
    │   ├── NotFoundError          404: it does not know the model, server or job
    │   ├── ConflictError          409: ``code`` says which (base_mismatch, server_id_in_use, …)
    │   ├── InvalidRequestError    400, 413, 422, 426 and other 4xx: ``field`` says where
    │   ├── RateLimitedError       429: ``retry_after_seconds`` says for how long
    │   └── ServerFaultError       5xx: the hub, or a proxy before it, failed
    ├── BadAnswerError             an answer, but not a hub's: HTML, half a body, no JSON, a redirect, far too long
    └── MalformedMessageError      a message without a key that it needs, or with one of the wrong type: ``field``
        (reaches a caller of ``HubClient`` as a BadAnswerError)

After an ``UnreachableError`` the hub may or may not have done what was asked: a timed-out request can have arrived, and
so can one whose connection was reset. That is why a timeout is a kind of unreachable: a caller treats both alike.

Messages name the hub and say what to do. They never hold a key, a secret or an address with a user name in it.
"""

from collections.abc import Mapping
from typing import Any


class HubError(Exception):
    """The root of everything that this room raises on purpose."""

    transient = False
    """Whether the same request may succeed a little later."""


class SetupError(HubError):
    """What we were configured with cannot be used; nothing was sent."""


class AddressError(SetupError):
    """The hub's address is not one."""


class CredentialsError(SetupError):
    """The key cannot be used, or the file that should hold it cannot be read or trusted."""


class UnreachableError(HubError):
    """No answer came; the request may or may not have arrived."""

    transient = True


class TimedOutError(UnreachableError):
    """The answer, or its end, did not come in time; the request may or may not have arrived."""


class StoppedError(HubError):
    """The caller's stop event was set while we waited for the hub."""


class RefusedError(HubError):
    """The hub answered with an error.

    ``status`` is the HTTP status; ``code`` the answer's snake_case ``error`` (None where it had none); ``details`` the
    object that came with it; ``retry_after_seconds`` how long the hub asks us to stay away, if it does.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        code: str | None = None,
        details: Mapping[str, Any] | None = None,
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.details: Mapping[str, Any] = details or {}
        self.retry_after_seconds = retry_after_seconds


class UnauthorisedError(RefusedError):
    """The hub does not know the key, or its secret is wrong."""


class ForbiddenError(RefusedError):
    """The key's scope or server does not allow this."""


class NotFoundError(RefusedError):
    """The hub does not know what was asked for."""


class ConflictError(RefusedError):
    """The request does not fit the hub's state; ``code`` is ``base_mismatch``, ``server_id_in_use``, …"""


class InvalidRequestError(RefusedError):
    """The hub does not accept the request as it is; ``field`` is a path such as ``models[3].sha256``, or None."""

    @property
    def field(self) -> str | None:
        field = self.details.get("field")
        return field if isinstance(field, str) else None


class RateLimitedError(RefusedError):
    """Too many requests; ``retry_after_seconds`` says how long to stay away, where the hub said so."""

    transient = True


class ServerFaultError(RefusedError):
    """The hub, or a proxy in front of it, failed."""

    transient = True


class BadAnswerError(HubError):
    """What answered is not a hub, or its answer is not whole; ``field`` names the key that is wrong, where one is."""

    def __init__(self, message: str, *, field: str | None = None, transient: bool = False) -> None:
        super().__init__(message)
        self.field = field
        self.transient = transient


class MalformedMessageError(HubError):
    """A message lacks what it needs; ``field`` is a path such as ``servers[3].path``."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field} {problem}")
        self.field = field
