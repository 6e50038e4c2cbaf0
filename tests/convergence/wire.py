"""The way between agents and the hub, where messages are lost, repeated, overtaken and answered in vain."""

import io
from dataclasses import dataclass, field
from enum import Enum
from typing import Any
from urllib.parse import unquote, urlsplit

import requests
import urllib3
from quartermaster.tests.convergence.hub_house import Answer, HubHouse
from requests.adapters import BaseAdapter


class Fate(Enum):
    """What becomes of one message."""

    LOST = "it never arrives"
    UNANSWERED = "it arrives, and its answer is lost"
    REPEATED = "it arrives twice"
    LATE = "it arrives after later ones; its sender has given up on it by then"
    BUSY = "something on the way answers that the hub is busy"
    GARBLED = "it arrives, and half of its answer comes back"


@dataclass
class Wire:
    """Carries messages to one hub; ``fates`` are those of the next messages, in order."""

    house: HubHouse
    fates: list[Fate] = field(default_factory=list)
    late: list[requests.PreparedRequest] = field(default_factory=list)

    def session(self) -> requests.Session:
        """Return a session whose every request goes over this wire."""
        session = requests.Session()
        session.mount("http://", WireAdapter(self))
        return session

    def deliver_late(self) -> None:
        """Let what was held up arrive."""
        held, self.late = self.late, []
        for request in held:
            if self.house.runs:
                self._ask(request)

    def carry(self, request: requests.PreparedRequest) -> Answer:
        """Bring a message to the hub and its answer back, or not."""
        fate = self.fates.pop(0) if self.fates else None
        if fate is Fate.LATE:
            self.late.append(request)
            raise requests.exceptions.ReadTimeout("no answer", request=request)
        if fate is Fate.BUSY:
            return Answer(503, [("Retry-After", "2")], b"<html>busy</html>")
        if fate is Fate.LOST or not self.house.runs:
            raise requests.exceptions.ConnectionError("no connection", request=request)
        answer = self._ask(request)
        if fate is Fate.REPEATED:
            answer = self._ask(request)
        if fate is Fate.GARBLED:
            answer.content = answer.content[: len(answer.content) // 2]
        if fate is Fate.UNANSWERED:
            raise requests.exceptions.ConnectionError("connection reset", request=request)
        return answer

    def _ask(self, request: requests.PreparedRequest) -> Answer:
        parts = urlsplit(request.url or "")
        path = unquote(parts.path) + (f"?{parts.query}" if parts.query else "")
        headers = [(name.lower().encode(), str(value).encode()) for name, value in request.headers.items()]
        body = request.body or b""
        return self.house.ask(request.method or "", path, headers, body if isinstance(body, bytes) else body.encode())


class WireAdapter(BaseAdapter):
    """What ``requests`` sends through, in the place of sockets."""

    def __init__(self, wire: Wire) -> None:
        super().__init__()
        self._wire = wire

    def send(self, request: requests.PreparedRequest, *_args: Any, **_kwargs: Any) -> requests.Response:
        answer = self._wire.carry(request)
        response = requests.Response()
        response.request, response.url = request, request.url or ""
        response.status_code = answer.status
        response.headers.update(answer.headers)
        response.raw = urllib3.HTTPResponse(io.BytesIO(answer.content), preload_content=False)
        return response

    def close(self) -> None:
        """Nothing is open."""
