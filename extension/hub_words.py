"""What the hub says of this machine's models: corrections and registrations made elsewhere, answers of Civitai.

They are kept beside a person's corrections, in a file of their own, so that a web UI without its hub shows them too.
They are only shown: the hub is never told them as this agent's finding, or it would hear its own echo and take it for a
witness. A file that cannot be used costs what it holds, which the hub tells again.
"""

import json
import logging
import os
import sqlite3
import threading
from collections.abc import Collection, Iterable, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..hub_client import HubClient
from ..hub_client.news import ModelNews
from .paths import make_private

log = logging.getLogger(__name__)

FILE_NAME = "hub_words.sqlite"
HASHES_AT_ONCE = 1000
PAGES_A_ROUND = 10
"""How many requests one round makes at most: the rest follow in later ones."""
_SCHEMA = """
CREATE TABLE IF NOT EXISTS words (hub TEXT, sha256 TEXT, word TEXT, PRIMARY KEY (hub, sha256)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS heard (hub TEXT, server_id TEXT, news INTEGER, PRIMARY KEY (hub, server_id)) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class HubWord:
    """What the hub says of one model; ``by_hand`` is a correction or a registration, ``civitai`` what Civitai answered.

    Both are ``{"type", "ecosystem", "base_model"}`` with None for no word; ``who`` names in words who said ``by_hand``.
    """

    by_hand: Mapping[str, Any] | None
    corrected: bool
    who: str
    civitai: Mapping[str, Any] | None

    @classmethod
    def of(cls, news: ModelNews) -> "HubWord":
        """Take what the hub told: a correction stands above a registration, part by part."""
        said: dict[str, Any] = {}
        who = []
        for part, verb in ((news.registered, "registered"), (news.override, "corrected")):
            if part is None:
                continue
            if part.get("ecosystem") or part.get("base_model"):
                said |= {"ecosystem": part.get("ecosystem"), "base_model": part.get("base_model")}
            if part.get("type"):
                said["type"] = part["type"]
            who.append(f"{verb} by {part.get('by') or 'somebody'}")
        return cls(said or None, news.override is not None, "hub: " + ", ".join(reversed(who)), news.civitai)

    def applied(self, identity: Mapping[str, Any], *, person_here: bool) -> dict[str, Any]:
        """Return an identification with the hub's words in their places, each with its evidence.

        What was said by hand comes before what was found, unless ``person_here``: a person corrected the model on this
        machine, and the hub does not know it yet. Civitai only fills what is empty.
        """
        found = {**identity}
        evidence = list(found.get("evidence") or ())
        civitai = self.civitai or {}
        if not found.get("ecosystem") and not found.get("base_model") and civitai.get("ecosystem"):
            found |= {"ecosystem": civitai["ecosystem"], "base_model": civitai.get("base_model"), "confidence": 0.9}
            says = f"hub: Civitai: {civitai.get('base_model') or civitai['ecosystem']}"
            evidence.append({"witness": "hub", "says": says, "weight": 0.9})
        words = civitai.get("trigger_words")
        metadata = found.get("metadata") or {}
        if words and not metadata.get("trigger_words"):
            found["metadata"] = {**metadata, "trigger_words": list(words)}
        if self.by_hand and not person_here:
            if self.by_hand.get("ecosystem"):
                found |= {"ecosystem": self.by_hand["ecosystem"], "base_model": self.by_hand.get("base_model")}
                found["confidence"] = 1.0
            if self.by_hand.get("type"):
                found["kind"] = self.by_hand["type"]
            evidence.insert(0, {"witness": "hub", "says": self.who, "weight": 1.0})
        found["evidence"] = evidence
        return found


class HubWords:
    """The words of one hub; all agents of this machine share the file."""

    def __init__(self, home: Path, hub: str, server_id: str) -> None:
        """Read what was heard before; a file that cannot be used is made anew.

        Raises:
            OSError, sqlite3.Error: the data folder cannot be used.
        """
        self._path = make_private(home) / FILE_NAME
        self._hub = hub
        self._server_id = server_id
        self._lock = threading.Lock()
        self._held: dict[str, HubWord | None] = {}
        self.revision = 0
        """Counts what was heard, for whoever keeps what it made of it."""
        try:
            self._prepare()
        except sqlite3.DatabaseError:
            log.warning("What the hub said before cannot be read and is asked for again: %s", self._path)
            self._path.unlink(missing_ok=True)
            self._prepare()

    def _prepare(self) -> None:
        if not self._path.exists():
            os.close(os.open(self._path, os.O_CREAT | os.O_WRONLY, 0o600))
        with self._open() as connection, connection:
            connection.executescript(_SCHEMA)
            query = "SELECT sha256, word FROM words WHERE hub = ?"
            rows = connection.execute(query, (self._hub,)).fetchall()
        self._held = {sha256: _read(word) for sha256, word in rows}

    def _open(self) -> "closing[sqlite3.Connection]":
        return closing(sqlite3.connect(self._path, timeout=10))

    def get(self, sha256: str) -> HubWord | None:
        """Return what the hub says of a model, or None."""
        return self._held.get(sha256)

    def keep_up(self, client: HubClient, news: int, hashes: Collection[str]) -> None:
        """Ask for what is new: all above the number heard last, and once for each model that is new here.

        ``news`` is the number that the hub answered to a sync, ``hashes`` are the models of this server.

        Raises:
            HubError: the hub could not be asked.
            sqlite3.Error: it cannot be kept.
        """
        with self._lock:
            heard = self._heard()
            if heard is not None and news < heard:
                log.info("The hub knows less than before; what it says is asked for anew.")
                self._forget()
                heard = None
            if heard is None:  # all that is here is asked for by hash: what is older than this number is in there
                heard = news
                self._keep([], heard)
            for _ in range(PAGES_A_ROUND):
                if heard >= news:
                    break
                answer = client.news_after(heard)
                self._keep(answer.models, answer.news)
                heard = answer.news
                if not answer.more:
                    break
            unasked = [sha256 for sha256 in hashes if sha256 not in self._held]
            for start in range(0, min(len(unasked), PAGES_A_ROUND * HASHES_AT_ONCE), HASHES_AT_ONCE):
                part = unasked[start : start + HASHES_AT_ONCE]
                self._keep(client.news_of(part).models, heard, part)

    def _heard(self) -> int | None:
        query = "SELECT news FROM heard WHERE hub = ? AND server_id = ?"
        with self._open() as connection:
            row = connection.execute(query, (self._hub, self._server_id)).fetchone()
        return None if row is None else int(row[0])

    def _forget(self) -> None:
        with self._open() as connection, connection:
            connection.execute("DELETE FROM words WHERE hub = ?", (self._hub,))
            connection.execute("DELETE FROM heard WHERE hub = ?", (self._hub,))
        self._held = {}
        self.revision += 1

    def _keep(self, models: Iterable[ModelNews], heard: int, asked: Iterable[str] = ()) -> None:
        """Keep what was heard and how far, together; of hashes that were asked for and not answered, that."""
        told = {news.sha256: news for news in models}
        rows: list[tuple[str, str, str | None]] = [(self._hub, sha256, None) for sha256 in asked if sha256 not in told]
        rows += [(self._hub, sha256, json.dumps(news.kept())) for sha256, news in told.items()]
        with self._open() as connection, connection:
            connection.executemany("INSERT OR REPLACE INTO words VALUES (?, ?, ?)", rows)
            connection.execute("INSERT OR REPLACE INTO heard VALUES (?, ?, ?)", (self._hub, self._server_id, heard))
        self._held = {**self._held, **{sha256: None for _, sha256, _ in rows}}
        self._held.update({sha256: HubWord.of(news) for sha256, news in told.items()})
        self.revision += bool(told)


def _read(word: str | None) -> HubWord | None:
    if word is None:
        return None
    try:
        return HubWord.of(ModelNews.from_wire(json.loads(word)))
    except Exception:
        log.debug("A word of the hub cannot be read", exc_info=True)
        return None
