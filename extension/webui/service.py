"""The page's service: which view answers which route, with the agent, the catalogue and the hub as they are now."""

import time
from collections.abc import Iterator
from datetime import datetime
from functools import partial

from ...ecosystems.catalogue import Catalogue
from ...hub_client import HubError, model_hash, pair
from ..agent import Agent
from ..catalogue import best_catalogue
from . import (
    check_view,
    compat_view,
    correct_view,
    fleet_view,
    jobs_view,
    models_view,
    status_view,
    submit_view,
    taking,
)
from .compat_view import Chosen, Judge
from .drafts import Drafts
from .hub_link import PATIENCE, HubLink, shown
from .life import Life
from .question import Answer, Question, Route, RouteError
from .shelf import Shelf, Stock

CATALOGUE_SECONDS = 60.0
"""How long a catalogue is used before the agent's data folder is asked for a newer one."""


class Service:
    """Answers the routes of one web UI."""

    def __init__(self, life: Life, drafts: Drafts | None = None) -> None:
        self.life = life
        self.drafts = drafts or Drafts()
        self.link = HubLink(lambda: life.pairing)
        self.shelf = Shelf()
        self._judge: tuple[float, Judge] | None = None

    def routes(self) -> tuple[Route, ...]:
        """Return all routes."""
        return (
            Route("GET", "status", self.status),
            Route("GET", "models", lambda q: models_view.models(self.stock(), q)),
            Route("GET", "model", lambda q: models_view.model(self.stock(), q, self.link.elsewhere)),
            Route("GET", "preview", lambda q: models_view.preview(self.stock(), q)),
            Route("GET", "names", lambda q: correct_view.names(self.judge().catalogue)),
            Route("POST", "correct", self.correct),
            Route("POST", "scan", self.scan),
            Route("POST", "pause", self.pause),
            Route("POST", "verify", self.verify),
            Route("POST", "sync", self.sync),
            Route("GET", "compatibility", self.compatibility),
            Route("GET", "compatibility/steps", self.steps),
            Route("GET", "compatibility/matrix", lambda q: compat_view.matrix(self.judge(), q)),
            Route("GET", "cards", self.cards),
            Route("GET", "availability", lambda q: self.availability(q.lists.get("hash", []))),
            Route("POST", "availability", lambda q: self.availability(q.words("hashes", 1000))),
            Route("GET", "fleet", lambda q: fleet_view.fleet(self.link, self.stock())),
            Route("GET", "fleet/models", lambda q: fleet_view.fleet_models(self.link, self.stock(), q)),
            Route("POST", "check", self.check),
            Route("POST", "prompt", self.prompt),
            *self._job_routes(),
            Route("POST", "hub/pair", self.pair),
            Route("POST", "hub/unpair", self.unpair),
            Route("POST", "hub/test", self.test),
        )

    def _job_routes(self) -> Iterator[Route]:
        link, drafts, runtime = self.link, self.drafts, self.life.host.runtime
        yield Route("GET", "jobs", lambda q: jobs_view.listed(link, q))
        yield Route("GET", "jobs/here", self.here)
        yield Route("POST", "jobs/take", self.take)
        yield Route("GET", "jobs/one", lambda q: jobs_view.one(link, q))
        yield Route("GET", "jobs/image", lambda q: jobs_view.image(link, q))
        for what in ("cancel", "retry", "priority", "move"):
            yield Route("POST", f"jobs/{what}", partial(jobs_view.change, link, what))
        yield Route("POST", "jobs/draft", lambda q: submit_view.made(drafts, self.stock(), link, self.life.form, q))
        yield Route("POST", "jobs/check", lambda q: submit_view.checked(drafts, link, runtime, q))
        yield Route("POST", "jobs/submit", lambda q: submit_view.sent(drafts, link, runtime, q))

    def here(self, question: Question) -> Answer:
        """Answer ``GET jobs/here``: whether this web UI takes jobs, and what it is at."""
        agent = self.life.agent
        runner = agent.runner if agent is not None else None
        return taking.here(self.life.host, runner, paired=self.link.paired, now=datetime.now().astimezone())

    def take(self, question: Question) -> Answer:
        """Answer ``POST jobs/take``: the tab's switch.

        Raises:
            RouteError: the web UI does not keep it.
        """
        wanted = question.given("on", bool)
        if wanted is None:
            raise RouteError(422, "missing_required_field", "say whether it is on", {"field": "on"})
        try:
            taking.take(self.life.host, wanted)
        except OSError as error:
            raise RouteError(409, "settings_frozen", str(error)) from error
        return self.here(question)

    # --- what views need

    def agent(self) -> Agent:
        """Return the running agent.

        Raises:
            RouteError: none runs.
        """
        agent = self.life.agent
        if agent is None:
            condition = self.life.condition
            raise RouteError(503, "agent_not_running", condition.message or f"the agent is {condition.state}")
        return agent

    def stock(self) -> Stock:
        """Return this server's models; none while no agent runs."""
        return self.shelf.stock(self.life.agent)

    def judge(self) -> Judge:
        """Return who judges what works together, by the best catalogue that is here."""
        now = time.monotonic()
        if self._judge is None or now - self._judge[0] > CATALOGUE_SECONDS:
            catalogue = best_catalogue(self.life.home)
            if self._judge is not None and _same(self._judge[1].catalogue, catalogue):
                self._judge = (now, self._judge[1])  # with the verdicts that it remembers
            else:
                self._judge = (now, Judge(catalogue, self.life.host.runtime))
        return self._judge[1]

    def chosen(self, question: Question) -> Chosen | None:
        """Return the checkpoint that a question is about."""
        return self.judge().chosen(self.stock(), question.text("checkpoint"), self.life.host.checkpoint())

    # --- this server

    def status(self, question: Question) -> Answer:
        """Answer ``GET status``."""
        stock = self.stock()
        return status_view.status(self.life, self.link, stock, self._loaded(stock))

    def correct(self, question: Question) -> Answer:
        """Answer ``POST correct``.

        Raises:
            RouteError: a name is not known, or no agent runs.
        """
        return correct_view.correct(self.agent(), self.stock(), self.judge().catalogue, question)

    def scan(self, question: Question) -> Answer:
        """Answer ``POST scan``: look at all folders again, now."""
        self.agent().looker.rescan()
        return {"message": "the folders are being looked at"}

    def pause(self, question: Question) -> Answer:
        """Answer ``POST pause``: pause the hashing, or go on."""
        paused = question.given("paused", bool, True)
        self.life.pause(paused)
        return {"paused": paused}

    def verify(self, question: Question) -> Answer:
        """Answer ``POST verify``: read some models again, now, whether or not their hashes are verified."""
        hashes = {text.lower() for text in question.words("sha256", correct_view.MOST_SELECTED)}
        return {"files": self.agent().library.verify(hashes)}

    def sync(self, question: Question) -> Answer:
        """Answer ``POST sync``: tell the hub now what it has not been told."""
        agent = self.agent()
        if agent.syncer is None:
            raise RouteError(409, "not_paired", "this web UI is not paired with a hub; see the page Hub")
        agent.syncer.hurry()
        self.link.forget()
        return {"message": "the hub is being told"}

    # --- compatibility

    def compatibility(self, question: Question) -> Answer:
        """Answer ``GET compatibility``."""
        judge, stock, chosen = self.judge(), self.stock(), self.chosen(question)
        found = compat_view.compatibility(judge, stock, chosen)
        settings = compat_view.defaults(judge, stock, self.link.fleet(), chosen, self.link.own_id)
        return {**found, "defaults": {"settings": settings}}

    def steps(self, question: Question) -> Answer:
        """Answer ``GET compatibility/steps``."""
        stock = self.stock()
        item = models_view.item_of(stock, question.text("path"))
        return compat_view.steps(self.judge(), stock, self.chosen(question), item)

    def cards(self, question: Question) -> Answer:
        """Answer ``GET cards``."""
        stock, own = self.stock(), self.link.own_id
        fleet = self.link.fleet()
        elsewhere = {h: servers for h in stock.copies if (servers := fleet.servers_of(h, own))}
        return compat_view.cards(self.judge(), stock, self.chosen(question), elsewhere)

    def check(self, question: Question) -> Answer:
        """Answer ``POST check``."""
        stock = self.stock()
        return check_view.check(self.judge(), stock, self.link, check_view.read(stock, question), self._loaded(stock))

    def prompt(self, question: Question) -> Answer:
        """Answer ``POST prompt``."""
        stock = self.stock()
        return check_view.warnings(self.judge(), stock, question, self._loaded(stock))

    def _loaded(self, stock: Stock) -> Chosen | None:
        return self.judge().chosen(stock, "", self.life.host.checkpoint())

    # --- hub

    def availability(self, hashes: list[str]) -> Answer:
        """Answer ``availability``: who has these models.

        Raises:
            RouteError: there is no hub, or one of them is no hash.
        """
        if not hashes:
            raise RouteError(422, "missing_required_field", "name a hash", {"field": "hash"})
        try:
            asked = [model_hash(text) for text in hashes]
        except ValueError as error:
            raise RouteError(422, "invalid_field", str(error), {"field": "hash"}) from None
        own = self.link.own_id
        found = self.link.client().availabilities(asked)
        return {"results": {given: shown(each, own) for given, each in zip(hashes, found, strict=True)}}

    def pair(self, question: Question) -> Answer:
        """Answer ``POST hub/pair``: exchange a one-time code for a key, keep it, and start telling the hub.

        Raises:
            RouteError: address or code are missing.
            HubError: the hub does not answer, or does not take the code.
        """
        address, code = question.given("address", str, "").strip(), question.given("code", str, "").strip()
        for name, value in (("address", address), ("code", code)):
            if not value:
                raise RouteError(422, "missing_required_field", f"the {name} is missing", {"field": name})
        if "://" not in address:
            address = f"http://{address}"
        made = pair(address, code, timeouts=PATIENCE)
        self.life.pairing_file.pair(made.server_id, made.address, made.credentials)
        self.life.restart()
        return {"message": f"paired with {made.address} as {made.server_id}", "server_id": made.server_id}

    def unpair(self, question: Question) -> Answer:
        """Answer ``POST hub/unpair``: forget the hub and its key."""
        self.life.pairing_file.unpair()
        self.life.restart()
        return {"message": "unpaired; the hub keeps what it was told until its admin removes this server"}

    def test(self, question: Question) -> Answer:
        """Answer ``POST hub/test``: whether the hub answers, and takes our key."""
        client = self.link.client()
        began = time.monotonic()
        try:
            servers = client.servers()
        except HubError as error:
            return {"ok": False, "message": str(error)}
        milliseconds = round((time.monotonic() - began) * 1000)
        return {"ok": True, "message": f"the hub answers in {milliseconds} ms and knows {len(servers)} servers"}


def _same(one: Catalogue, other: Catalogue) -> bool:
    return one.name == other.name and one.version == other.version
