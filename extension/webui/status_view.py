"""What the page shows of this server at a glance: the agent, its models, its hashing, its hub."""

from typing import Any

from ..._version import VERSION
from ..agent import Agent
from .compat_view import Chosen
from .hub_link import HubLink
from .life import Life
from .settings import Settings
from .shelf import Stock


def status(life: Life, link: HubLink, stock: Stock, chosen: Chosen | None) -> dict[str, Any]:
    """Answer ``GET status``; ``chosen`` is the checkpoint that the web UI uses now."""
    agent, settings = life.agent, Settings.of(life.host)
    return {
        "version": VERSION,
        "server_id": life.pairing.server_id if life.pairing else None,
        "runtime": life.host.runtime,
        "agent": {"state": life.condition.state, "message": life.condition.message},
        "scanned": agent is not None and agent.looker.scanned.is_set(),
        "revision": stock.revision,
        "models": sum(item.sha256 is not None for item in stock.items),
        "waiting": sum(item.sha256 is None for item in stock.items),
        "claimed": sum(item.hash_state == "claimed" for item in stock.items),
        "problems": [{"path": p.path, "what": p.what} for p in (agent.library.problems()[:100] if agent else ())],
        "progress": _progress(life, agent),
        "roots": agent.status()["roots"] if agent is not None else [],
        "hub": _hub(life, link, agent),
        "checkpoint": chosen.to_json() if chosen else None,
        "options": {
            "badges": settings.badges,
            "availability_badges": settings.availability_badges,
            "prompt_warning": settings.prompt_warning,
        },
    }


def _progress(life: Life, agent: Agent | None) -> dict[str, Any]:
    if agent is None:
        return {"state": "idle", "reason": None}
    now = agent.progress()
    reason = life.paused_for
    return {
        "state": "idle" if now.finished else "paused" if reason else "hashing",
        "reason": reason,
        "files_done": now.files_done,
        "files_total": now.files_total,
        "bytes_done": now.bytes_done,
        "bytes_total": now.bytes_total,
        "bytes_per_second": now.rate,
        "eta_seconds": now.eta_seconds,
    }


def _hub(life: Life, link: HubLink, agent: Agent | None) -> dict[str, Any]:
    pairing = life.pairing
    syncer = agent.syncer if agent is not None else None
    return {
        "paired": link.paired,
        "address": pairing.address if pairing else None,
        "in_sync": syncer.complete() if syncer else None,
        "last_sync": syncer.state.last_sync if syncer else None,
        "unsent": agent.ledger.dirty_count() if agent is not None and syncer else 0,
        "error": syncer.state.error if syncer else None,
    }
