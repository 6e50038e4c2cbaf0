"""Reads request bodies within their limits: what is too large is refused before it fills the memory."""

import asyncio
import json
import logging
import zlib
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from http import HTTPStatus
from typing import Any

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from .errors import IncompleteBodyError, InvalidJsonError, OverloadedError, TooLargeError, UnsupportedEncodingError
from .limits import Limits

_log = logging.getLogger(__name__)
_SLOT_WAIT_SECONDS = 60.0
_GZIP_FACTOR = 128  # what gzip packs into a byte, and a bomb a thousand
_DRAIN_SECONDS = 20.0
_DRAIN_SILENCE_SECONDS = 1.0


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
            encoding = request.headers.get("content-encoding", "identity").strip().lower()
            if encoding not in {"identity", "", "gzip", "x-gzip"}:
                raise UnsupportedEncodingError(f"Content-Encoding {encoding[:20]!r}: only gzip and identity are taken")
            gzipped = encoding.endswith("gzip")
            small_bytes = self._limits.small_body_bytes // (_GZIP_FACTOR if gzipped else 1)
            raw = await self._raw(request, stack, small_bytes)
            yield await run_in_threadpool(parse_object, raw, gzipped, self._limits)

    async def _raw(self, request: Request, stack: AsyncExitStack, small_bytes: int) -> bytes:
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
            if len(received) > self._limits.body_bytes:
                raise TooLargeError(
                    f"the body is larger than {self._limits.body_bytes} bytes; send the inventory in parts",
                    {"limit_bytes": self._limits.body_bytes},
                )
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
    """Reads, and drops, what is left of a body before an error is answered.

    A client that is still sending when the hub answers and closes sees its connection break, and never why: an agent
    whose key was revoked in the middle of a large sync would think the hub unreachable.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # Who asks first whether to send is told no before he sends.
        arriving = not any(name == b"expect" for name, _ in scope["headers"])

        async def receive_and_note() -> Message:
            nonlocal arriving
            message = await receive()
            arriving = message["type"] == "http.request" and message.get("more_body", False)
            return message

        async def send_after_the_body(message: Message) -> None:
            if message["type"] == "http.response.start" and message["status"] >= HTTPStatus.BAD_REQUEST:
                try:
                    await asyncio.wait_for(drop_the_rest(), _DRAIN_SECONDS)
                except asyncio.TimeoutError:
                    _log.info("a client kept sending a body that was refused")
            await send(message)

        async def drop_the_rest() -> None:
            while arriving:
                await asyncio.wait_for(receive_and_note(), _DRAIN_SILENCE_SECONDS)

        await self._app(scope, receive_and_note, send_after_the_body)


def parse_object(raw: bytes, gzipped: bool, limits: Limits) -> dict[str, Any]:
    """Return the JSON object in a body.

    Raises:
        InvalidJsonError: it is not gzip as promised, not UTF-8, not JSON, no object, or nested too deep.
        TooLargeError: it is too much after unpacking, or holds too many values.
    """
    if gzipped:
        raw = unpack(raw, limits.unpacked_bytes)
    if raw.count(b",") > limits.json_values:
        raise TooLargeError(
            f"the body holds more than {limits.json_values} values; send the inventory in parts",
            {"limit": limits.json_values},
            code="too_many_entries",
        )
    try:
        value = json.loads(raw.decode("utf-8"), parse_constant=_refuse_constant, parse_float=_finite)
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
        InvalidJsonError: it is not whole gzip data.
        TooLargeError: it holds more than ``limit_bytes``; no more than that is ever unpacked.
    """
    unpacked = bytearray()
    try:
        while raw:
            member = zlib.decompressobj(wbits=16 + zlib.MAX_WBITS)
            unpacked += member.decompress(raw, limit_bytes + 1 - len(unpacked))
            if len(unpacked) > limit_bytes:
                raise TooLargeError(f"the body unpacks to more than {limit_bytes} bytes", {"limit_bytes": limit_bytes})
            if not member.eof:
                raise InvalidJsonError("the body is gzip data that breaks off")
            raw = member.unused_data
    except zlib.error:
        raise InvalidJsonError("the body is not gzip, as its Content-Encoding says") from None
    return bytes(unpacked)
