"""A web UI's ``--api`` over a real socket: ``with running(folder) as web_ui: … web_ui.address …``.

``python -m quartermaster.tests.fakes.sdapi.server FOLDER [--flavour forge|a1111] [--port N] [--auth USER:PASSWORD]``
runs one in a process of its own, for tests that kill it; it prints its address.
"""

import argparse
import base64
import json
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from quartermaster.tests.fakes.images import jpeg

from .painting import ApiError, Faults, Painter, Used, picture
from .shelves import Shelves


@dataclass(frozen=True)
class WebUi:
    """One that runs."""

    shelves: Shelves
    painter: Painter
    server: "_Server"

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    @property
    def faults(self) -> Faults:
        return self.painter.faults

    @property
    def used(self) -> list[Used]:
        """What ran, in order."""
        return self.painter.used

    @property
    def asked(self) -> list[str]:
        """Method and path of every request."""
        return self.server.asked

    def models(self, kind: str = "Stable-diffusion") -> Path:
        """Return a folder of models."""
        return self.shelves.folder(kind)


@contextmanager
def running(
    root: Path, flavour: str = "forge", *, auth: str | None = None, port: int = 0, step_seconds: float = 0.0
) -> Iterator[WebUi]:
    """Run one over the models below ``root``; ``auth`` is ``--api-auth``, in ``user:password``."""
    painter = Painter(Shelves(root, flavour), step_seconds=step_seconds, die=lambda: server.hang_up())
    server = _Server(("127.0.0.1", port), painter, auth)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, name="fake-web-ui")
    thread.start()
    try:
        yield WebUi(painter.shelves, painter, server)
    finally:
        painter.closed.set()
        server.hang_up()
        thread.join()
        server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], painter: Painter, auth: str | None) -> None:
        super().__init__(address, _Handler)
        self.painter = painter
        self.auth = f"Basic {base64.b64encode(auth.encode()).decode()}" if auth else None
        self.asked: list[str] = []
        self._open: set[socket.socket] = set()

    def hang_up(self) -> None:
        """End as a killed process does: nobody listens any more, and every connection breaks."""
        threading.Thread(target=self.shutdown).start()
        self.socket.close()
        for each in list(self._open):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no matter."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the name in the standard library)
        pass

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(length)
        split = urlsplit(self.path)
        painter = self.server.painter
        self.server.asked.append(f"{self.command} {split.path}")
        while painter.faults.deaf and not painter.closed.wait(0.01):
            pass
        status, body = 200, None
        try:
            if self.server.auth and split.path.startswith("/sdapi/") and not self._is_let_in():
                raise ApiError(401, "Incorrect username or password")
            given = json.loads(raw) if raw else {}
            body = _ROUTES[self.command, split.path](painter, {**dict(parse_qs(split.query)), **given})
        except KeyError as error:
            if (self.command, split.path) in _ROUTES:
                status, body = 500, {"error": "KeyError", "detail": "", "body": "", "errors": str(error)}
            elif any(path == split.path for _, path in _ROUTES):
                status, body = 405, {"detail": "Method Not Allowed"}
            else:
                status, body = 404, {"detail": "Not Found"}
        except ApiError as error:
            status, body = error.status, {"detail": error.detail}
        except Exception as error:
            status, body = 500, {"error": type(error).__name__, "detail": "", "body": "", "errors": str(error)}
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)
        self.close_connection = self.close_connection or status == 500  # without saying so, as Forge's server does

    def _is_let_in(self) -> bool:
        return self.headers.get("Authorization") == self.server.auth


def _progress(painter: Painter, query: dict[str, Any]) -> dict[str, Any]:
    state = painter.state
    if state.job_count == 0:
        return {"progress": 0, "eta_relative": 0, "state": state.told(), "current_image": None, "textinfo": None}
    progress = 0.01
    if state.job_count > 0:
        progress += state.job_no / state.job_count
        if state.sampling_steps > 0:
            progress += 1 / state.job_count * state.sampling_step / state.sampling_steps
    elapsed = time.monotonic() - state.started
    wanted = query.get("skip_current_image", ["false"])[0].lower() != "true"
    image = base64.b64encode(picture("")).decode() if wanted and state.sampling_step else None
    return {"progress": min(progress, 1), "eta_relative": elapsed / progress - elapsed, "state": state.told(),
            "current_image": image, "textinfo": None}  # fmt: skip


def _task(painter: Painter, body: dict[str, Any]) -> dict[str, Any]:
    """``/internal/progress``, which needs no login and knows a run by its id."""
    state, task = painter.state, body.get("id_task")
    kind, active = painter.options["live_previews_image_format"], task == state.task
    shown = None
    if active and body.get("live_preview", True) and state.sampling_step:
        content = picture("") if kind == "png" else jpeg()
        shown = f"data:image/{kind};base64,{base64.b64encode(content).decode()}"
    return {"active": active, "queued": task in state.pending, "completed": task in state.finished,
            "progress": None, "eta": None, "live_preview": shown, "id_live_preview": -1, "textinfo": None}  # fmt: skip


def _options(painter: Painter, _query: dict[str, Any]) -> dict[str, Any]:
    """Forge lists no settings of extensions, though it takes them."""
    hidden = ("sd_lora", "lora_add_hashes_to_infotext") if painter.shelves.flavour == "forge" else ()
    return {key: value for key, value in painter.options.items() if key not in hidden}


def _interrupt(painter: Painter, _body: dict[str, Any]) -> dict[str, Any]:
    painter.state.interrupted = True
    return {}


def _checkpoints(painter: Painter, _query: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"title": c.title, "model_name": c.model_name, "hash": (c.sha256 or "")[:10] or None, "sha256": c.sha256,
         "filename": str(c.file), "config": None}
        for c in painter.shelves.checkpoints.values()
    ]  # fmt: skip


def _loras(painter: Painter, _query: dict[str, Any]) -> list[dict[str, Any]]:
    listed = painter.shelves.networks.values()
    return [{"name": n.name, "alias": n.alias, "path": str(n.file), "metadata": {}} for n in listed]


def _modules(flavour: str) -> Any:
    def answer(painter: Painter, _query: dict[str, Any]) -> list[dict[str, Any]]:
        if painter.shelves.flavour != flavour:
            raise ApiError(404, "Not Found")
        return [{"model_name": name, "filename": str(file)} for name, file in painter.shelves.modules.items()]

    return answer


def _embeddings(painter: Painter, _query: dict[str, Any]) -> dict[str, Any]:
    shape = {"step": None, "sd_checkpoint": None, "sd_checkpoint_name": None, "shape": 768, "vectors": 1}
    return {"loaded": dict.fromkeys(painter.shelves.embeddings, shape), "skipped": {}}


def _locked(work: str, flavour: str | None = None) -> Any:
    def answer(painter: Painter, _body: dict[str, Any]) -> None:
        with painter.lock:
            if flavour in {None, painter.shelves.flavour}:
                getattr(painter.shelves, work)()

    return answer


_ROUTES: dict[tuple[str, str], Any] = {
    ("POST", "/sdapi/v1/txt2img"): lambda painter, body: painter.run("txt2img", body),
    ("POST", "/sdapi/v1/img2img"): lambda painter, body: painter.run("img2img", body),
    ("GET", "/sdapi/v1/progress"): _progress,
    ("POST", "/internal/progress"): _task,
    ("POST", "/sdapi/v1/interrupt"): _interrupt,
    ("GET", "/sdapi/v1/options"): _options,
    ("GET", "/sdapi/v1/sd-models"): _checkpoints,
    ("GET", "/sdapi/v1/sd-vae"): _modules("a1111"),
    ("GET", "/sdapi/v1/sd-modules"): _modules("forge"),
    ("GET", "/sdapi/v1/loras"): _loras,
    ("GET", "/sdapi/v1/hypernetworks"): lambda painter, _: [],
    ("GET", "/sdapi/v1/embeddings"): _embeddings,
    ("GET", "/sdapi/v1/upscalers"): lambda painter, _: [
        {"name": "None", "model_name": None, "model_path": None, "model_url": None, "scale": 4},
        *(
            {"name": name, "model_name": None, "model_path": str(file), "model_url": None, "scale": 4}
            for name, file in painter.shelves.upscalers.items()
        ),
    ],
    ("GET", "/controlnet/model_list"): lambda painter, _: {"model_list": ["None", *painter.shelves.controlnets]},
    ("POST", "/sdapi/v1/refresh-checkpoints"): _locked("list_checkpoints"),
    ("POST", "/sdapi/v1/refresh-loras"): lambda painter, _: painter.shelves.list_networks(),
    # Forge's refreshes a list that its own runs do not use: a module that came is known after a look at the page.
    ("POST", "/sdapi/v1/refresh-vae"): _locked("list_modules", "a1111"),
    ("POST", "/sdapi/v1/refresh-embeddings"): _locked("list_embeddings"),
}


def main() -> None:
    """Run one until the process is told to end."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path)
    parser.add_argument("--flavour", choices=("forge", "a1111"), default="forge")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--auth")
    parser.add_argument("--step-seconds", type=float, default=0.0)
    options = parser.parse_args()
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    with running(
        options.root, options.flavour, auth=options.auth, port=options.port, step_seconds=options.step_seconds
    ) as web_ui:
        print(web_ui.address, flush=True)
        stop.wait()


if __name__ == "__main__":
    main()
