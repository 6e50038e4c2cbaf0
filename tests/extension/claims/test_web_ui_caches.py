"""WebUICaches over caches as the hosts write them: which entries are trusted, and for which file."""

import hashlib
import json
import os
import pickle
from collections.abc import Mapping
from pathlib import Path

import pytest
from quartermaster.extension.claims import web_ui_caches
from quartermaster.extension.claims.claim import Claim
from quartermaster.extension.claims.web_ui_caches import SOURCE, WebUICaches
from quartermaster.tests.fakes.hash_stores import entry, local_file, snapshot, write_store

SHA = "ab" * 32
OTHER_SHA = "cd" * 32
FILE = local_file()


def checkpoint(mtime: object = FILE.mtime, sha256: object = SHA) -> WebUICaches:
    return WebUICaches.from_reader({"checkpoint/x.safetensors": {"mtime": mtime, "sha256": sha256}})


def make_file(path: Path, content: bytes = b"weights") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def find(web_ui: Path, data_path: Path | None = None, environ: Mapping[str, str] | None = None) -> WebUICaches:
    return WebUICaches.find(web_ui, data_path=data_path, environ=environ or {})


def test_forge_s_store_makes_a_claim_for_a_real_checkpoint(tmp_path: Path) -> None:
    model = make_file(tmp_path / "models/Stable-diffusion/sub/x.safetensors")
    key = "checkpoint/" + os.path.join("sub", "x.safetensors")
    write_store(tmp_path / "cache/hashes", {key: entry(os.path.getmtime(model), SHA)})
    before = snapshot(tmp_path)
    status = model.stat()
    file = local_file("sub/x.safetensors", path=str(model), size_bytes=7, mtime_ns=status.st_mtime_ns)
    found = find(tmp_path)
    assert found.notes == ()
    assert found.claim_for(file) == Claim(SHA, SOURCE)
    assert snapshot(tmp_path) == before


def test_a1111_s_cache_json_makes_a_claim(tmp_path: Path) -> None:
    content = {"hashes": {"checkpoint/x.safetensors": {"mtime": FILE.mtime, "sha256": SHA}}, "safetensors-metadata": {}}
    (tmp_path / "cache.json").write_text(json.dumps(content, indent=4), encoding="utf-8")
    assert find(tmp_path).claim_for(FILE) == Claim(SHA, SOURCE)


def test_the_data_folder_and_the_environment_say_where_the_caches_are(tmp_path: Path) -> None:
    write_store(tmp_path / "data/cache/hashes", {"checkpoint/x.safetensors": entry(FILE.mtime, SHA)})
    write_store(tmp_path / "elsewhere/hashes", {"checkpoint/x.safetensors": entry(FILE.mtime, OTHER_SHA)})
    web_ui = tmp_path / "webui"
    assert find(web_ui).claim_for(FILE) is None
    assert find(web_ui, data_path=tmp_path / "data").claim_for(FILE) == Claim(SHA, SOURCE)
    environ = {"SD_WEBUI_CACHE_DIR": str(tmp_path / "elsewhere")}
    assert find(web_ui, environ=environ).claim_for(FILE) == Claim(OTHER_SHA, SOURCE)
    content = {"hashes": {"checkpoint/x.safetensors": {"mtime": FILE.mtime, "sha256": SHA}}}
    (tmp_path / "c.json").write_text(json.dumps(content))
    assert find(web_ui, environ={"SD_WEBUI_CACHE_FILE": str(tmp_path / "c.json")}).claim_for(FILE)


def test_the_store_goes_before_the_json_that_it_was_once_filled_from(tmp_path: Path) -> None:
    write_store(tmp_path / "cache/hashes", {"checkpoint/x.safetensors": entry(FILE.mtime, SHA)})
    old = {"hashes": {name: {"mtime": FILE.mtime, "sha256": OTHER_SHA} for name in
                      ("checkpoint/x.safetensors", "checkpoint/y.safetensors")}}  # fmt: skip
    (tmp_path / "cache.json").write_text(json.dumps(old))
    found = find(tmp_path)
    assert found.claim_for(FILE) == Claim(SHA, SOURCE)
    assert found.claim_for(local_file("y.safetensors")) == Claim(OTHER_SHA, SOURCE)


def test_a_web_ui_without_caches_makes_no_claims_and_no_notes(tmp_path: Path) -> None:
    found = find(tmp_path / "gone")
    assert found.claim_for(FILE) is None
    assert found.notes == ()


@pytest.mark.parametrize("content", [b"", b"{", b"[" * 100_000, b"\xff\xfe"])
def test_a_json_that_cannot_be_read_is_absent_with_a_note(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "cache.json").write_bytes(content)
    found = find(tmp_path)
    assert found.claim_for(FILE) is None
    assert "cache.json" in found.notes[0]


@pytest.mark.parametrize(
    "content", ["[]", "null", "{}", '{"hashes": []}', '{"hashes": {"checkpoint/x.safetensors": 5}}']
)
def test_a_json_of_another_shape_holds_no_hashes(tmp_path: Path, content: str) -> None:
    (tmp_path / "cache.json").write_text(content)
    assert find(tmp_path).claim_for(FILE) is None


def test_a_json_beyond_all_bounds_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_ui_caches, "MAX_JSON_BYTES", 10)
    (tmp_path / "cache.json").write_text('{"hashes": {}}')
    assert "more than 10 bytes" in find(tmp_path).notes[0]


def test_a_broken_store_is_noted_and_the_json_still_read(tmp_path: Path) -> None:
    make_file(tmp_path / "cache/hashes/cache.db", b"rubbish" * 1000)
    content = {"hashes": {"checkpoint/x.safetensors": {"mtime": FILE.mtime, "sha256": SHA}}}
    (tmp_path / "cache.json").write_text(json.dumps(content))
    found = find(tmp_path)
    assert found.claim_for(FILE) == Claim(SHA, SOURCE)
    assert "cache.db" in found.notes[0]


@pytest.mark.parametrize("offset", [1e-6, -1e-6, 3600.0, -3600.0])
def test_only_the_exact_mtime_counts(offset: float) -> None:
    assert checkpoint(FILE.mtime).claim_for(FILE)
    assert checkpoint(FILE.mtime + offset).claim_for(FILE) is None


@pytest.mark.parametrize("mtime", [None, "5", True, [], float("nan"), float("inf")])
def test_an_odd_mtime_is_no_match(mtime: object) -> None:
    assert checkpoint(mtime).claim_for(local_file(mtime_ns=1_000_000_000)) is None


def test_a_whole_second_may_be_an_integer() -> None:
    assert checkpoint(5).claim_for(local_file(mtime_ns=5_000_000_000))


@pytest.mark.parametrize("sha256", [None, "", "ab" * 5, 7, "zz" * 32, hashlib.sha256(b"").hexdigest()])
def test_an_odd_hash_is_no_claim(sha256: object) -> None:
    assert checkpoint(sha256=sha256).claim_for(FILE) is None


def test_the_hash_of_a_name_is_no_claim() -> None:
    assert checkpoint(sha256=hashlib.sha256(b"x.safetensors").hexdigest()).claim_for(FILE) is None


def test_keys_with_backslashes_are_found() -> None:
    reader = {"checkpoint/sub\\x.safetensors": {"mtime": FILE.mtime, "sha256": SHA}}
    assert WebUICaches.from_reader(reader).claim_for(local_file("sub/x.safetensors"))


@pytest.mark.parametrize("kind", ["LORA", "VAE", "Other", "Hypernetwork"])
def test_kinds_whose_entries_are_not_to_be_trusted_make_no_claim(kind: str) -> None:
    value = {"mtime": FILE.mtime, "sha256": SHA}
    reader = dict.fromkeys(["lora/x", "vae/x", "checkpoint/x.safetensors", "textual_inversion/x", "hypernet/x"], value)
    assert WebUICaches.from_reader(reader).claim_for(local_file(kind=kind)) is None


def test_the_section_of_addnet_hashes_is_not_read(tmp_path: Path) -> None:
    write_store(tmp_path / "cache/hashes-addnet", {"lora/x": entry(FILE.mtime, SHA), "checkpoint/x.safetensors": b""})
    assert find(tmp_path).claim_for(local_file(kind="LORA")) is None
    assert find(tmp_path).readers == ()


def test_an_embedding_is_filed_by_its_name_wherever_it_stands() -> None:
    reader = {"textual_inversion/style": {"mtime": FILE.mtime, "sha256": SHA}}
    file = local_file("deep/er/style.pt", kind="TextualInversion")
    assert WebUICaches.from_reader(reader).claim_for(file) == Claim(SHA, SOURCE)


def test_of_two_folders_that_share_a_key_the_one_with_the_exact_mtime_is_meant() -> None:
    ours, theirs = local_file(path="/a/x.safetensors"), local_file(path="/b/x.safetensors", mtime_ns=5)
    assert checkpoint().claims_for([ours, theirs]) == {ours.path: Claim(SHA, SOURCE)}
    assert checkpoint().claim_for(ours, [ours, theirs])


def test_two_folders_that_share_a_key_and_an_mtime_make_no_claim() -> None:
    ours, theirs = local_file(path="/a/x.safetensors"), local_file(path="/b/x.safetensors", size_bytes=5)
    assert checkpoint().claims_for([ours, theirs]) == {}
    assert checkpoint().claim_for(ours, [theirs]) is None


def test_two_paths_to_one_file_are_no_rivals() -> None:
    ours = local_file(path="/a/x.safetensors", identity=(1, 2))
    theirs = local_file(path="/b/x.safetensors", identity=(1, 2))
    assert set(checkpoint().claims_for([ours, theirs])) == {ours.path, theirs.path}


def test_two_embeddings_of_one_name_make_no_claim_where_the_mtime_cannot_tell() -> None:
    reader = {"textual_inversion/style": {"mtime": FILE.mtime, "sha256": SHA}}
    found = WebUICaches.from_reader(reader)
    one, other = (local_file(name, kind="TextualInversion") for name in ("a/style.pt", "b/style.safetensors"))
    assert found.claims_for([one, other]) == {}
    assert set(found.claims_for([one])) == {one.path}


def test_a_checkpoint_is_no_rival_of_an_embedding() -> None:
    value = {"mtime": FILE.mtime, "sha256": SHA}
    found = WebUICaches.from_reader({"textual_inversion/x": value, "checkpoint/x.safetensors": value})
    files = [local_file(path="/a"), local_file(path="/b", kind="TextualInversion")]
    assert set(found.claims_for(files)) == {"/a", "/b"}


def test_a_hostile_entry_does_not_hide_the_others(tmp_path: Path) -> None:
    hostile = pickle.dumps({"mtime": FILE.mtime, "sha256": pickle.Pickler}, protocol=5)
    store = {"checkpoint/evil.safetensors": hostile, "checkpoint/x.safetensors": entry(FILE.mtime, SHA.upper())}
    write_store(tmp_path / "cache/hashes", store)
    evil = local_file("evil.safetensors")
    assert find(tmp_path).claims_for([evil, FILE]) == {FILE.path: Claim(SHA, SOURCE)}
