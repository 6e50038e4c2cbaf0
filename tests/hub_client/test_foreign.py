import http.client
import inspect
import json
import socket
import ssl
import zlib
from collections.abc import Iterator
from types import ModuleType

import pytest
import requests.exceptions
import urllib3.exceptions
from quartermaster.hub_client import (
    AddressError,
    BadAnswerError,
    HubError,
    StoppedError,
    TimedOutError,
    UnreachableError,
)
from quartermaster.hub_client.foreign import FOREIGN, translate
from quartermaster.hub_client.transport import StopRequested

HUB = "http://attic:7807"


def exceptions_of(module: ModuleType) -> Iterator[type[BaseException]]:
    for value in vars(module).values():
        if inspect.isclass(value) and issubclass(value, BaseException):
            yield value


def made(cls: type[BaseException]) -> BaseException:
    """Return an exception of a class whatever its constructor wants."""
    return cls.__new__(cls)


@pytest.mark.parametrize(
    "cls",
    [*exceptions_of(requests.exceptions), *exceptions_of(urllib3.exceptions)],
    ids=lambda cls: f"{cls.__module__}.{cls.__name__}",
)
def test_every_exception_of_requests_and_urllib3_becomes_ours(cls: type[BaseException]) -> None:
    error = made(cls)
    assert isinstance(error, FOREIGN), "the edge would let it through"
    assert isinstance(translate(error, HUB), HubError)


def refused() -> BaseException:
    inner = urllib3.exceptions.NewConnectionError(None, "refused")  # type: ignore[arg-type]  # no connection needed
    inner.__cause__ = ConnectionRefusedError(111, "Connection refused")
    return requests.exceptions.ConnectionError(urllib3.exceptions.MaxRetryError(None, "/", inner))  # type: ignore[arg-type]


def unknown_name() -> BaseException:
    inner = urllib3.exceptions.NewConnectionError(None, "name")  # type: ignore[arg-type]  # as above
    inner.__cause__ = socket.gaierror(-2, "Name or service not known")
    return requests.exceptions.ConnectionError(urllib3.exceptions.MaxRetryError(None, "/", inner))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("error", "ours", "words"),
    [
        (StopRequested(), StoppedError, "as asked"),
        (refused(), UnreachableError, "nothing listens"),
        (unknown_name(), UnreachableError, "name of the hub"),
        (requests.exceptions.ProxyError(), UnreachableError, "NO_PROXY"),
        (
            requests.exceptions.SSLError(ssl.SSLError(1, "wrong version number")),
            UnreachableError,
            "wrong version number",
        ),
        (requests.exceptions.ConnectTimeout(), TimedOutError, "in time"),
        (requests.exceptions.ReadTimeout(), TimedOutError, "in time"),
        (
            requests.exceptions.ConnectionError(urllib3.exceptions.ReadTimeoutError(None, "/", "")),  # type: ignore[arg-type]
            TimedOutError,
            "in time",
        ),
        (
            requests.exceptions.ConnectionError(
                urllib3.exceptions.ProtocolError("aborted", http.client.RemoteDisconnected("closed"))
            ),
            UnreachableError,
            "broke",
        ),
        (ConnectionResetError(104, "Connection reset by peer"), UnreachableError, "Connection reset by peer"),
        (
            requests.exceptions.ChunkedEncodingError(
                urllib3.exceptions.ProtocolError("broken", urllib3.exceptions.IncompleteRead(3, 7))
            ),
            BadAnswerError,
            "only a part",
        ),
        (requests.exceptions.ContentDecodingError(), BadAnswerError, "compressed"),
        (zlib.error(), BadAnswerError, "compressed"),
        (requests.exceptions.TooManyRedirects(), BadAnswerError, "redirects"),
        (requests.exceptions.InvalidURL(), AddressError, "not an address"),
        (json.JSONDecodeError("x", "", 0), BadAnswerError, "JSON"),
        (UnicodeDecodeError("utf-8", b"", 0, 1, ""), BadAnswerError, "JSON"),
        (RecursionError(), BadAnswerError, "JSON"),
        (http.client.BadStatusLine("SSH-2.0"), BadAnswerError, "HTTP"),
        (OSError(113, "No route to host"), UnreachableError, "No route to host"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)
def test_a_foreign_exception_is_told_by_what_it_wraps(error: BaseException, ours: type[HubError], words: str) -> None:
    translated = translate(error, HUB)
    assert type(translated) is ours
    assert words in str(translated)
    assert HUB in str(translated)


def test_a_timeout_is_a_kind_of_unreachable_and_worth_another_try() -> None:
    error = translate(TimeoutError(), HUB)
    assert isinstance(error, UnreachableError)
    assert error.transient


def test_an_exception_that_the_caller_was_handling_does_not_count() -> None:
    try:
        try:
            raise TimeoutError
        except TimeoutError:
            raise requests.exceptions.ChunkedEncodingError from None
    except requests.exceptions.ChunkedEncodingError as error:
        assert isinstance(error.__context__, TimeoutError)
        assert isinstance(translate(error, HUB), BadAnswerError)


def test_exceptions_that_wrap_each_other_in_a_circle_come_to_an_end() -> None:
    first, second = requests.exceptions.RequestException(), requests.exceptions.RequestException()
    first.args, second.args = (second,), (first,)
    assert type(translate(first, HUB)) is UnreachableError


def test_what_no_exchange_raises_is_a_mistake_of_ours_and_stays_one() -> None:
    with pytest.raises(TypeError, match="no row for KeyError"):
        translate(KeyError(), HUB)
