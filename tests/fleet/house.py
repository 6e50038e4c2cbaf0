"""A real fleet: hub processes behind a balancer, an agent process per server, and a stand-in web UI for each."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import requests
from quartermaster.hub.jobs.job import FAILED, PENDING, PROCESSING
from quartermaster.hub.services import Hub
from quartermaster.hub.settings import HubSettings
from quartermaster.tests.cli.processes import Home, Killable
from quartermaster.tests.fakes.sdapi.server import WebUi, running
from quartermaster.tests.fleet import truth
from quartermaster.tests.fleet.files import Model, Mover
from quartermaster.tests.fleet.flaky import FlakyNetwork
from quartermaster.tests.fleet.truth import Made
from quartermaster.tests.hub.several import HubProcess, RoundRobin

SERVERS = {"attic": "forge", "barn": "a1111", "cellar": "forge"}
"""Which web UI runs on which server."""
PEOPLE = ("ann", "ben", "cleo")
AGENT_TIMES = ("--settle-seconds", "0.1", "--heartbeat-seconds", "0.5", "--reconcile-seconds", "1")
HUB_SETTINGS = {"QUARTERMASTER_REQUESTS_PER_MINUTE": "0", "QUARTERMASTER_JOB_LEASE_SECONDS": "15"}
ANSWER_SECONDS = 60


@dataclass
class Person:
    """Somebody with a client's key, who sends jobs."""

    address: str
    session: requests.Session

    def ask(self, method: str, path: str, body: Any = None, **parameters: Any) -> requests.Response | None:
        """Return the hub's answer; None where there was none, or one that says to come again."""
        try:
            answer = self.session.request(
                method, self.address + path, json=body, params=parameters, timeout=ANSWER_SECONDS
            )
        except requests.RequestException:
            return None
        return None if answer.status_code in {429, 503} else answer

    def told(self, method: str, path: str, body: Any = None, **parameters: Any) -> dict[str, Any]:
        """Return what a hub that runs says."""
        answer = self.ask(method, path, body, **parameters)
        assert answer is not None and answer.status_code == 200, answer and answer.text
        told: dict[str, Any] = answer.json()
        return told


@dataclass
class Fleet:
    """All of it; ``hub`` looks at the same database directly."""

    hub: Hub
    hubs: list[HubProcess]
    agents: dict[str, Killable]
    web_uis: dict[str, WebUi]
    mover: Mover
    people: list[Person]
    admin: Person
    network: FlakyNetwork | None = None

    def runs(self) -> int:
        """Return how many runs all web UIs have made."""
        return sum(len(web_ui.used) for web_ui in self.web_uis.values())

    def knows(self, models: list[Model]) -> bool:
        """Tell whether the hub finds each of these by its name, and on a server."""
        names = [f"{model.name}.safetensors" for model in models]
        told = self.admin.told("POST", "/api/v1/models/find", {"questions": names})
        return all(each["status"] == "available" for each in told["results"])

    def is_worked_off(self, vain: int = 0) -> bool:
        """Tell whether only these many jobs wait. What failed for a reason that is named is asked for again."""
        counted = truth.counts(self.hub)
        if counted[FAILED]:
            for job in truth.jobs_of(self.hub).values():
                if job.state == FAILED:
                    assert job.error_code in truth.HONEST_FAILURES and job.error_message, job
                    self.admin.ask("POST", f"/api/v2/jobs/{job.id}/retry")
        return counted[PENDING] == vain and not counted[PROCESSING] and not counted[FAILED]

    def open_pages(self) -> None:
        """Look at each web UI's page: Forge lists no VAE that came since somebody did."""
        for web_ui in self.web_uis.values():
            with web_ui.painter.lock:
                web_ui.shelves.list_modules()

    def made(self) -> dict[str, Made]:
        """Return what the web UIs made: SHA-256 of an image -> how."""
        return {
            image: Made(server, str(used.body["prompt"]), used.files)
            for server, web_ui in self.web_uis.items()
            for used in list(web_ui.used)
            for image in used.images
        }


@contextmanager
def running_fleet(
    folder: Path, database_url: str | None, hubs: int, models: list[Model], seed: int, *, flaky: bool = False
) -> Iterator[Fleet]:
    """Start everything; whatever happens, no process of it is left. ``flaky`` is the network of the agents."""
    folders = {server: folder / server for server in SERVERS}
    mover = Mover(folders, models, seed)
    with ExitStack() as stack:
        data = [folder / f"hub-{number}" for number in range(hubs)]
        hub = Hub(HubSettings(data[0], database_url=database_url))
        stack.callback(hub.close)
        processes = [stack.enter_context(HubProcess(place, database_url, HUB_SETTINGS)) for place in data]
        balancer = stack.enter_context(RoundRobin(processes))
        network = stack.enter_context(FlakyNetwork(processes, seed)) if flaky else None
        for_agents = balancer.address if network is None else network.address

        def person(scope: str, name: str) -> Person:
            made = hub.keys.create(name, scope)
            session = stack.enter_context(requests.Session())
            session.headers.update({"X-API-Key": made.key, "X-API-Secret": made.secret})
            return Person(balancer.address, session)

        web_uis = {server: stack.enter_context(running(folders[server], kind)) for server, kind in SERVERS.items()}
        agents = {}
        for server in SERVERS:
            made = hub.keys.create(f"agent of {server}", "agent", server)
            home = Home(
                folder / f"home-{server}", {"QUARTERMASTER_API_KEY": made.key, "QUARTERMASTER_API_SECRET": made.secret}
            )
            home.folder.mkdir()
            agents[server] = stack.enter_context(
                Killable(
                    home, folder / f"{server}.log", "agent", "--hub", for_agents, "--server", server,
                    "--models", str(folders[server]), *AGENT_TIMES, "--take-jobs", "--web-ui", web_uis[server].address,
                )
            )  # fmt: skip
        people = [person("client", name) for name in PEOPLE]
        yield Fleet(hub, processes, agents, web_uis, mover, people, person("admin", "boss"), network)
