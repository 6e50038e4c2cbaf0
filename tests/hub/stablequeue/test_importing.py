import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from quartermaster.hub.schema import metadata
from quartermaster.hub.services import Hub
from quartermaster.hub.settings import HubSettings
from quartermaster.hub.stablequeue.report import Report
from quartermaster.hub.stablequeue.source import SourceError
from quartermaster.tests.hub.samples import Api, digest_of, entry, sha
from quartermaster.tests.hub.stablequeue_samples import lora, make_jobs, make_models, make_servers
from sqlalchemy import select

EVERY_FIELD_KEPT = {
    "civitai_model_name": "Library Concept",
    "civitai_file_size_kb": 144256,
    "metadata_status": "complete",
}


@pytest.fixture
def hub(settings: HubSettings) -> Iterator[Hub]:
    hub = Hub(settings)
    yield hub
    hub.close()


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """The folder of a StableQueue."""
    folder = tmp_path / "stablequeue" / "data"
    folder.mkdir(parents=True)
    return folder


def counts(report: Report, table: str = "models") -> dict[str, int]:
    return {outcome: number for outcome, number in report.counts.get(table, {}).items() if number}


def problems(report: Report) -> list[tuple[str, str, str | None]]:
    return [(finding.table, finding.row, finding.field) for finding in report.findings]


def everything(hub: Hub) -> dict[str, list[Any]]:
    """Return all rows of the tables that an import may write."""
    tables = ("models", "model_aliases", "model_server_availability", "servers", "model_metadata", "events", "audit")
    with hub.database.read() as connection:
        return {name: sorted(map(repr, connection.execute(select(metadata.tables[name])))) for name in tables}


def test_models_come_with_names_civitais_numbers_sources_and_words(hub: Hub, theirs: Path) -> None:
    make_models(theirs, [lora(1, sha("one"))], aliases=[(1, "D:\\sd\\models\\Lora\\my library.safetensors")])
    report = hub.stablequeue.run(theirs)
    assert counts(report) == {"new": 1} and not report.findings
    assert any("stablequeue_imported" in row for row in everything(hub)["audit"])
    model = hub.registry.get(sha("one"))
    shown = model["model"]
    assert (shown["name"], shown["type"], shown["ecosystem"], shown["base_model"]) == (
        "library_1",
        "LORA",
        "Pony",
        "Pony",
    )
    assert (shown["civitai_id"], shown["civitai_version_id"]) == ("651554", "728916")
    assert (model["status"], model["servers"]) == ("downloadable", [])
    assert [source["url"] for source in model["sources"]] == ["https://civitai.com/api/download/models/728916"]
    assert shown["metadata"]["trainedWords"] == ["ruanyi0859", "library", "books"]
    assert EVERY_FIELD_KEPT.items() <= shown["metadata"]["stablequeue"].items()
    for name in ("library_1", "loras/Pony/library_1.safetensors", "Lora\\my library.safetensors", "my library"):
        assert hub.finding.find_many({"questions": [name]})["results"][0]["model"]["sha256"] == sha("one")


def test_what_was_imported_says_so(hub: Hub, theirs: Path) -> None:
    make_models(theirs, [lora(1, sha("one"))])
    hub.stablequeue.run(theirs)
    said = hub.registry.get(sha("one"))["model"]["fields"]
    for name in ("name", "type", "base_model", "sources", "trigger_words", "hashes"):
        assert (said[name]["by"], said[name]["who"]) == ("import", "StableQueue"), name
        assert said[name]["at"] is not None


@pytest.mark.parametrize("where", ["folder", "file", "above"])
def test_the_path_is_the_file_or_a_folder_that_holds_it(hub: Hub, theirs: Path, where: str) -> None:
    file = make_models(theirs, [lora(1, sha("one"))])
    path = {"folder": theirs, "file": file, "above": theirs.parent}[where]
    assert counts(hub.stablequeue.run(path)) == {"new": 1}


@pytest.mark.parametrize("version", ["planned", "hashes", "last"])
def test_databases_of_every_version_with_hashes_are_read(hub: Hub, theirs: Path, version: str) -> None:
    row: dict[str, Any] = {"name": "anna", "type": "lora", "hash_sha256": sha("one"), "civitai_id": "12"}
    make_models(theirs, [row], version)
    report = hub.stablequeue.run(theirs)
    assert counts(report) == {"new": 1} and not report.unknown_columns
    assert hub.registry.get(sha("one"))["model"]["civitai_id"] == "12"


def test_of_the_first_version_what_forge_said_of_the_hash_counts_and_the_rest_is_reported(
    hub: Hub, theirs: Path
) -> None:
    title = {
        "name": "a",
        "type": "checkpoint",
        "hash": "9f90c59f3a",
        "forge_format": "Pony\\a.safetensors [9f90c59f3a]",
    }
    bare = {"name": "b", "type": "checkpoint", "hash": "0123456789"}
    make_models(theirs, [{**title, "filename": "a.safetensors"}, {**bare, "filename": "b.safetensors"}], "first")
    report = hub.stablequeue.run(theirs)
    assert counts(report) == {"new": 1, "left": 1}
    assert problems(report) == [("models", "2", None)]
    shown = hub.registry.get("9f90c59f3a")["model"]
    assert (shown["sha256"], shown["type"], shown["name"]) == (None, "Checkpoint", "a")


def test_a_short_hash_counts_only_as_the_head_of_the_sha256(hub: Hub, theirs: Path) -> None:
    first_mib = "beef00beef"
    rows = [
        lora(1, sha("one"), hash_autov2=first_mib),
        lora(2, None, hash_autov2=first_mib),
        lora(3, sha("three"), forge_format=f"library [{first_mib}]"),
        lora(4, "not a hash"),
    ]
    make_models(theirs, rows)
    report = hub.stablequeue.run(theirs)
    assert counts(report) == {"new": 2, "left": 2}
    assert problems(report) == [
        ("models", "1", "hash_autov2"),
        ("models", "2", None),
        ("models", "3", "forge_format"),
        ("models", "4", "hash_sha256"),
        ("models", "4", None),
    ]
    assert "first MiB" in report.findings[0].problem
    assert hub.availability.of_many({"hashes": [first_mib]})["results"][first_mib]["status"] == "unknown"
    assert hub.registry.get(sha("one")[:10])["model"]["sha256"] == sha("one")


def test_a_second_run_changes_nothing_and_says_so(hub: Hub, theirs: Path, tmp_path: Path) -> None:
    rows = [lora(1, sha("one")), lora(2, sha("one"), filename="copy.safetensors"), lora(3, sha("two"), type=None)]
    make_models(theirs, rows, aliases=[(1, "a/b.safetensors")], availability=[(1, "Laptop"), (3, "Laptop")])
    make_servers(theirs, [{"alias": "Laptop", "apiUrl": "http://192.168.1.5:7860", "auth": None}])
    first = hub.stablequeue.run(theirs)
    before = everything(hub)
    second = hub.stablequeue.run(theirs)
    assert first.changed and not second.changed
    assert everything(hub) == before
    assert counts(second) == {"unchanged": 2, "same_file": 1}


def test_a_dry_run_says_the_same_and_changes_nothing(hub: Hub, theirs: Path) -> None:
    make_models(theirs, [lora(1, sha("one"))], availability=[(1, "Laptop")])
    before = everything(hub)
    dry = hub.stablequeue.run(theirs, dry_run=True)
    assert everything(hub) == before
    assert dry.dry_run and dry.changed
    real = hub.stablequeue.run(theirs)
    assert real.counts == dry.counts


def test_what_is_newer_there_is_brought_the_next_time(hub: Hub, theirs: Path) -> None:
    path = make_models(theirs, [lora(1, sha("one"), civitai_model_base="none", civitai_id=None)])
    hub.stablequeue.run(theirs)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE models SET civitai_model_base = 'SDXL 1.0', civitai_id = '77'")
    assert counts(hub.stablequeue.run(theirs)) == {"updated": 1}
    shown = hub.registry.get(sha("one"))["model"]
    assert (shown["ecosystem"], shown["civitai_id"]) == ("SDXL", "77")


def test_an_import_replaces_nothing_that_an_agent_or_a_person_said(
    settings: HubSettings, theirs: Path, start_api: Callable[..., Api]
) -> None:
    api = start_api(settings)
    api.synced({"models": [entry("found", ecosystem="SDXL", base_model="SDXL 1.0")]})
    body = {"sha256": sha("registered"), "type": "VAE", "name": "mine", "civitai_id": 5}
    api.post("/api/v1/models/register", body)
    before = {word: api.get(f"/api/v1/models/{sha(word)}").json()["model"] for word in ("found", "registered")}
    make_models(theirs, [lora(1, sha("found")), lora(2, sha("registered"))])
    assert counts(api.hub.stablequeue.run(theirs)) == {"updated": 2}
    for word in ("found", "registered"):
        after = api.get(f"/api/v1/models/{sha(word)}").json()["model"]
        assert {name: after[name] for name in ("name", "type", "ecosystem", "base_model")} == {
            name: before[word][name] for name in ("name", "type", "ecosystem", "base_model")
        }
    assert api.get(f"/api/v1/models/{sha('found')}").json()["model"]["civitai_id"] == "651554"
    assert api.get(f"/api/v1/models/{sha('registered')}").json()["model"]["civitai_id"] == "5"
    assert not api.hub.stablequeue.run(theirs).changed
    assert api.heartbeat([entry("found", ecosystem="SDXL", base_model="SDXL 1.0")])["in_sync"]


def test_an_agent_that_finds_an_imported_model_has_the_word_from_then_on(
    settings: HubSettings, theirs: Path, start_api: Callable[..., Api]
) -> None:
    api = start_api(settings)
    make_models(theirs, [lora(1, sha("one"))])
    api.hub.stablequeue.run(theirs)
    api.synced({"models": [entry("real name", "one", ecosystem="Illustrious")]})
    shown = api.get(f"/api/v1/models/{sha('one')}").json()["model"]
    assert (shown["name"], shown["ecosystem"]) == ("real name", "Illustrious")
    assert not api.hub.stablequeue.run(theirs).changed


def test_several_rows_of_one_file_are_one_model_with_all_their_names(hub: Hub, theirs: Path) -> None:
    rows = [lora(1, sha("one")), lora(2, sha("one"), filename="copy.safetensors", civitai_id="9")]
    make_models(theirs, rows)
    report = hub.stablequeue.run(theirs)
    assert counts(report) == {"new": 1, "same_file": 1}
    assert problems(report) == [("models", "2", "hash_sha256")]
    names = {each["alias"] for each in hub.aliases.get(sha("one"))["aliases"]}
    assert {"/app/models/loras/Pony/copy.safetensors", "/app/models/loras/Pony/library_1.safetensors"} <= names
    assert hub.registry.get(sha("one"))["model"]["civitai_id"] == "651554"


# What it is


@pytest.mark.parametrize(
    ("theirs_type", "civitais", "expected", "reported"),
    [
        ("lora", "LoCon", "LoCon", []),
        ("checkpoint", None, "Checkpoint", []),
        ("lora", "Checkpoint", "LORA", ["civitai_model_type"]),
        (None, "TextualInversion", "TextualInversion", []),
        ("gizmo", None, "Other", ["type"]),
        (None, "Gizmo", "Other", ["civitai_model_type"]),
        (None, None, "Other", []),
    ],
)
def test_types_are_civitais_where_they_are_finer(
    hub: Hub, theirs: Path, theirs_type: str, civitais: str, expected: str, reported: list[str]
) -> None:
    make_models(theirs, [lora(1, sha("one"), type=theirs_type, civitai_model_type=civitais)])
    report = hub.stablequeue.run(theirs)
    assert hub.registry.get(sha("one"))["model"]["type"] == expected
    assert [finding.field for finding in report.findings] == reported


def test_an_unknown_base_model_is_reported_and_kept_as_text(hub: Hub, theirs: Path) -> None:
    make_models(theirs, [lora(1, sha("one"), civitai_model_base="Gizmo XL 9")])
    report = hub.stablequeue.run(theirs)
    assert problems(report) == [("models", "1", "civitai_model_base")]
    shown = hub.registry.get(sha("one"))["model"]
    assert (shown["ecosystem"], shown["base_model"]) == (None, "Gizmo XL 9")


@pytest.mark.parametrize("nothing", [None, "", "none", "None", "null", " "])
def test_what_stablequeue_writes_for_nothing_is_nothing(hub: Hub, theirs: Path, nothing: str | None) -> None:
    row = lora(1, sha("one"))
    kept = {"id", "name", "type", "hash_sha256", "filename", "local_path", "metadata_status"}
    make_models(theirs, [{name: value if name in kept else nothing for name, value in row.items()}])
    report = hub.stablequeue.run(theirs)
    model = hub.registry.get(sha("one"))
    assert not report.findings
    assert (model["model"]["civitai_id"], model["sources"], model["model"]["base_model"]) == (None, [], None)
    assert "trainedWords" not in model["model"]["metadata"]


# Servers, availability, jobs


def test_servers_are_known_and_offline_and_their_passwords_stay_there(hub: Hub, theirs: Path) -> None:
    make_models(theirs, [lora(1, sha("one"))])
    listed = [
        {"alias": "Laptop", "apiUrl": "http://192.168.1.5:7860", "auth": None},
        {"alias": "Arch", "apiUrl": "http://192.168.1.6:7860", "authUser": "me", "authPass": "s3cret-of-theirs"},
        {"alias": "Main", "host": "10.0.0.2", "port": 7860, "description": "Primary Forge Server"},
        {"alias": "bad/name", "apiUrl": "http://x"},
        {"apiUrl": "http://x"},
        7,
    ]
    make_servers(theirs, listed)
    report = hub.stablequeue.run(theirs)
    assert counts(report, "servers.json") == {"new": 3, "left": 3}
    shown = {server["alias"]: server for server in hub.servers.listed()}
    assert {alias: server["state"] for alias, server in shown.items()} == dict.fromkeys(
        ("Laptop", "Arch", "Main"), "offline"
    )
    assert shown["Main"]["apiUrl"] == "http://10.0.0.2:7860"
    assert "s3cret-of-theirs" not in str(report.shown()) + str(everything(hub))


def test_availability_becomes_a_statement_of_a_server_that_was_never_seen(
    settings: HubSettings, theirs: Path, start_api: Callable[..., Api]
) -> None:
    api = start_api(settings)
    api.synced({"models": [entry("two")]}, "attic")
    path = make_models(
        theirs,
        [lora(1, sha("one")), lora(2, sha("two"))],
        availability=[(1, "Laptop"), (2, "Laptop"), (1, "attic"), (99, "Laptop"), (1, "bad/name")],
    )
    report = api.hub.stablequeue.run(path)
    assert counts(report, "model_server_availability") == {"new": 2, "left": 3}
    answer = api.availability(sha("one"))
    (laptop,) = answer["servers"]
    assert answer["status"] == "offline"
    assert (laptop["server_id"], laptop["state"], laptop["hash_state"]) == ("Laptop", "offline", "claimed")
    assert (laptop["path"], laptop["last_seen"]) == ("library_1.safetensors", None)
    assert api.heartbeat([entry("two")], "attic")["in_sync"]
    own = [entry("two", path="loras/two.safetensors")]
    assert not api.heartbeat(own, "Laptop")["in_sync"]
    api.synced({"models": own, "digest": digest_of(own)}, "Laptop")
    assert api.availability(sha("one"))["status"] == "downloadable"
    assert not api.hub.stablequeue.run(path).changed  # an agent speaks for the laptop now


def test_jobs_and_keys_are_counted_and_stay_there(hub: Hub, theirs: Path) -> None:
    make_models(theirs, [])
    make_jobs(theirs, ["pending", "completed", "completed"])
    report = hub.stablequeue.run(theirs)
    assert (report.jobs, report.api_keys) == ({"completed": 2, "pending": 1}, 1)
    assert "secret of StableQueue" not in str(report.shown())


# Hostile


def test_values_of_any_type_in_any_column_are_taken_or_reported(hub: Hub, theirs: Path) -> None:
    odd: list[Any] = [b"\x00\xff", 7, 2.5, float("inf"), "a\x00b", "\x1b[2J", "x" * 300_000, b"y" * 300_000]
    names = [name for name in lora(1, sha("x")) if name not in {"id", "hash_sha256", "metadata_status"}]
    rows = []
    for number, (name, value) in enumerate((name, value) for name in names for value in odd):
        rows.append({**lora(number + 1, sha(number)), name: value})
    path = make_models(theirs, rows, aliases=[(1, value) for value in odd], availability=[(1, value) for value in odd])
    with closing(sqlite3.connect(path)) as connection, connection:  # bytes that are no UTF-8, as text
        connection.execute("UPDATE models SET civitai_model_name = CAST(x'80ff' AS TEXT) WHERE id = 1")
        connection.execute("UPDATE models SET filename = CAST(x'80ff' AS TEXT) WHERE id = 2")
    report = hub.stablequeue.run(theirs)
    assert counts(report) == {"new": len(rows)}
    assert report.findings and all(len(finding.line()) < 500 for finding in report.findings)
    assert report.shown()["not_taken"]
    for number in range(len(rows)):
        hub.registry.get(sha(number))
    assert not hub.stablequeue.run(theirs).changed


def test_a_hash_of_any_other_kind_leaves_the_row(hub: Hub, theirs: Path) -> None:
    odd: list[Any] = [b"\xff" * 32, 7, "a" * 63, "g" * 64, "\uff11" * 64, "x" * 300_000, sha("x") + "\x00"]
    make_models(theirs, [lora(number + 1, None, hash_sha256=value) for number, value in enumerate(odd)])
    assert counts(hub.stablequeue.run(theirs)) == {"left": len(odd)}


def test_a_table_whose_ids_are_anything_is_read(hub: Hub, theirs: Path) -> None:
    path = theirs / "mobilesd_models.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE models (id, name, type, hash_sha256, later_column)")
        connection.execute("CREATE TABLE model_aliases (id, model_id, alias_path)")
        for number, row_id in enumerate([None, "one", b"\xff", 2.5, 2, 2, "x" * 100_000]):
            row = (row_id, f"n{number}", "lora", sha(number))
            connection.execute("INSERT INTO models (id, name, type, hash_sha256) VALUES (?, ?, ?, ?)", row)
            connection.execute("INSERT INTO model_aliases VALUES (?, ?, ?)", (row_id, row_id, f"alias {number}"))
    report = hub.stablequeue.run(theirs)
    assert counts(report) == {"new": 7}
    assert counts(report, "model_aliases") == {"new": 2, "left": 5}
    assert report.unknown_columns == ["models.later_column"]
    assert all(len(finding.line()) < 300 for finding in report.findings)


@pytest.mark.parametrize("listed", ["[", "{}", "null", "[[[[", "\x00"])
def test_a_list_of_servers_that_is_none_is_reported_or_refused_before_anything_is_done(
    hub: Hub, theirs: Path, listed: str
) -> None:
    make_models(theirs, [lora(1, sha("one"))])
    make_servers(theirs, listed)
    before = everything(hub)
    try:
        report = hub.stablequeue.run(theirs)
    except SourceError as error:
        assert "servers.json" in str(error) and everything(hub) == before
    else:
        assert counts(report) == {"new": 1} and listed in {"{}", "null"}


@pytest.mark.parametrize("database_url", [None])
def test_fifty_thousand_rows_are_one_transaction_with_progress(hub: Hub, theirs: Path) -> None:
    make_models(theirs, (lora(number, sha(number)) for number in range(1, 50_001)))
    told: list[tuple[int, int]] = []
    report = hub.stablequeue.run(theirs, progress=lambda done, total: told.append((done, total)))
    assert counts(report) == {"new": 50_000}
    assert told[0] == (1_000, 50_000) and told[-1] == (50_000, 50_000) and len(told) == 50
    assert counts(hub.stablequeue.run(theirs)) == {"unchanged": 50_000}


def test_an_import_that_fails_in_the_middle_leaves_nothing(
    hub: Hub, theirs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_models(theirs, [lora(number, sha(number)) for number in range(1, 2_500)])
    before = everything(hub)

    def fail(done: int, _total: int) -> None:
        if done >= 2_000:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        hub.stablequeue.run(theirs, progress=fail)
    assert everything(hub) == before
    assert counts(hub.stablequeue.run(theirs)) == {"new": 2_499}


def test_nothing_is_left_in_the_temporary_folder(
    hub: Hub, theirs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    make_models(theirs, [lora(1, sha("one"))])
    make_jobs(theirs, ["pending"])
    hub.stablequeue.run(theirs)
    assert os.listdir(temporary) == []
