"""A hub's look-ups against a service that answers as Civitai does, over a real socket, on both databases."""

import itertools
import json
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any

import pytest
from quartermaster.hub.bodies import read_body
from quartermaster.hub.enrichment.civitai import Civitai
from quartermaster.hub.enrichment.enrichment import Enrichment
from quartermaster.hub.enrichment.ledger import Outcome
from quartermaster.hub.keys import ADMIN, Caller
from quartermaster.hub.schema import enrichments
from quartermaster.hub.search import Search
from quartermaster.hub.services import Hub
from quartermaster.hub.settings import HubSettings
from quartermaster.hub_client.transport import Timeouts
from quartermaster.tests.fakes.civitai import (
    CDN_PAGE,
    FakeCivitai,
    answer,
    cut_off,
    drip,
    fake_civitai,
    reset,
    version,
)
from quartermaster.tests.hub.samples import FakeClock, entry, sha, together
from sqlalchemy import select, update

ADMINISTRATOR = Caller("qm_admin", ADMIN, None)
DAY = 86400.0


@pytest.fixture
def civitai() -> Iterator[FakeCivitai]:
    with fake_civitai() as service:
        yield service


@dataclass
class House:
    """A hub that looks models up, without a web application: its job is done by hand."""

    hub: Hub
    clock: FakeClock
    civitai: FakeCivitai

    def sync(self, *entries: dict[str, Any], server: str = "attic") -> None:
        sender, body = read_body({"models": list(entries)}, self.hub.settings.limits)
        self.hub.inventories.receive(server, sender, body)

    def run(self) -> None:
        """Do all that is due now."""
        while self.hub.enrichment.work():
            pass

    def run_through(self, rounds: int = 100) -> None:
        """Do all that is due now, pauses of the hub's own making waited out."""
        for _ in range(rounds):
            self.run()
            paused_until = self.hub.enrichment.status()["paused_until"]
            if paused_until is None:
                return
            self.clock.now = datetime.fromisoformat(paused_until.replace("Z", "+00:00")).timestamp() + 0.01
        raise AssertionError(f"still paused after {rounds} rounds")

    def model(self, word: str) -> dict[str, Any]:
        told: dict[str, Any] = self.hub.registry.get(sha(word))
        return told

    def counts(self) -> dict[str, int]:
        told: dict[str, int] = self.hub.enrichment.status()["counts"]
        return told

    def state(self, word: str) -> Any:
        told = self.model(word)["model"]["civitai"]
        return told and told["state"]

    def retry(self, **body: Any) -> dict[str, Any]:
        return self.hub.enrichment.change(body, ADMINISTRATOR)


@pytest.fixture
def settings_on(settings: HubSettings, civitai: FakeCivitai) -> HubSettings:
    return replace(settings, civitai="on", civitai_url=civitai.url, civitai_pause_seconds=0.0)


@pytest.fixture
def open_house(settings_on: HubSettings, clock: FakeClock, civitai: FakeCivitai) -> Iterator[Callable[..., House]]:
    opened: list[Hub] = []

    def open_one(settings: HubSettings = settings_on) -> House:
        hub = Hub(settings, clock)
        opened.append(hub)
        return House(hub, clock, civitai)

    yield open_one
    for hub in opened:
        hub.close()


@pytest.fixture
def house(open_house: Callable[..., House]) -> House:
    return open_house()


def names(*numbers: int) -> list[dict[str, Any]]:
    return [entry(f"file {number}") for number in numbers]


# What is asked


def test_it_is_off_unless_it_is_wanted(settings: HubSettings, open_house: Callable[..., House]) -> None:
    house = open_house(replace(settings, civitai_url="http://127.0.0.1:1"))
    house.sync(entry("one"))
    house.run()
    assert house.civitai.requests == []
    assert house.hub.enrichment.status()["enabled"] is False
    assert house.model("one")["model"]["civitai"] is None


def test_the_page_switches_it_on_and_off_and_back_to_the_settings(house: House) -> None:
    house.sync(entry("one"))
    assert house.retry(enabled=False)["enabled_by"] == "hand"
    house.run()
    assert house.civitai.requests == []
    assert house.retry(enabled=None)["enabled"] is True
    house.run()
    assert house.civitai.asked == [sha("one")]


def test_at_most_a_hundred_hashes_are_asked_for_at_once_each_of_them_once(house: House) -> None:
    house.sync(*names(*range(250)))
    house.run()
    assert [len(request.hashes) for request in house.civitai.requests] == [100, 100, 50]
    assert sorted(house.civitai.asked) == sorted(sha(f"file {number}") for number in range(250))
    assert house.counts() == {"asked": 250, "found": 0, "not_found": 250, "error": 0, "waiting": 0}
    house.run()
    assert len(house.civitai.requests) == 3


def test_verified_hashes_come_before_claimed_ones(house: House) -> None:
    claimed = [{**each, "hash_state": "claimed"} for each in names(*range(100))]
    house.sync(*claimed, entry("verified"))
    house.hub.enrichment.work()
    assert house.civitai.asked[0] == sha("verified") and len(house.civitai.asked) == 100


def test_a_refuted_claim_takes_its_answer_along(house: House) -> None:
    house.civitai.knows(version(1, sha("claim")))
    house.sync({**entry("one", "claim"), "hash_state": "claimed"})
    house.run()
    assert house.state("claim") == "found"
    house.sync(entry("one", "truth"))
    house.run()
    assert house.counts()["asked"] == 1 and house.state("truth") == "not_found"


def test_a_model_that_is_known_by_autov2_alone_is_asked_for_when_its_sha256_comes(house: House) -> None:
    house.sync({"path": "a.pt", "type": "LORA", "size": 1, "autov2": sha("one")[:10]})
    house.run()
    assert house.civitai.requests == []
    house.sync(entry("one"), server="cellar")
    house.clock.now += 3601
    house.run()
    assert house.civitai.asked == [sha("one")]


def test_a_token_goes_to_the_service_and_into_no_log(
    settings_on: HubSettings, open_house: Callable[..., House], caplog: pytest.LogCaptureFixture
) -> None:
    house = open_house(replace(settings_on, civitai_token="s3cret"))
    house.civitai.next_replies = [answer(401, {"error": "Unauthorized"})]
    house.sync(entry("one"))
    house.run()
    assert house.civitai.requests[0].headers["Authorization"] == "Bearer s3cret"
    assert "401" in caplog.text and "s3cret" not in caplog.text
    assert "s3cret" not in str(house.hub.enrichment.status()) + repr(house.hub.settings)


# What is taken


def test_empty_fields_are_filled_and_name_the_service(house: House) -> None:
    house.civitai.knows(version(1, sha("one")))
    house.sync(entry("one"))
    house.run()
    told = house.model("one")["model"]
    said = told["fields"]
    assert (told["name"], told["type"], told["ecosystem"], told["base_model"]) == ("one", "LORA", "Pony", "Pony")
    assert (told["civitai_id"], told["civitai_version_id"]) == ("1001", "1")
    assert (said["base_model"]["by"], said["base_model"]["who"]) == ("civitai", "civitai.com")
    assert [other["value"] for other in said["name"]["others"]] == ["Model 1 v1.0"]
    assert (said["trigger_words"]["value"], said["trigger_words"]["by"]) == (["ohwx", "sky"], "civitai")
    assert said["nsfw"]["value"] is False
    assert said["hashes"]["others"][0]["value"]["BLAKE3"] == "ab" * 32
    shown = told["civitai"]
    assert (shown["model"], shown["version"], shown["description"]) == ("Model 1", "v1.0", "Made for skies.")
    assert shown["images"] == ["https://image.civitai.com/x/1.jpeg"]
    assert house.hub.availability.of(sha("one"))["model"]["base_model"] == "Pony"


def test_who_is_closer_to_the_file_is_believed_first(house: House) -> None:
    house.civitai.knows(version(1, sha("one")))
    house.sync(entry("one", ecosystem="SDXL", base_model="SDXL 1.0"))
    house.run()
    said = house.model("one")["model"]["fields"]["base_model"]
    assert (said["value"], said["by"]) == ("SDXL 1.0", "agent")
    assert [(other["value"], other["by"]) for other in said["others"]] == [("Pony", "civitai")]
    house.hub.overrides.put(sha("one"), {"base_model": "Illustrious"}, ADMINISTRATOR)
    assert house.model("one")["model"]["base_model"] == "Illustrious"


def test_a_model_that_nobody_has_any_more_becomes_downloadable(house: House) -> None:
    house.civitai.knows(version(1, sha("other"), sha("one")))
    house.sync(entry("one"))
    house.run()
    house.sync()
    told = house.model("one")
    assert told["status"] == "downloadable"
    (source,) = told["sources"]
    assert source["url"] == f"{house.civitai.url}/api/download/models/1?type=Model"
    assert (source["size"], source["file"]) == (1049088, "file-1-1.safetensors")
    found = house.hub.search.page(Search(status="downloadable"))
    assert [model["sha256"] for model in found["models"]] == [sha("one")]
    assert house.hub.search.page(Search(status="unavailable"))["models"] == []


@pytest.mark.parametrize(
    "more",
    [
        {"usageControl": "Generation"},
        {"files": []},
        {"files": [{**version(1, sha("one"))["files"][0], "downloadUrl": "https://undefined/elsewhere"}]},
        {"files": [{**version(1, sha("one"))["files"][0], "downloadUrl": "javascript:alert(1)"}]},
    ],
)
def test_what_cannot_be_downloaded_is_not_said_to_be(house: House, more: dict[str, Any]) -> None:
    house.civitai.knows(version(1, sha("one"), **more), sha("one"))
    house.sync(entry("one"))
    house.run()
    assert house.state("one") == "found" and house.model("one")["sources"] == []


def test_a_vae_that_comes_with_a_checkpoint_is_no_checkpoint(house: House) -> None:
    told = version(1, sha("one"), model={"name": "M", "type": "Checkpoint", "nsfw": True})
    told["files"][0]["type"] = "VAE"
    house.civitai.knows(told)
    house.hub.registrations.register({"sha256": sha("one"), "type": "Other"}, ADMINISTRATOR)
    house.run()
    others = house.model("one")["model"]["fields"]["type"]["others"]
    assert [(other["value"], other["by"]) for other in others] == [("VAE", "civitai")]


def test_a_base_model_that_the_catalogue_lacks_is_kept_as_text_and_reported(house: House) -> None:
    house.civitai.knows(version(1, sha("one"), baseModel="Pony V99"))
    house.sync(entry("one"))
    house.run()
    told = house.model("one")["model"]
    assert (told["ecosystem"], told["base_model"]) == (None, "Pony V99")
    assert house.hub.enrichment.status()["unknown_base_models"] == [{"name": "Pony V99", "models": 1}]


def test_a_newer_catalogue_finds_it_a_place(house: House, open_house: Callable[..., House]) -> None:
    house.civitai.knows(version(1, sha("one"), baseModel="Pony V99"))
    house.sync(entry("one"))
    house.run()
    known = update(enrichments).values(unknown_base_model="Pony")
    house.hub.database.write(lambda connection: connection.execute(known))
    again = open_house()
    again.run()
    assert again.model("one")["model"]["ecosystem"] == "Pony"
    assert again.hub.enrichment.status()["unknown_base_models"] == []
    assert len(house.civitai.requests) == 1


def test_of_several_versions_with_one_file_the_first_counts(house: House) -> None:
    for number in (9, 3, 5):
        house.civitai.knows(version(number, sha("one")))
    house.sync(entry("one"))
    house.run()
    assert house.model("one")["model"]["civitai_version_id"] == "3"


# What is not found


def test_not_found_expires_and_takes_longer_each_time(house: House) -> None:
    house.sync(entry("one"))
    house.run()
    for days in (7, 14, 28, 30, 30):
        house.clock.now += 0.85 * days * DAY
        house.run()
        assert len(house.civitai.requests) == 1, "it is asked for too early"
        house.clock.now += 0.3 * days * DAY
        house.run()
        assert len(house.civitai.requests) == 2
        house.civitai.requests.clear()
        house.civitai.requests.append(None)  # type: ignore[arg-type]  # the one that was asked before


def test_what_was_found_once_is_kept_when_the_service_no_longer_knows_it(house: House) -> None:
    house.civitai.knows(version(1, sha("one")))
    house.sync(entry("one"))
    house.run()
    house.civitai.known.clear()
    house.clock.now += 40 * DAY
    house.run()
    told = house.model("one")["model"]
    assert (told["base_model"], told["civitai"]["state"]) == ("Pony", "found")
    assert told["civitai"]["gone_at"] is not None
    house.civitai.knows(version(1, sha("one"), baseModel="Illustrious"))
    assert house.retry(retry="not_found")["asked_again"] == 1
    house.run()
    told = house.model("one")["model"]
    assert (told["base_model"], told["civitai"]["gone_at"]) == ("Illustrious", None)


def test_a_found_model_is_refreshed_now_and_then(house: House) -> None:
    house.civitai.knows(version(1, sha("one")))
    house.sync(entry("one"))
    house.run()
    house.clock.now += 26 * DAY
    house.run()
    assert len(house.civitai.requests) == 1
    house.clock.now += 8 * DAY
    house.run()
    assert len(house.civitai.requests) == 2


# What goes wrong


def http_date(clock: FakeClock, seconds: float) -> str:
    moment = datetime.fromtimestamp(clock.now, timezone.utc) + timedelta(seconds=seconds)
    return format_datetime(moment, usegmt=True)


@pytest.mark.parametrize("as_date", [False, True])
@pytest.mark.parametrize("status", [429, 503])
def test_it_comes_back_when_the_service_asks_for_it_and_not_before(house: House, status: int, as_date: bool) -> None:
    stated = {"Retry_After": http_date(house.clock, 120), "Date": http_date(house.clock, 0)}
    headers = stated if as_date else {"Retry_After": "120"}

    def limited(handler: Any) -> None:
        handler.date_time_string = lambda: headers.get("Date")
        answer(status, CDN_PAGE, Retry_After=headers["Retry_After"])(handler)

    house.civitai.next_replies = [limited]
    house.civitai.knows(version(1, sha("one")))
    house.sync(entry("one"), entry("two"))
    house.run()
    house.clock.now += 119
    house.run()
    assert len(house.civitai.requests) == 1
    house.clock.now += 17
    house.run()
    assert len(house.civitai.requests) == 2
    assert house.counts()["found"] == 1 and house.counts()["not_found"] == 1


def test_a_rate_limit_holds_for_all_processes_and_against_impatience(
    house: House, open_house: Callable[..., House]
) -> None:
    house.civitai.next_replies = [answer(429, {"error": "Too many"}, Retry_After="600")]
    house.sync(*names(*range(150)))
    other = open_house()
    house.run()
    other.run()
    assert house.retry(retry="all")["trouble"] == "rate_limited"
    house.run()
    assert len(house.civitai.requests) == 1
    house.clock.now += 620
    other.run()
    assert house.counts()["not_found"] == 150


def test_a_service_that_is_away_costs_two_lines_in_the_log(
    settings_on: HubSettings, open_house: Callable[..., House], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    away, other = open_house(), open_house()
    away.sync(entry("one"))
    away.civitai.always = answer(503, CDN_PAGE)
    for _ in range(8):
        away.run()
        other.run()
        away.clock.now += 3601
    assert 4 <= len(away.civitai.requests) <= 8
    away.civitai.always = None
    away.run_through()
    lines = [record.message for record in caplog.records if "enrichment" in record.name]
    assert len(lines) == 2, lines
    assert "503" in lines[0] and "answers again" in lines[1]
    assert away.hub.enrichment.status()["trouble"] is None


def test_where_there_is_no_network_nothing_is_lost(
    settings_on: HubSettings, open_house: Callable[..., House], caplog: pytest.LogCaptureFixture
) -> None:
    house = open_house(replace(settings_on, civitai_url="http://127.0.0.1:9"))
    house.sync(entry("one"))
    for _ in range(5):
        house.run()
        house.clock.now += 4000
    status = house.hub.enrichment.status()
    assert status["trouble"] == "offline" and status["counts"]["waiting"] == 1
    assert len([record for record in caplog.records if "enrichment" in record.name]) == 1


def test_the_pauses_grow_and_end_with_the_next_answer(house: House) -> None:
    house.civitai.always = answer(503, CDN_PAGE)
    house.sync(entry("one"))
    pauses = []
    for _ in range(10):
        house.run()
        paused_until = house.hub.enrichment.status()["paused_until"]
        until = datetime.fromisoformat(paused_until.replace("Z", "+00:00")).timestamp()
        pauses.append(until - house.clock.now)
        house.clock.now = until + 0.01
    assert 15 <= pauses[0] <= 30.1 and 1799 <= pauses[-1] <= 3600.1
    assert all(later > 0.99 * earlier for earlier, later in itertools.pairwise(pauses[:7]))


GARBAGE: dict[str, Any] = {
    "a page with status 200": CDN_PAGE,
    "nothing": b"",
    "an object": {"items": []},
    "a number": 7,
    "null": b"null",
    "half an answer": b'[{"id": 1, "name": "v1',
    "a list of numbers": [1, 2],
    "a version without id": [{"name": "x"}],
    "an id that is no number": [{"id": "1"}],
    "an id beyond all": b'[{"id": ' + b"9" * 30 + b"}]",
    "a number of 5,000 digits": b'[{"id": ' + b"9" * 5000 + b"}]",
    "a name that is no text": [version(1, sha("file 0"), name=["x"])],
    "a model that is no object": [version(1, sha("file 0"), model="x")],
    "files that are no list": [version(1, sha("file 0"), files={"a": 1})],
    "a file that is no object": [version(1, sha("file 0"), files=["x"])],
    "hashes that are no object": [version(1, sha("file 0"), files=[{"hashes": "x"}])],
    "a size below nothing": [version(1, sha("file 0"), files=[{"sizeKB": -1}])],
    "a size beyond all": [version(1, sha("file 0"), files=[{"sizeKB": 1e300}])],
    "words that are no list": [version(1, sha("file 0"), trainedWords="x")],
    "not a number": b'[{"id": NaN}]',
    "a deep nest": b"[" * 100_000,
    "a bearable nest": [version(1, sha("file 0"), images=[{"meta": json.loads("[" * 60 + "]" * 60)}])],
    "no text at all": b"\xff\xfe\x00",
}


@pytest.mark.parametrize("garbage", GARBAGE.values(), ids=GARBAGE)
def test_garbage_is_an_error_of_its_batch_and_the_next_answer_mends_it(
    house: House, garbage: Any, caplog: pytest.LogCaptureFixture
) -> None:
    house.civitai.knows(version(1, sha("file 0")))
    house.civitai.next_replies = [answer(200, garbage)]
    house.sync(*names(0, 1))
    house.run()
    assert house.counts()["asked"] == 0
    assert len([record for record in caplog.records if "enrichment" in record.name]) == 1
    house.run_through()
    assert (house.state("file 0"), house.state("file 1")) == ("found", "not_found")


@pytest.mark.parametrize(
    "reply",
    [
        reset,
        cut_off(b"[", 1000),
        answer(500, {"error": "x"}),
        answer(502, CDN_PAGE),
        answer(400, {"error": "x"}),
        answer(200, b"[]", Content_Encoding="gzip"),
    ],
    ids=["reset", "cut off", "500", "502", "400", "not the gzip that it says"],
)
def test_an_exchange_that_breaks_is_taken_up_again(house: House, reply: Any) -> None:
    house.civitai.knows(version(1, sha("file 0")))
    house.civitai.next_replies = [reply]
    house.sync(*names(0, 1))
    house.run_through()
    assert (house.state("file 0"), house.state("file 1")) == ("found", "not_found")
    assert house.hub.enrichment.status()["last_error"]


def test_text_that_no_database_takes_is_cleaned(house: House) -> None:
    dirt = {
        "name": "v\x001\ud800 \x1b[31m",
        "baseModel": "Po\udfffny\x00",
        "trainedWords": ["a\ud83d", "\x00", 7, None, "x" * 10_000, *["w"] * 1000],
        "model": {"name": "n" * 100_000, "type": "LORA\x00", "nsfw": "no"},
        "description": "<p>" * 1000 + "d" * 100_000,
        "images": [{"url": "javascript:alert(1)"}, {"url": "https://x.test/\ud800"}, {}],
    }
    house.civitai.knows(version(1, sha("one"), **dirt))
    house.sync(entry("one"))
    house.run()
    told = house.model("one")["model"]
    assert (told["civitai"]["state"], told["civitai"]["version"]) == ("found", "v 1 [31m")
    assert len(told["civitai"]["model"]) == 500 and len(told["civitai"]["description"]) == 4000
    words = told["fields"]["trigger_words"]["value"]
    assert words[0] == "a" and len(words) <= 200 and max(map(len, words)) == 500
    assert told["civitai"]["images"] == ["https://x.test/"]
    assert "\ud800" not in str(told) and "\x00" not in str(told)


def test_a_poisoned_hash_ends_up_alone_and_holds_up_no_other(house: House, caplog: pytest.LogCaptureFixture) -> None:
    for number in range(200):
        house.civitai.knows(version(number + 1, sha(f"file {number}")))
    house.civitai.poison = {sha("file 3"), sha("file 77"), sha("file 150")}
    house.sync(*names(*range(200)))
    house.run_through()
    assert house.counts() == {"asked": 200, "found": 197, "not_found": 0, "error": 3, "waiting": 0}
    assert len(house.civitai.requests) < 60
    told = house.model("file 3")["model"]["civitai"]
    assert told["state"] == "error" and "500" in told["error"]
    lines = [record.message for record in caplog.records if "cannot be looked up" in record.message]
    assert len(lines) == 3
    before = len(house.civitai.requests)
    for _ in range(3):
        house.clock.now += 2 * DAY
        house.run_through()
    assert len(house.civitai.requests) - before >= 3
    assert len([record for record in caplog.records if "cannot be looked up" in record.message]) == 3
    house.civitai.poison.clear()
    assert house.retry(retry="errors")["asked_again"] == 3
    house.run_through()
    assert house.counts()["found"] == 200


def test_a_service_that_stumbles_over_everything_is_not_asked_for_every_hash(house: House) -> None:
    house.civitai.always = answer(500, {"error": "x"})
    house.sync(*names(*range(300)))
    for _ in range(12):
        house.run()
        house.clock.now += 3601
    assert len(house.civitai.requests) <= 24
    house.civitai.always = None
    house.clock.now += 10 * DAY
    house.run_through()
    assert house.counts()["not_found"] == 300


def test_an_archived_model_comes_without_files_and_is_found_all_the_same(house: House) -> None:
    house.civitai.knows(version(5, files=[], downloadUrl=None), sha("file 5"))
    house.civitai.knows(version(6, sha("file 6")))
    house.sync(*names(*range(10)))
    house.run_through()
    assert house.counts() == {"asked": 10, "found": 2, "not_found": 8, "error": 0, "waiting": 0}
    told = house.model("file 5")["model"]
    assert (told["civitai_version_id"], told["civitai"]["hashes"]) == ("5", {})


def test_a_version_of_another_hash_is_not_believed(house: House) -> None:
    house.civitai.knows(version(5, sha("somebody else's")), sha("file 5"))
    house.sync(*names(*range(10)))
    house.run_through()
    assert house.counts() == {"asked": 10, "found": 0, "not_found": 9, "error": 1, "waiting": 0}
    assert "another hash" in house.model("file 5")["model"]["civitai"]["error"]


def test_null_for_a_version_is_no_version(house: House) -> None:
    house.civitai.knows(None, sha("one"))
    house.sync(entry("one"))
    house.run()
    assert house.state("one") == "not_found"


def test_a_redirect_is_not_followed(house: House) -> None:
    with fake_civitai() as elsewhere:
        house.civitai.always = answer(307, b"", Location=f"{elsewhere.url}/api/v1/model-versions/by-hash")
        house.sync(entry("one"))
        house.run()
        assert elsewhere.requests == []
    assert house.hub.enrichment.status()["trouble"] == "refused"


def bounded_house(house: House, **bounds: Any) -> Enrichment:
    """Return look-ups of the same hub with tighter bounds."""

    def service(stop: threading.Event) -> Civitai:
        return Civitai(house.civitai.url, None, stop, **bounds)

    hub = house.hub
    return Enrichment(hub.database, hub.clock, hub.settings, hub.catalogues, service)


def test_an_answer_that_drips_or_never_ends_is_given_up(house: House) -> None:
    over = threading.Event()
    house.civitai.next_replies = [drip(over)]
    house.sync(entry("one"))
    enrichment = bounded_house(house, timeouts=Timeouts(5, 5, 0.3))
    enrichment.work()
    over.set()
    assert "broke off" in enrichment.status()["last_error"]
    enrichment.close()


def test_an_answer_that_is_too_long_is_given_up(house: House) -> None:
    house.civitai.next_replies = [answer(200, b"[" + b" " * 100_000 + b"]")]
    house.sync(entry("one"))
    enrichment = bounded_house(house, max_answer_bytes=10_000)
    enrichment.work()
    assert "longer than" in enrichment.status()["last_error"]
    enrichment.close()


def test_a_stopping_hub_waits_for_no_answer(house: House) -> None:
    over, begun = threading.Event(), threading.Event()

    def slow(handler: Any) -> None:
        begun.set()
        drip(over)(handler)

    house.civitai.next_replies = [slow]
    house.sync(entry("one"))
    working = threading.Thread(target=house.hub.enrichment.work)
    working.start()
    assert begun.wait(60)
    house.hub.enrichment.stop()
    working.join(60)
    assert not working.is_alive()
    over.set()
    assert house.counts()["waiting"] == 1 and house.hub.enrichment.status()["last_error"] is None


# Several processes, and their ends


def test_two_processes_share_the_work_and_ask_for_nothing_twice(open_house: Callable[..., House]) -> None:
    houses = [open_house(), open_house()]
    houses[0].sync(*names(*range(450)))
    assert together(2, lambda number: houses[number].run()) == [None, None]
    houses[0].run()
    assert sorted(houses[0].civitai.asked) == sorted(sha(f"file {number}") for number in range(450))
    assert houses[0].counts()["not_found"] == 450


def test_what_a_killed_process_was_asking_for_is_asked_again_and_nothing_else(open_house: Callable[..., House]) -> None:
    first = open_house()
    first.sync(*names(*range(150)))
    first.hub.enrichment.work()
    killed = first.hub.enrichment._ledger.claim()
    assert len(killed) == 50
    second = open_house()
    second.run()
    assert len(second.civitai.asked) == 100, "the lease still holds"
    second.clock.now += 301
    second.run()
    assert len(second.civitai.asked) == 150 == len(set(second.civitai.asked))
    assert second.counts()["not_found"] == 150


def test_a_lease_that_was_lost_writes_nothing(open_house: Callable[..., House]) -> None:
    late, other = open_house(), open_house()
    late.civitai.knows(version(1, sha("one")))
    late.sync(entry("one"))
    late.hub.enrichment._look()
    claimed = late.hub.enrichment._ledger.claim()
    late.clock.now += 301
    other.run()
    late.hub.enrichment._ledger.settle(claimed, Outcome(failed={claimed[0].model_id: "too late"}))
    assert other.state("one") == "found"
    with other.hub.database.read() as connection:
        assert connection.scalar(select(enrichments.c.error)) is None
