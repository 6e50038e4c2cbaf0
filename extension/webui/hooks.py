"""One function for each of the web UI's hooks."""

import logging
from typing import Any

from .host import Host
from .life import Life, the_life
from .routes import add_routes
from .service import Service
from .settings import add_settings

log = logging.getLogger(__name__)


def hook_in() -> None:
    """Add ourselves to the hooks and start the agent; nothing here waits for a disk or a network."""
    host = Host()
    life = the_life(lambda: Life(host))
    callbacks = host.callbacks
    callbacks.on_ui_settings(lambda: add_settings(host))
    callbacks.on_ui_tabs(_tab)
    callbacks.on_app_started(lambda demo, app: _app_started(app, life))
    callbacks.on_script_unloaded(life.stop)


def _tab() -> Any:
    from .panel import tab  # gradio is loaded by now, or there are no tabs

    return tab()


def _app_started(app: Any, life: Life) -> None:
    """Add the routes to this app (a reload makes a new one) and start the agent, now that all folders are known."""
    add_routes(app, life.host, Service(life).routes())
    life.start()
