"""What the hub answers when a result is handed over, and what follows from it."""

import json
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import responses
from quartermaster.extension.jobs.delivery import Delivery
from quartermaster.extension.jobs.engine import Image
from quartermaster.extension.jobs.lease import Lease
from quartermaster.extension.jobs.shelf import KeptResult, Shelf
from quartermaster.hub_client import NO_RETRY, HubClient
from quartermaster.tests.fakes.images import png

HUB, JOB = "http://hub:7807", str(uuid.UUID(int=7))
UPLOAD, COMPLETE, FAIL = (f"{HUB}/api/v1/jobs/{JOB}/{word}" for word in ("images/0", "complete", "fail"))
FINE = {"success": True, "accepted": True}


class House:
    """One result on a shelf, and a hub that answers as it is told."""

    def __init__(self, folder: Path, hub: responses.RequestsMock) -> None:
        self.hub = hub
        self.stop = threading.Event()
        self.shelf = Shelf(folder)
        self.client = HubClient(HUB, retry=NO_RETRY, stop=self.stop)
        self.lease = Lease(self.client, JOB, "lease", 60.0)
        self.result: KeptResult = self.shelf.put(
            JOB, "lease", [Image(png(), "image/png", "Steps: 1")], seconds=1.0, loaded=None, made_at=1000.0
        )
        hub.put(UPLOAD, json={"success": True})

    def answers(self, status: int, code: str | None = None, **more: Any) -> None:
        """Let the hub answer the next ``complete`` so; the last one stands."""
        body = {"success": False, "error": code, "message": "because", "details": {}} if code else more.pop("body")
        self.hub.post(COMPLETE, json=body, status=status, **more)

    def deliver(self, now: float = 1000.0) -> bool:
        return Delivery(self.client, self.shelf, self.stop, draw=lambda: 0.0, wall=lambda: now).deliver(
            self.result, self.lease
        )

    def sent(self, url: str) -> list[dict[str, Any]]:
        return [json.loads(call.request.body or "{}") for call in self.hub.calls if call.request.url == url]

    def uploads(self) -> int:
        return sum(call.request.url == UPLOAD for call in self.hub.calls)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    with responses.RequestsMock(assert_all_requests_are_fired=False) as hub:
        house = House(tmp_path / "jobs", hub)
        yield house
        house.client.close()


def test_a_hub_that_is_away_is_asked_until_it_answers(house: House) -> None:
    house.hub.post(COMPLETE, body=ConnectionResetError("reset"))
    house.answers(503, "busy")
    house.answers(429, "rate_limited", headers={"Retry-After": "0"})
    house.answers(200, body=FINE)
    assert house.deliver() and list(house.shelf.results()) == []
    assert house.sent(COMPLETE)[-1]["images"][0]["infotext"] == "Steps: 1"


def test_an_image_that_was_lost_on_its_way_is_sent_again(house: House) -> None:
    house.answers(409, "image_missing")
    house.answers(200, body={**FINE, "repeated": True})
    assert house.deliver() and house.uploads() == 2 and house.sent(FAIL) == []


@pytest.mark.parametrize(("status", "code"), [(409, "lease_lost"), (404, "job_not_found")])
def test_a_job_that_is_not_ours_any_more_is_forgotten(house: House, status: int, code: str) -> None:
    house.answers(status, code)
    assert house.deliver() and list(house.shelf.results()) == [] and house.sent(FAIL) == []


def test_a_result_that_the_hub_finds_wrong_is_over(house: House) -> None:
    house.answers(200, body={"success": True, "accepted": False, "error": "wrong_model"})
    assert house.deliver() and len(house.sent(COMPLETE)) == 1 and list(house.shelf.results()) == []


@pytest.mark.parametrize(("status", "code"), [(422, "invalid_field"), (500, "internal_error")])
def test_a_result_that_no_hub_will_take_fails_its_job_and_holds_up_no_other(
    house: House, status: int, code: str
) -> None:
    house.hub.post(FAIL, json={"success": True})
    house.answers(status, code)
    assert house.deliver() and list(house.shelf.results()) == []
    assert [each["code"] for each in house.sent(FAIL)] == ["result_refused"]


def test_a_stop_leaves_it_for_the_next_agent_and_a_day_is_enough(house: House) -> None:
    house.stop.set()
    assert not house.deliver() and list(house.shelf.results()) == [house.result]
    house.stop.clear()
    assert house.deliver(now=1000.0 + 25 * 3600) and list(house.shelf.results()) == []
