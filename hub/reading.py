"""Reads request bodies within their limits: what is too large is refused before it fills the memory."""

import asyncio
import json
import logging
import re
import zlib
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from itertools import islice
from typing import Any
from urllib.parse import parse_qsl

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .errors import (
    IncompleteBodyError,
    InvalidJsonError,
    MalformedRequestError,
    OverloadedError,
    TooLargeError,
    UnsupportedEncodingError,
)
from .limits import Limits

_log = logging.getLogger(__name__)
_SLOT_WAIT_SECONDS = 60.0
_GZIP_FACTOR = 128  # what gzip packs into a byte, and a bomb a thousand
_GZIP_MEMBERS = 1_000  # a client that flushes makes a few; a million empty ones are an attack
_GZIP_PIECE_BYTES = 1 << 16
FORM_TYPE = "application/x-www-form-urlencoded"
_FORM_FIELDS = 200
_DRAIN_SECONDS = 20.0
_DRAIN_SILENCE_SECONDS = 1.0


@dataclass(frozen=True)
class _Bound:
    """How long a body may be as it travels, and what to do about a longer one."""

    limit_bytes: int
    advice: str

    def check_stated(self, request: Request) -> None:
        """Refuse what says itself that it is too large, before any of it is read."""
        stated = request.headers.get("content-length", "")
        if stated.isdigit() and int(stated) > self.limit_bytes:
            raise self.too_large()

    def too_large(self) -> TooLargeError:
        return TooLargeError(
            f"the body is larger than {self.limit_bytes} bytes; {self.advice}",
            {"field": "body", "limit_bytes": self.limit_bytes},
        )


class BodyReader:
    """Reads the bodies of one hub; large ones only a few at a time."""

    def __init__(self, limits: Limits, large_body_slots: int) -> None:
        self._limits = limits
        self._slots = asyncio.Semaphore(large_body_slots)

    @asynccontextmanager
    async def object(self, request: Request) -> AsyncIterator[dict[str, Any]]:
        """Yield the JSON object that a request holds; a large one keeps its slot until it has been dealt with.

        Raises:
            InvalidJsonError, TooLargeError, UnsupportedEncodingError, OverloadedError: it cannot be had.
        """
        async with AsyncExitStack() as stack:
            raw, gzipped = await self._received(request, stack)
            yield await run_in_threadpool(parse_object, raw, gzipped, self._limits)

    @asynccontextmanager
    async def content(self, request: Request, limit_bytes: int) -> AsyncIterator[bytes]:
        """Yield a body that is no JSON, as it is; a large one keeps its slot until it has been dealt with.

        Raises:
            TooLargeError: it is longer than that.
            UnsupportedEncodingError, OverloadedError: as ``object``.
        """
        encoding = request.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in {"identity", ""}:
            raise UnsupportedEncodingError(f"Content-Encoding {encoding[:20]!r}: this is taken only as it is")
        bound = _Bound(limit_bytes, "that is the most that is taken here")
        bound.check_stated(request)
        async with AsyncExitStack() as stack:
            yield await self._raw(request, stack, self._limits.small_body_bytes, bound)

    async def form(self, request: Request) -> dict[str, str]:
        """Return the fields of a form that a browser sends.

        Raises:
            UnsupportedEncodingError: it is no ``application/x-www-form-urlencoded``; forms with files are not taken.
            MalformedRequestError: it is not well-formed, or has a field twice.
            TooLargeError, OverloadedError: as ``object``.
        """
        stated = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if stated != FORM_TYPE:
            raise UnsupportedEncodingError(f"Content-Type {stated[:40]!r}: a form must be {FORM_TYPE}")
        async with AsyncExitStack() as stack:
            raw, gzipped = await self._received(request, stack)
            return parse_form(unpack(raw, self._limits.unpacked_bytes) if gzipped else raw)

    async def _received(self, request: Request, stack: AsyncExitStack) -> tuple[bytes, bool]:
        """Return a body as it travelled, and whether it is gzipped."""
        encoding = request.headers.get("content-encoding", "identity").strip().lower()
        if encoding not in {"identity", "", "gzip", "x-gzip"}:
            raise UnsupportedEncodingError(f"Content-Encoding {encoding[:20]!r}: only gzip and identity are taken")
        bound = _Bound(self._limits.body_bytes, "send the inventory in parts")
        bound.check_stated(request)
        gzipped = encoding.endswith("gzip")
        small_bytes = self._limits.small_body_bytes // (_GZIP_FACTOR if gzipped else 1)
        return await self._raw(request, stack, small_bytes, bound), gzipped

    async def _raw(self, request: Request, stack: AsyncExitStack, small_bytes: int, bound: _Bound) -> bytes:
        received = bytearray()
        has_slot = False
        stream = request.stream().__aiter__()
        while True:
            try:
                chunk = await asyncio.wait_for(anext(stream, None), self._limits.read_timeout_seconds)
            except asyncio.TimeoutError:
                raise IncompleteBodyError(
                    f"the body stopped arriving for {self._limits.read_timeout_seconds:g} seconds"
                ) from None
            except ClientDisconnect:
                raise IncompleteBodyError("the client went away in the middle of the body") from None
            if chunk is None:
                return bytes(received)
            received += chunk
            if len(received) > bound.limit_bytes:
                raise bound.too_large()
            if len(received) > small_bytes and not has_slot:
                await self._take_slot(stack)
                has_slot = True

    async def _take_slot(self, stack: AsyncExitStack) -> None:
        try:
            await asyncio.wait_for(self._slots.acquire(), _SLOT_WAIT_SECONDS)
        except asyncio.TimeoutError:
            raise OverloadedError("too many large bodies at once; try again", retry_after_seconds=30) from None
        stack.callback(self._slots.release)


class DrainedBodies:
    """Answers an error at once, and reads and drops what is left of the body before the connection is closed.

    A client that is still sending when the hub closes sees its connection break, and never why: an agent whose key was
    revoked in the middle of a large sync would think the hub unreachable.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        names = {name for name, _ in scope["headers"]}
        arriving = not names.isdisjoint({b"content-length", b"transfer-encoding"})
        asks_first = b"expect" in names  # and is told no before he sends
        refusing = False

        async def receive_and_note() -> Message:
            nonlocal arriving, asks_first
            asks_first = False
            message = await receive()
            arriving = message["type"] == "http.request" and message.get("more_body", False)
            return message

        async def send_and_drain(message: Message) -> None:
            nonlocal refusing
            if message["type"] == "http.response.start" and message["status"] >= HTTPStatus.BAD_REQUEST and arriving:
                refusing = not asks_first
                message["headers"] = [*message["headers"], (b"connection", b"close")]
            elif refusing and not message.get("more_body", False):
                await send({**message, "more_body": True})
                try:
                    await asyncio.wait_for(drop_the_rest(), _DRAIN_SECONDS)
                except asyncio.TimeoutError:
                    _log.info("a client kept sending a body that was refused")
                message = {"type": "http.response.body", "body": b""}
            await send(message)

        async def drop_the_rest() -> None:
            while arriving:
                await asyncio.wait_for(receive_and_note(), _DRAIN_SILENCE_SECONDS)

        await self._app(scope, receive_and_note, send_and_drain)


def parse_object(raw: bytes, gzipped: bool, limits: Limits) -> dict[str, Any]:
    """Return the JSON object in a body.

    Raises:
        InvalidJsonError: it is not gzip as promised, not UTF-8, not JSON, no object, nested too deep, or has a key
            twice.
        TooLargeError: it is too much after unpacking, or holds too many values.
    """
    if gzipped:
        raw = unpack(raw, limits.unpacked_bytes)
    if raw.count(b",") > limits.json_values:
        field = crowded_field(raw)
        raise TooLargeError(
            f"{field}: the body holds more than {limits.json_values} values; send the inventory in parts",
            {"field": field, "limit": limits.json_values},
            code="too_many_entries",
        )
    try:
        value = json.loads(
            raw.decode("utf-8"), parse_constant=_refuse_constant, parse_float=_finite, object_pairs_hook=_object
        )
    except UnicodeDecodeError as error:
        raise InvalidJsonError(f"the body is not UTF-8 (byte {error.start})") from None
    except json.JSONDecodeError as error:
        raise InvalidJsonError(
            f"the body is not JSON: {error.msg} (line {error.lineno}, column {error.colno})"
        ) from None
    except RecursionError:
        raise InvalidJsonError("the body is nested too deep") from None
    except ValueError as error:
        raise InvalidJsonError(f"the body is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise InvalidJsonError("the body must be a JSON object")
    return value


def parse_form(raw: bytes) -> dict[str, str]:
    """Return the fields of a form, each of which may be there once.

    Raises:
        MalformedRequestError: it is not well-formed.
    """
    try:
        text = raw.decode("ascii")
        pairs = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=_FORM_FIELDS)
    except ValueError:
        raise MalformedRequestError("the body is no form as browsers send them") from None
    form = dict(pairs)
    if len(form) != len(pairs):
        raise MalformedRequestError("the form has a field twice")
    return form


_LISTS = re.compile(rb'"(models|upserts|removed|buckets|hashes|questions)"\s*:')


def crowded_field(raw: bytes) -> str:
    """Return the list of a body that holds the most, from its bytes: what is too large to parse has no fields yet."""
    starts = [(found.end(), found[1].decode()) for found in islice(_LISTS.finditer(raw), 100)]
    if not starts:
        return "body"
    ends = [*(start for start, _ in starts[1:]), len(raw)]
    return max(zip(starts, ends, strict=True), key=lambda one: raw.count(b",", one[0][0], one[1]))[0][1]


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        # Which of the two is meant, and which one another reader would take, is anybody's guess.
        counted = Counter(name for name, _ in pairs)
        raise ValueError(f"an object has the key {counted.most_common(1)[0][0][:80]!a} twice")
    return value


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError(f"the number {text[:20]} is too large")
    return number


def unpack(raw: bytes, limit_bytes: int) -> bytes:
    """Return what gzip data holds.

    Raises:
        InvalidJsonError: it is not whole gzip data, or in absurdly many parts.
        TooLargeError: it holds more than ``limit_bytes``; no more than that is ever unpacked.
    """
    unpacked = bytearray()
    position = members = 0
    member = None
    try:
        while position < len(raw):
            if member is None:
                member = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
                members += 1
            piece = raw[position : position + _GZIP_PIECE_BYTES]
            unpacked += member.decompress(piece, limit_bytes + 1 - len(unpacked))
            if len(unpacked) > limit_bytes:
                field = crowded_field(bytes(unpacked))
                raise TooLargeError(
                    f"{field}: the body unpacks to more than {limit_bytes} bytes; send the inventory in parts",
                    {"field": field, "limit_bytes": limit_bytes},
                )
            position += len(piece) - len(member.unused_data)
            if member.eof:
                member = None
                if members == _GZIP_MEMBERS and position < len(raw):
                    raise InvalidJsonError(f"the body is gzip data of more than {_GZIP_MEMBERS} parts")
    except zlib.error:
        raise InvalidJsonError("the body is not gzip, as its Content-Encoding says") from None
    if member is not None:
        raise InvalidJsonError("the body is gzip data that breaks off")
    return bytes(unpacked)
