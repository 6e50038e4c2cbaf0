"""What Generate would run, as a request: every value of the form finds its place, or a sentence says why not."""

from dataclasses import dataclass

from quartermaster.extension.webui.form import Form, Script, draft

SAMPLER = Script("Sampler", [28.0, "Euler a", "Karras"], ("steps", "sampler_name", "scheduler"))
SEED_NAMES = ("seed", "seed_checkbox", "subseed", "subseed_strength", "seed_resize_from_w", "seed_resize_from_h")
NAMED = {
    "id_task": "qm-1", "prompt": "a fox", "negative_prompt": "mud", "n_iter": 2.0, "batch_size": 1, "cfg_scale": 5.5,
    "height": 1024.0, "width": 832, "enable_hr": False, "denoising_strength": 0.7, "hr_scale": 2.0,
    "hr_upscaler": "Latent", "hr_checkpoint_name": "Use same checkpoint", "hr_sampler_name": "Use same sampler",
    "hr_additional_modules": ["Use same choices"], "hr_prompt": "", "override_settings_texts": [],
}  # fmt: skip


def test_a_plain_form_is_a_plain_request() -> None:
    made = draft(Form("txt2img", NAMED, [SAMPLER, Script("Seed", [7.0, False, 5, 0.4, 0, 0], SEED_NAMES)], {"ENSD": 1}))
    assert made.payload == {
        "prompt": "a fox", "negative_prompt": "mud", "n_iter": 2, "batch_size": 1, "cfg_scale": 5.5, "height": 1024,
        "width": 832, "steps": 28, "sampler_name": "Euler a", "scheduler": "Karras", "seed": 7,
        "override_settings": {"ENSD": 1},
    }  # fmt: skip
    assert isinstance(made.payload["steps"], int)
    assert not made.notes


def test_the_second_pass_counts_only_where_it_is_on_and_what_is_the_same_is_left_out() -> None:
    made = draft(Form("txt2img", {**NAMED, "enable_hr": True, "hr_prompt": "sharper"}))
    hires = {name: value for name, value in made.payload.items() if name.startswith(("hr_", "enable", "denoising"))}
    assert hires == {
        "enable_hr": True, "denoising_strength": 0.7, "hr_scale": 2, "hr_upscaler": "Latent", "hr_prompt": "sharper"
    }  # fmt: skip


def test_extra_seeds_and_a_refiner_count_only_where_they_are_ticked() -> None:
    refiner = ("enable_refiner", "refiner_checkpoint", "refiner_switch_at")
    off = draft(Form("txt2img", NAMED, [Script("Refiner", [False, "xl-refiner", 0.8], refiner)]))
    assert "refiner_checkpoint" not in off.payload
    scripts = [
        Script("Refiner", [True, "xl-refiner [abc]", 0.8], refiner),
        Script("Seed", ["12", True, 5, 0.4, 512, 640], SEED_NAMES),
    ]
    on = draft(Form("txt2img", NAMED, scripts)).payload
    assert (on["refiner_checkpoint"], on["refiner_switch_at"]) == ("xl-refiner [abc]", 0.8)
    assert (on["seed"], on["subseed"], on["subseed_strength"]) == (12, 5, 0.4)
    assert (on["seed_resize_from_w"], on["seed_resize_from_h"]) == (512, 640)
    assert draft(Form("txt2img", NAMED, [Script("Seed", ["", *[0] * 5], SEED_NAMES)])).payload["seed"] == -1


@dataclass
class Unit:
    """What some extensions pass as a value."""

    weight: float = 1.0


def test_a_script_goes_along_where_it_was_changed_and_can_be_written_down() -> None:
    scripts = [
        Script("Film Grain", [True, 0.5], defaults=[False, 0.5]),
        Script("Untouched", [False, 1.0], defaults=[False, 1]),
        Script("Strange", [Unit()], defaults=[None]),
        Script("ControlNet", [{"enabled": False}] * 3, defaults=[{"enabled": False, "weight": 1}] * 3),
        Script("X/Y/Z plot", [1, {"a": [2.0]}], chosen=True),
    ]
    made = draft(Form("txt2img", NAMED, scripts))
    assert made.payload["alwayson_scripts"] == {"Film Grain": {"args": [True, 0.5]}}
    assert (made.payload["script_name"], made.payload["script_args"]) == ("X/Y/Z plot", [1, {"a": [2]}])
    assert len(made.notes) == 1
    assert "Strange: a value of the kind Unit" in made.notes[0]
    assert "without this script" in made.notes[0]


def test_img2img_has_its_image_and_the_mask_with_what_belongs_to_it() -> None:
    named = {**NAMED, "mask_blur": 4, "inpainting_fill": 1, "inpaint_full_res": 1, "resize_mode": 0}
    whole = draft(Form("img2img", named, images=["aGk="])).payload
    assert whole["init_images"] == ["aGk="]
    assert whole["denoising_strength"] == 0.7
    assert not {"mask", "mask_blur", "inpainting_fill", "enable_hr", "hr_scale"} & set(whole)
    masked = draft(Form("img2img", named, images=["aGk="], mask="bWFzaw==")).payload
    assert (masked["mask"], masked["mask_blur"], masked["inpaint_full_res"]) == ("bWFzaw==", 4, True)
