"""What every method that asks a hub is made of: a call within bounds, and an answer that can be used."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from .connection import Bounds, Content, HubConnection
from .errors import BadAnswerError, MalformedMessageError
from .retry import NO_RETRY
from .transport import Timeouts

FAREWELL = Bounds(Timeouts(connect_seconds=2.0, read_seconds=3.0, total_seconds=6.0), NO_RETRY)
"""A stopping agent says goodbye once; where that does not get through, the hub notices the silence."""


class Calls:
    """Asks one hub; ``bounds`` hold for every call that has none of its own."""

    def __init__(self, connection: HubConnection, bounds: Bounds) -> None:
        self._connection = connection
        self.bounds = bounds

    @property
    def address(self) -> str:
        """The hub's address, without a slash at its end."""
        return self._connection.address.url

    def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | Content | None = None,
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        repeatable: bool = False,
        bounds: Bounds | None = None,
    ) -> Any:
        """Ask a route that has no method here, and return its answer's JSON value.

        ``repeatable`` says that sending it twice does no harm; otherwise it is sent only once.
        """
        bounds = bounds or self.bounds
        return self._connection.call(
            method, path, body, query=query, headers=headers, repeatable=repeatable, bounds=bounds
        )

    def content(self, path: str, accept: str) -> Content:
        """Fetch what is no JSON; ``accept`` names the types that are wanted."""
        return self._connection.content(path, accept, bounds=self.bounds)

    @contextmanager
    def naming_the_hub(self) -> Iterator[None]:
        """Turn a message that cannot be used into the bad answer that it is."""
        try:
            yield
        except MalformedMessageError as error:
            message = (
                f"the hub at {self.address} gave an answer that cannot be used: {error}. Is it much older or newer?"
            )
            raise BadAnswerError(message, field=error.field) from error
