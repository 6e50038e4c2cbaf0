"""One function for each of the web UI's hooks."""

import logging
from typing import Any

from .drafts import Drafts
from .host import Host
from .life import Life, the_life
from .routes import add_routes
from .service import Service
from .settings import add_settings

log = logging.getLogger(__name__)

_GENERATE = {"txt2img_generate": "txt2img", "img2img_generate": "img2img"}


def hook_in() -> None:
    """Add ourselves to the hooks and start the agent; nothing here waits for a disk or a network."""
    host = Host()
    life = the_life(lambda: Life(host))
    drafts, generate = Drafts(), dict[str, Any]()
    callbacks = host.callbacks
    callbacks.on_ui_settings(lambda: add_settings(host))
    callbacks.on_after_component(lambda component, **named: _component(component, named, generate))
    callbacks.on_ui_tabs(lambda: _tab(generate, drafts))
    callbacks.on_app_started(lambda demo, app: _app_started(app, life, drafts))
    callbacks.on_script_unloaded(life.stop)


def _component(component: Any, named: dict[str, Any], generate: dict[str, Any]) -> None:
    """Remember the buttons whose inputs are what Generate runs; called for every component of the page."""
    mode = _GENERATE.get(named.get("elem_id") or "")
    if mode is not None:
        generate[mode] = component


def _tab(generate: dict[str, Any], drafts: Drafts) -> Any:
    from .panel import tab  # gradio is loaded by now, or there are no tabs

    return tab(generate, drafts.hand_over)


def _app_started(app: Any, life: Life, drafts: Drafts) -> None:
    """Add the routes to this app (a reload makes a new one) and start the agent, now that all folders are known."""
    add_routes(app, life.host, Service(life, drafts).routes())
    life.start()
