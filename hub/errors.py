"""Everything a hub refuses, each with its HTTP status and its code.

HubError
├── SettingsError, DatabaseUnusableError, PortUnusableError   a hub cannot start
│   └── MigrationFailedError      (a DatabaseUnusableError)   its database is as it was
├── BackupError, RestoreError, InUseError                     the database is as it was
│   └── DamagedError              (a BackupError)
└── RequestError                                              a request is refused
    ├── MalformedRequestError         400 bad_request
    ├── InvalidJsonError              400 invalid_json
    ├── IncompleteBodyError           400 incomplete_body
    ├── LoginRequiredError            303 login_required, or 401 for a part of a page
    ├── UnauthorizedError             401 unauthorized, session_ended
    ├── ForbiddenError                403 forbidden, cross_site, csrf
    ├── NotFoundError                 404 (the code names what)
    ├── ConflictError                 409 (the code names what)
    ├── GoneError                     410 (the code names what)
    ├── TooLargeError                 413 body_too_large, too_many_entries, images_too_large
    ├── UnsupportedEncodingError      415 unsupported_encoding, unsupported_media_type
    ├── FieldError                    422 missing_required_field, invalid_field
    ├── DigestMismatchError           422 digest_mismatch
    ├── ProtocolUnsupportedError      426 protocol_unsupported
    ├── RateLimitedError              429 rate_limited
    └── OverloadedError               503 overloaded, not_ready
"""

from collections.abc import Mapping
from typing import Any


class HubError(Exception):
    """The root of this room's errors; the message says what to do."""


class SettingsError(HubError):
    """A setting cannot be used."""


class DatabaseUnusableError(HubError):
    """The database cannot be opened, or belongs to a newer Quartermaster."""


class MigrationFailedError(DatabaseUnusableError):
    """A migration failed and was taken back: the database is as it was before."""


class BackupError(HubError):
    """No backup was made; nothing of it is left behind."""


class DamagedError(BackupError):
    """A database cannot be read to its end, or is none of a hub."""


class RestoreError(HubError):
    """A backup cannot be restored; the database is as it was."""


class InUseError(HubError):
    """Somebody else has open what must be ours alone."""


class PortUnusableError(HubError):
    """The address cannot be listened on."""


class RequestError(HubError):
    """A request is refused: answered in the shape ``{"success": false, "error", "message", "details"}``."""

    status = 400
    code = "bad_request"

    def __init__(
        self,
        message: str,
        details: Mapping[str, Any] | None = None,
        *,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.details = dict(details or {})
        self.code = code or self.code
        self.headers = dict(headers or {})

    def body(self) -> dict[str, Any]:
        """Return the answer's body."""
        return {"success": False, "error": self.code, "message": self.message, "details": self.details}


class MalformedRequestError(RequestError):
    """What arrives is not HTTP."""


class InvalidJsonError(RequestError):
    """The body is not a JSON object in UTF-8, or not the gzip that it promises to be."""

    code = "invalid_json"


class IncompleteBodyError(RequestError):
    """The body did not arrive whole."""

    code = "incomplete_body"


class LoginRequiredError(RequestError):
    """A page is asked for without a session: the browser is sent to the login.

    ``in_place``: it asks for a part of a page that it shows already, and shall leave that page.
    """

    status = 303
    code = "login_required"

    def __init__(self, login: str, *, in_place: bool = False) -> None:
        super().__init__("log in to see this page", headers={"HX-Redirect" if in_place else "Location": login})
        if in_place:
            self.status = 401


class UnauthorizedError(RequestError):
    """There is no valid key."""

    status = 401
    code = "unauthorized"


class ForbiddenError(RequestError):
    """The key's scope or server does not allow this."""

    status = 403
    code = "forbidden"


class NotFoundError(RequestError):
    """What the request names does not exist."""

    status = 404
    code = "not_found"


class ConflictError(RequestError):
    """The request contradicts what the hub holds."""

    status = 409
    code = "conflict"


class GoneError(RequestError):
    """What the request names was there once and is not kept any more."""

    status = 410
    code = "gone"


class TooLargeError(RequestError):
    """The body is over a limit of ``limits.py``."""

    status = 413
    code = "body_too_large"


class UnsupportedEncodingError(RequestError):
    """The body has a Content-Encoding other than gzip, or a Content-Type that is not taken."""

    status = 415
    code = "unsupported_encoding"


class FieldError(RequestError):
    """A field is missing or wrong; ``field`` is its path, such as ``models[3].sha256``."""

    status = 422
    code = "invalid_field"

    def __init__(self, field: str, problem: str, *, missing: bool = False) -> None:
        super().__init__(
            f"{field}: {problem}",
            {"field": field},
            code="missing_required_field" if missing else None,
        )
        self.field = field
        self.problem = problem
        self.missing = missing

    def below(self, parent: str) -> "FieldError":
        """Return the same error for a field that lies inside ``parent``."""
        separator = "." if self.field and not self.field.startswith("[") else ""
        return FieldError(f"{parent}{separator}{self.field}", self.problem, missing=self.missing)


class DigestMismatchError(RequestError):
    """What the body holds does not add up to the digest or the count that it states."""

    status = 422
    code = "digest_mismatch"


class ProtocolUnsupportedError(RequestError):
    """Hub and agent are more than one protocol version apart."""

    status = 426
    code = "protocol_unsupported"


class RateLimitedError(RequestError):
    """There were too many attempts; ``Retry-After`` says when the next one is taken."""

    status = 429
    code = "rate_limited"

    def __init__(self, message: str, *, retry_after_seconds: int) -> None:
        super().__init__(message, headers={"Retry-After": str(retry_after_seconds)})


class OverloadedError(RequestError):
    """The hub cannot do this now; ``Retry-After`` says when to come back."""

    status = 503
    code = "overloaded"

    def __init__(
        self,
        message: str,
        details: Mapping[str, Any] | None = None,
        *,
        code: str | None = None,
        retry_after_seconds: int = 5,
    ) -> None:
        super().__init__(message, details, code=code, headers={"Retry-After": str(retry_after_seconds)})
