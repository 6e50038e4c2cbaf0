import os
from collections.abc import Iterable
from pathlib import Path

import pytest
from quartermaster.extension.inventory.discover import Discovery, discover, named_roots
from quartermaster.extension.inventory.kinds import kind_of
from quartermaster.extension.inventory.roots import Root, RootError, exclusion


def make(base: Path, *paths: str) -> Path:
    """Make files, and folders where a path ends in a slash."""
    for path in paths:
        target = base / path
        if path.endswith("/"):
            target.mkdir(parents=True, exist_ok=True)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(b"x")
    return base


def published(roots: Iterable[Root]) -> dict[str, str]:
    """Return every file of the roots, as a scan would list it: published path -> kind."""
    found: dict[str, str] = {}
    for root in roots:
        excluded = exclusion(root.excludes)
        for folder, names, files in os.walk(root.path, followlinks=True):
            below = Path(folder).relative_to(root.path)
            names[:] = [n for n in names if not (excluded and excluded.match((below / n).as_posix()))]
            for name in files:
                relative = (below / name).as_posix()
                path = f"{root.label}/{relative}"
                assert path not in found
                found[path] = kind_of(root, relative)
    return found


def kinds(found: Discovery) -> dict[str, str | None]:
    return {root.label: root.kind for root in found.roots}


def test_an_a1111_web_ui_gives_only_its_folders_of_models(tmp_path: Path) -> None:
    make(
        tmp_path,
        "webui.py",
        "venv/lib/torch/x.bin",
        "repositories/BLIP/y.pth",
        "extensions/other/z.pt",
        "models/Stable-diffusion/a.safetensors",
        "models/Lora/people/b.safetensors",
        "models/LyCORIS/c.safetensors",
        "models/VAE/d.pt",
        "models/text_encoder/e.safetensors",
        "models/ControlNet/f.pth",
        "models/ESRGAN/g.pth",
        "models/hypernetworks/h.pt",
        "models/adetailer/i.pt",
        "models/mine/j.ckpt",
        "models/k.ckpt",
        "embeddings/l.pt",
        "extensions/sd-webui-controlnet/models/m.pth",
    )
    found = discover(str(tmp_path))
    assert found.layout == "a1111"
    assert found.notes == ()
    assert published(found.roots) == {
        "models/Stable-diffusion/a.safetensors": "Checkpoint",
        "models/Lora/people/b.safetensors": "LORA",
        "models/LyCORIS/c.safetensors": "LoCon",
        "models/VAE/d.pt": "VAE",
        "models/text_encoder/e.safetensors": "TextEncoder",
        "models/ControlNet/f.pth": "Controlnet",
        "models/ESRGAN/g.pth": "Upscaler",
        "models/hypernetworks/h.pt": "Hypernetwork",
        "models/adetailer/i.pt": "Detection",
        "models/mine/j.ckpt": "Other",
        "models/k.ckpt": "Other",
        "embeddings/l.pt": "TextualInversion",
        "extensions/sd-webui-controlnet/models/m.pth": "Controlnet",
    }


def test_a_folder_made_later_keeps_its_published_path(tmp_path: Path) -> None:
    make(tmp_path, "webui.py", "models/Lora/")
    before = discover(str(tmp_path))
    assert "models/VAE" not in kinds(before)
    make(tmp_path, "models/VAE/x.pt")
    assert published(before.roots) == {"models/VAE/x.pt": "VAE"}
    after = discover(str(tmp_path))
    assert kinds(after)["models/VAE"] == "VAE"
    assert published(after.roots) == {"models/VAE/x.pt": "VAE"}


def test_folders_of_models_without_the_program_are_recognised(tmp_path: Path) -> None:
    make(tmp_path, "models/Lora/a.safetensors", "embeddings/b.pt", "downloads/c.ckpt")
    found = discover(str(tmp_path))
    assert found.layout == "a1111"
    assert published(found.roots) == {
        "models/Lora/a.safetensors": "LORA",
        "embeddings/b.pt": "TextualInversion",
        f"{tmp_path.name}/downloads/c.ckpt": "Other",
    }


def test_comfyui_gives_its_folders(tmp_path: Path) -> None:
    make(
        tmp_path,
        "folder_paths.py",
        "custom_nodes/pack/weights.pth",
        "models/checkpoints/a.safetensors",
        "models/loras/b.safetensors",
        "models/vae/c.safetensors",
        "models/clip/d.safetensors",
        "models/text_encoders/e.safetensors",
        "models/unet/f.gguf",
        "models/diffusion_models/g.safetensors",
        "models/controlnet/h.safetensors",
        "models/embeddings/i.pt",
        "models/upscale_models/j.pth",
        "models/clip_vision/k.safetensors",
        "models/style_models/l.safetensors",
        "models/animatediff_models/m.ckpt",
        "models/diffusers/sdxl/vae/n.safetensors",
        "custom_nodes/ComfyUI-AnimateDiff-Evolved/models/o.ckpt",
    )
    found = discover(str(tmp_path))
    assert found.layout == "comfyui"
    by_name = {path.rpartition("/")[2][0]: kind for path, kind in published(found.roots).items()}
    assert by_name == {
        "a": "Checkpoint",
        "b": "LORA",
        "c": "VAE",
        "d": "TextEncoder",
        "e": "TextEncoder",
        "f": "UNet",
        "g": "UNet",
        "h": "Controlnet",
        "i": "TextualInversion",
        "j": "Upscaler",
        "k": "CLIPVision",
        "l": "Other",
        "m": "MotionModule",
        "n": "VAE",
        "o": "MotionModule",
    }


def test_a_portable_comfyui_is_found_in_its_wrapper(tmp_path: Path) -> None:
    make(tmp_path, "python_embeded/x.bin", "ComfyUI/folder_paths.py", "ComfyUI/models/loras/a.safetensors")
    found = discover(str(tmp_path))
    assert found.layout == "comfyui"
    assert published(found.roots) == {"ComfyUI/models/loras/a.safetensors": "LORA"}


def test_tools_side_by_side_are_all_found_and_what_is_beside_them(tmp_path: Path) -> None:
    make(
        tmp_path / "sd",
        "forge/webui.py",
        "forge/venv/a.bin",
        "forge/models/Lora/b.safetensors",
        "forge/models/mine/c.safetensors",
        "ComfyUI/folder_paths.py",
        "ComfyUI/custom_nodes/x/d.pth",
        "ComfyUI/models/loras/e.safetensors",
        "ComfyUI/models/f.safetensors",
        "venv/g.bin",
        "VAE/h.pt",
        "downloads/i.ckpt",
    )
    found = discover(str(tmp_path / "sd"))
    assert published(found.roots) == {
        "forge/models/Lora/b.safetensors": "LORA",
        "forge/models/mine/c.safetensors": "Other",
        "ComfyUI/models/loras/e.safetensors": "LORA",
        "ComfyUI/models/f.safetensors": "Other",
        "VAE/h.pt": "VAE",
        "sd/downloads/i.ckpt": "Other",
    }


def test_extra_model_paths_are_roots_too(tmp_path: Path) -> None:
    other = make(tmp_path / "forge", "models/Lora/a.safetensors", "models/ESRGAN/b.pth")
    comfy = make(tmp_path / "comfy", "folder_paths.py", "models/loras/c.safetensors")
    section = "  loras: |\n    models/Lora\n    models/LyCORIS\n  upscale_models: models/ESRGAN\n"
    (comfy / "extra_model_paths.yaml").write_text(f"forge:\n  base_path: {other}\n{section}")
    found = discover(str(comfy))
    assert published(found.roots) == {
        "models/loras/c.safetensors": "LORA",
        "Lora/a.safetensors": "LORA",
        "ESRGAN/b.pth": "Upscaler",
    }
    assert [note for note in found.notes if "LyCORIS" in note]


@pytest.mark.parametrize("line", ["/", "..", "."])
def test_an_extra_path_may_not_swallow_the_web_ui(tmp_path: Path, line: str) -> None:
    comfy = make(tmp_path / "comfy", "folder_paths.py", "models/loras/")
    (comfy / "extra_model_paths.yaml").write_text(f"x:\n  checkpoints: {line}\n")
    found = discover(str(comfy))
    assert kinds(found) == {"models/loras": "LORA", "models": None}
    assert [note for note in found.notes if "left out" in note]


def test_an_extra_path_within_another_folder_is_listed_once(tmp_path: Path) -> None:
    comfy = make(tmp_path, "folder_paths.py", "models/checkpoints/a.ckpt", "models/checkpoints/[lo]/b.safetensors")
    (comfy / "extra_model_paths.yaml").write_text("x:\n  loras: models/checkpoints/[lo]\n")
    assert published(discover(str(comfy)).roots) == {
        "models/checkpoints/a.ckpt": "Checkpoint",
        "models/checkpoints/[lo]/b.safetensors": "LORA",
    }


@pytest.mark.parametrize("below", ["Data/", ""])
def test_stability_matrix_shares_its_models_with_its_packages(tmp_path: Path, below: str) -> None:
    data = make(
        tmp_path / below,
        "Models/StableDiffusion/a.safetensors",
        "Models/Lora/b.safetensors",
        "Models/LyCORIS/c.safetensors",
        "Models/TextEncoders/d.safetensors",
        "Packages/forge/webui.py",
        "Packages/forge/venv/e.bin",
        "Packages/forge/models/adetailer/f.pt",
        "Packages/ComfyUI/folder_paths.py",
        "Packages/ComfyUI/models/",
    )
    (data / "Packages/forge/models/Lora").symlink_to(data / "Models/Lora")
    (data / "Packages/forge/models/Stable-diffusion").symlink_to(data / "Models/StableDiffusion")
    (data / "Packages/ComfyUI/models/loras").symlink_to(data / "Models/Lora")
    found = discover(str(tmp_path))
    assert found.layout == "stability-matrix"
    assert published(found.roots) == {
        f"{below}Models/StableDiffusion/a.safetensors": "Checkpoint",
        f"{below}Models/Lora/b.safetensors": "LORA",
        f"{below}Models/LyCORIS/c.safetensors": "LoCon",
        f"{below}Models/TextEncoders/d.safetensors": "TextEncoder",
        f"{below}Packages/forge/models/adetailer/f.pt": "Detection",
    }
    assert [note for note in found.notes if "listed once: 3" in note]


def test_a_folder_of_packages_beside_models_is_not_stability_matrix(tmp_path: Path) -> None:
    make(tmp_path, "models/Lora/a.safetensors", "packages/b.txt")
    assert discover(str(tmp_path)).layout == "a1111"


def test_a_bare_models_folder_covers_unknown_folders_as_well(tmp_path: Path) -> None:
    make(tmp_path / "models", "Lora/a.safetensors", "vae/b.pt", "mine/loras/c.safetensors", "mine/d.ckpt", "e.ckpt")
    found = discover(str(tmp_path / "models"))
    assert found.layout == "models-folder"
    assert published(found.roots) == {
        "Lora/a.safetensors": "LORA",
        "vae/b.pt": "VAE",
        "models/mine/loras/c.safetensors": "LORA",
        "models/mine/d.ckpt": "Other",
        "models/e.ckpt": "Other",
    }


def test_any_folder_is_one_root(tmp_path: Path) -> None:
    make(tmp_path / "pile", "a.ckpt", "sdxl/loras/b.safetensors")
    found = discover(str(tmp_path / "pile"))
    assert found.layout == "plain"
    assert kinds(found) == {"pile": None}
    assert published(found.roots) == {"pile/a.ckpt": "Other", "pile/sdxl/loras/b.safetensors": "LORA"}


def test_a_linked_folder_of_models_stays_a_link(tmp_path: Path) -> None:
    ui = make(tmp_path / "ui", "webui.py", "models/")
    make(tmp_path / "nas", "loras/a.safetensors")
    (ui / "models/Lora").symlink_to(tmp_path / "nas/loras")
    found = discover(str(ui))
    assert [root.path for root in found.roots if root.kind] == [str(ui / "models/Lora")]
    assert published(found.roots) == {"models/Lora/a.safetensors": "LORA"}


def test_a_web_ui_reached_through_a_link_is_found_whole(tmp_path: Path) -> None:
    make(tmp_path / "real", "webui.py", "models/Lora/LyCORIS/a.safetensors", "models/x/b.pt")
    (tmp_path / "link").symlink_to("real")
    assert published(discover(str(tmp_path / "link")).roots) == {
        "models/Lora/LyCORIS/a.safetensors": "LoCon",
        "models/x/b.pt": "Other",
    }


def test_a_fresh_web_ui_without_models_says_so(tmp_path: Path) -> None:
    make(tmp_path, "webui.py", "webui.sh", "venv/x.bin")
    found = discover(str(tmp_path))
    assert found.roots == ()
    assert "no folder of models" in found.notes[0]


@pytest.mark.parametrize("name", ["missing", "file", "nul\0"])
def test_what_is_no_folder_is_named(tmp_path: Path, name: str) -> None:
    make(tmp_path, "file")
    with pytest.raises(RootError, match="--models"):
        discover(str(tmp_path / name))


def test_named_folders_within_each_other_are_listed_once(tmp_path: Path) -> None:
    make(tmp_path, "all/a.ckpt", "all/loras/b.safetensors", "all/more/c.ckpt")
    named = [("Checkpoint", "all"), ("LORA", "all/loras"), ("Checkpoint", "all/more")]
    roots, notes = named_roots((kind, str(tmp_path / path)) for kind, path in named)
    assert published(roots) == {
        "all/a.ckpt": "Checkpoint",
        "loras/b.safetensors": "LORA",
        "all/more/c.ckpt": "Checkpoint",
    }
    assert notes == ()


def test_a_folder_named_twice_has_one_kind(tmp_path: Path) -> None:
    roots, notes = named_roots([("LORA", str(tmp_path)), ("VAE", str(tmp_path))])
    assert [root.kind for root in roots] == ["LORA"]
    assert "LORA" in notes[0]
    assert "VAE" in notes[0]
