"""What goes wrong between the hub and a metadata service.

``EnrichmentError``: ``CannotAskError`` (it cannot be asked at all now: nobody's hashes are to blame),
``BadAnswerError`` (what it answered to these hashes cannot be used), ``AskingStoppedError`` (the hub stops).
"""

from ..errors import HubError


class EnrichmentError(HubError):
    """The root; the message names the service and what happened, never a token."""


class CannotAskError(EnrichmentError):
    """The service cannot be asked by anybody for a while.

    ``trouble`` is ``offline``, ``rate_limited``, ``unavailable`` or ``refused``; ``retry_after_seconds`` is what the
    service asks to wait, None where it says nothing.
    """

    def __init__(self, message: str, trouble: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(message)
        self.trouble = trouble
        self.retry_after_seconds = retry_after_seconds


class BadAnswerError(EnrichmentError):
    """The answer is none, or no honest one; another batch of hashes may be answered well."""


class AskingStoppedError(EnrichmentError):
    """The hub stops before the answer is there."""
