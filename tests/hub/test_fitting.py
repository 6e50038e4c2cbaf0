"""Which add-ons of a fleet fit a checkpoint: verdicts by kind, files by page, servers that have both."""

import pytest
from quartermaster.hub.errors import FieldError, NotFoundError
from quartermaster.hub.fitting import Kind, Question, together
from quartermaster.tests.hub.samples import Api, entry, sha

FORGE = Question(runtime="forge")


def made_for(name: str, base_model: str | None, kind: str = "LORA", **more: object) -> dict[str, object]:
    known = {} if base_model is None else {"ecosystem": base_model, "base_model": base_model, "confidence": 0.9}
    return entry(name, type=kind, **known, **more)


@pytest.fixture
def fleet(api: Api) -> Api:
    attic = [
        made_for("base", "SDXL 1.0", "Checkpoint"),
        made_for("riddle", None, "Checkpoint"),
        *(made_for(f"pony-{number}", "Pony") for number in range(3)),
        made_for("ink", "SD 1.5"),
        made_for("mystery", None),
        made_for("enlarge", "SDXL 1.0", "Upscaler"),
    ]
    api.synced({"models": attic})
    api.synced(
        {"models": [made_for("pony-0", "Pony"), made_for("harbor", "SDXL 1.0"), made_for("clear", "SDXL 1.0", "VAE")]},
        "cellar",
    )
    return api


def grades(
    fleet: Api, question: Question, checkpoint: str = "SDXL 1.0"
) -> dict[tuple[str, str | None], tuple[str, int]]:
    fitting = fleet.hub.fitting
    fit = fitting.addons_for(fitting.pick(checkpoint), question)
    return {(one.kind.type, one.kind.subject): (one.grade, one.kind.count) for one in fit.graded}


def test_every_kind_of_add_on_is_graded_once_and_counted(fleet: Api) -> None:
    assert grades(fleet, FORGE) == {
        ("LORA", "Pony"): ("Partial", 3),
        ("LORA", "SD 1.5"): ("None", 1),
        ("LORA", "SDXL 1.0"): ("Full", 1),
        ("LORA", None): ("Unknown", 1),
        ("VAE", "SDXL 1.0"): ("Full", 1),
    }


def test_the_most_frequent_come_first_and_the_counts_are_of_files(fleet: Api) -> None:
    fit = fleet.hub.fitting.addons_for(fleet.hub.fitting.pick("SDXL 1.0"), FORGE)
    assert fit.graded[0].kind == Kind("LORA", "Pony", "Pony", 3)
    assert fit.counts() == {"Full": 2, "Partial": 3, "None": 1, "Unknown": 1}
    assert not fit.left_out
    assert fit.graded[0].steps[-1].endswith("PARTIAL support")


def test_a_server_and_a_type_narrow(fleet: Api) -> None:
    assert grades(fleet, Question(server_id="cellar", runtime="forge")) == {
        ("LORA", "Pony"): ("Partial", 1),
        ("LORA", "SDXL 1.0"): ("Full", 1),
        ("VAE", "SDXL 1.0"): ("Full", 1),
    }
    assert set(grades(fleet, Question(type="vae"))) == {("VAE", "SDXL 1.0")}
    assert grades(fleet, Question(server_id="nowhere")) == {}


def test_a_model_of_the_fleet_is_picked_by_its_hash_and_counts_as_corrected(fleet: Api) -> None:
    assert fleet.hub.fitting.pick(sha("base")).subject == "SDXL 1.0"
    fleet.put(f"/api/v1/models/{sha('base')}/overrides", {"base_model": "SD 1.5"}).raise_for_status()
    assert fleet.hub.fitting.pick(sha("base")[:10]).subject == "SD 1.5"
    assert grades(fleet, FORGE, sha("base"))["LORA", "SD 1.5"] == ("Full", 1)


def test_a_correction_moves_an_add_on_to_another_kind(fleet: Api) -> None:
    fleet.put(f"/api/v1/models/{sha('mystery')}/overrides", {"base_model": "Pony"}).raise_for_status()
    assert grades(fleet, FORGE)["LORA", "Pony"] == ("Partial", 4)


def test_for_a_checkpoint_that_nobody_knows_everything_is_unknown(fleet: Api) -> None:
    found = fleet.hub.fitting.addons_for(fleet.hub.fitting.pick(sha("riddle")), FORGE)
    assert {one.grade for one in found.graded} == {"Unknown"}
    assert found.graded[0].reason == "it is not known what the checkpoint is based on"


def test_what_left_every_server_is_not_counted(fleet: Api) -> None:
    fleet.synced({"models": []}, "cellar")
    assert set(grades(fleet, FORGE)) == {("LORA", "Pony"), ("LORA", "SD 1.5"), ("LORA", None)}


def test_checkpoints_are_graded_for_an_add_on(fleet: Api) -> None:
    fitting = fleet.hub.fitting
    fit = fitting.checkpoints_for(fitting.pick(sha("pony-1")), FORGE)
    assert {(one.kind.subject, one.grade) for one in fit.graded} == {("SDXL 1.0", "Partial"), (None, "Unknown")}


def test_files_of_a_kind_come_in_pages(fleet: Api) -> None:
    kind = Kind("LORA", "Pony", "Pony", 3)
    first, after = fleet.hub.fitting.files(kind, None, limit=2)
    assert after is not None
    second, end = fleet.hub.fitting.files(kind, None, after=after, limit=2)
    found = {model["name"]: [server["server_id"] for server in model["servers"]] for model in first + second}
    assert found == {"pony-0": ["attic", "cellar"], "pony-1": ["attic"], "pony-2": ["attic"]}
    assert end is None
    there, _ = fleet.hub.fitting.files(kind, "cellar")
    assert [model["name"] for model in there] == ["pony-0"]
    unknown, _ = fleet.hub.fitting.files(Kind("LORA", None, None, 1), None)
    assert [model["name"] for model in unknown] == ["mystery"]


def test_a_combination_runs_where_both_are(fleet: Api) -> None:
    pick = fleet.hub.fitting.pick
    checkpoint, addon = pick(sha("base")), pick(sha("pony-0"))
    assert fleet.hub.fitting.pair(checkpoint, addon, FORGE).grade == "Partial"
    assert checkpoint.model is not None
    assert addon.model is not None
    found = together(checkpoint.model, addon.model)
    assert [(one.server_id, one.both) for one in found] == [("attic", True), ("cellar", False)]
    assert found[1].first is None


def test_what_does_not_exist_is_refused_by_name(fleet: Api) -> None:
    fitting = fleet.hub.fitting
    with pytest.raises(NotFoundError, match="did you mean"):
        fitting.pick("SDXXL 1.0")
    with pytest.raises(NotFoundError):
        fitting.pick(sha("never seen"))
    with pytest.raises(FieldError, match="runtime"):
        fitting.addons_for(fitting.pick("SDXL 1.0"), Question(runtime="word"))
    with pytest.raises(FieldError, match="type"):
        fitting.addons_for(fitting.pick("SDXL 1.0"), Question(type="Upscaler"))
