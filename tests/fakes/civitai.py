"""A Civitai that answers ``POST /api/v1/model-versions/by-hash`` as the real one, over a real socket.

What it keeps to, from ``src/pages/api/v1/model-versions/by-hash/index.ts`` and ``[id].ts`` of civitai/civitai: more
than 100 hashes or one that has not 64 characters are a 400; hashes are compared in upper case and answered so; the
answer has one element per file that has one of them (a version may stand twice), null where a version has no main file;
an unknown hash is absent; an archived model comes without files; a hidden file is left out of its version; the host in
``downloadUrl`` is ``undefined``.
"""

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

ROUTE = "/api/v1/model-versions/by-hash"
CDN_PAGE = b"<!DOCTYPE html><html><head><title>503 Service Temporarily Unavailable</title></head></html>"


def version(number: int, *hashes: str, **more: Any) -> dict[str, Any]:
    """Return a version with a file for each of these SHA-256 values, as the service holds it."""
    files = [
        {
            "id": number * 10 + place,
            "sizeKB": 1024.5,
            "name": f"file-{number}-{place}.safetensors",
            "type": "Model",
            "pickleScanResult": "Success",
            "virusScanResult": "Success",
            "scannedAt": "2024-05-01T10:00:00.000Z",
            "metadata": {"format": "SafeTensor", "size": "pruned", "fp": "fp16"},
            "hashes": {
                "AutoV1": "1A2B3C4D",
                "AutoV2": text[:10].upper(),
                "SHA256": text.upper(),
                "CRC32": "0A1B2C3D",
                "BLAKE3": "AB" * 32,
                "AutoV3": "0123456789AB",
            },
            "primary": place == 0,
            "downloadUrl": f"https://undefined/api/download/models/{number}{'?type=Model' if place else ''}",
        }
        for place, text in enumerate(hashes)
    ]
    return {
        "id": number,
        "modelId": number + 1000,
        "name": "v1.0",
        "nsfwLevel": 1,
        "createdAt": "2024-05-01T09:00:00.000Z",
        "updatedAt": "2024-05-01T09:30:00.000Z",
        "status": "Published",
        "publishedAt": "2024-05-01T09:30:00.000Z",
        "trainedWords": ["ohwx", "sky"],
        "trainingStatus": None,
        "baseModel": "Pony",
        "baseModelType": "Standard",
        "earlyAccessEndsAt": None,
        "description": "<p>Made for <b>skies</b>.</p>",
        "uploadType": "Created",
        "usageControl": "Download",
        "air": f"urn:air:pony:lora:civitai:{number + 1000}@{number}",
        "stats": {"downloadCount": 10, "thumbsUpCount": 1},
        "model": {"name": f"Model {number}", "type": "LORA", "nsfw": False, "poi": False},
        "files": files,
        "images": [{"url": f"https://image.civitai.com/x/{number}.jpeg", "nsfwLevel": 1, "meta": {"prompt": "sky"}}],
        "downloadUrl": f"https://undefined/api/download/models/{number}",
        **more,
    }


Reply = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Request:
    """A request as it came."""

    hashes: list[str]
    headers: dict[str, str]


@dataclass
class FakeCivitai:
    """The service: what it knows, what it was asked, and what it does instead of answering well.

    ``next_replies`` are done in turn, one per request; ``poison`` are hashes on which it stumbles with a 500.
    """

    known: dict[str, list[dict[str, Any] | None]] = field(default_factory=dict)
    requests: list[Request] = field(default_factory=list)
    next_replies: list[Reply] = field(default_factory=list)
    poison: set[str] = field(default_factory=set)
    always: Reply | None = None
    url: str = ""

    def knows(self, value: dict[str, Any] | None, *hashes: str) -> None:
        """Let the service find a version under these hashes (those of its files, where none are given)."""
        named = hashes or [file["hashes"]["SHA256"].lower() for file in (value or {})["files"]]
        for text in named:
            self.known.setdefault(text, []).append(value)

    @property
    def asked(self) -> list[str]:
        """All hashes that were asked for, in order, in lower case."""
        return [text.lower() for request in self.requests for text in request.hashes]

    def reply(self, handler: BaseHTTPRequestHandler, hashes: Any) -> None:
        """Answer one request."""
        if self.next_replies:
            self.next_replies.pop(0)(handler)
            return
        if self.always is not None:
            self.always(handler)
            return
        if not isinstance(hashes, list) or len(hashes) > 100 or any(len(text) != 64 for text in hashes):
            answer(400, {"error": "Request must include an array of SHA256 Hashes. Too many hashes"})(handler)
            return
        lower = [text.lower() for text in hashes]
        if self.poison & set(lower):
            answer(500, {"error": "An unexpected error occurred"})(handler)
            return
        answer(200, [value for text in lower for value in self.known.get(text, [])])(handler)


def answer(status: int, value: Any, **headers: str) -> Reply:
    """Return what answers with JSON, or with bytes as they are."""
    content = value if isinstance(value, bytes) else json.dumps(value).encode("ascii")
    kind = "text/html" if content.startswith(b"<") else "application/json; charset=utf-8"

    def send(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", kind)
        handler.send_header("Content-Length", str(len(content)))
        for name, text in headers.items():
            handler.send_header(name.replace("_", "-"), text)
        handler.end_headers()
        handler.wfile.write(content)

    return send


def cut_off(content: bytes, promised: int) -> Reply:
    """Return what promises so many bytes and hangs up after these."""

    def send(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(promised))
        handler.end_headers()
        handler.wfile.write(content)
        handler.close_connection = True

    return send


def reset(handler: BaseHTTPRequestHandler) -> None:
    """Break the connection without a word: what a killed process, or a CDN that had enough, does."""
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()
    handler.close_connection = True


def drip(until: threading.Event) -> Reply:
    """Return what sends a blank now and then, until the event is set or the caller has gone."""

    def send(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000000")
        handler.end_headers()
        handler.close_connection = True
        try:
            while not until.wait(0.05):
                handler.wfile.write(b" ")
        except OSError:
            pass

    return send


@contextmanager
def fake_civitai() -> Iterator[FakeCivitai]:
    """Run a service on a free port of this machine's loopback."""
    service = FakeCivitai()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            hashes = json.loads(content)
            service.requests.append(Request(hashes, dict(self.headers)))
            if self.path == ROUTE:
                service.reply(self, hashes)
            else:
                answer(404, {"error": "Not found"})(self)

        def log_message(self, *_args: Any) -> None:
            """Say nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_args: Any) -> None:
            """Say nothing: a caller that hangs up is what some tests are about."""

    server = Server(("127.0.0.1", 0), Handler)
    service.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
