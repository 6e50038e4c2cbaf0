import pytest
from quartermaster.ecosystems.model_types import MODEL_TYPES
from quartermaster.extension.inventory.kinds import MODEL_SUFFIXES, is_model_file, kind_of, kind_of_folder
from quartermaster.extension.inventory.roots import Root

PLAIN = Root("/data/stuff", "stuff", None)


@pytest.mark.parametrize(
    ("folder", "kind"),
    [
        ("Stable-diffusion", "Checkpoint"),
        ("StableDiffusion", "Checkpoint"),
        ("checkpoints", "Checkpoint"),
        ("Lora", "LORA"),
        ("loras", "LORA"),
        ("LyCORIS", "LoCon"),
        ("VAE", "VAE"),
        ("text_encoder", "TextEncoder"),
        ("text_encoders", "TextEncoder"),
        ("TextEncoders", "TextEncoder"),
        ("clip", "TextEncoder"),
        ("clip_vision", "CLIPVision"),
        ("embeddings", "TextualInversion"),
        ("ControlNet", "Controlnet"),
        ("RealESRGAN", "Upscaler"),
        ("upscale_models", "Upscaler"),
        ("hypernetworks", "Hypernetwork"),
        ("unet", "UNet"),
        ("diffusion_models", "UNet"),
        ("DiffusionModels", "UNet"),
        ("animatediff_models", "MotionModule"),
        ("vae_approx", "Other"),
        ("other", None),
        ("venv", None),
    ],
)
def test_the_tools_folders_are_known(folder: str, kind: str | None) -> None:
    assert kind_of_folder(folder) == kind


@pytest.mark.parametrize("kind", sorted(set(MODEL_TYPES) - {"Other", "CLIP"}))
def test_a_folder_named_like_a_model_type_holds_it(kind: str) -> None:
    assert kind_of_folder(kind.upper()) == kind


@pytest.mark.parametrize(
    ("relative", "kind"),
    [
        ("x.safetensors", "Other"),
        ("LORAS/x.safetensors", "LORA"),
        ("loras/characters/x.safetensors", "LORA"),
        ("sdxl/checkpoints/anime/x.safetensors", "Checkpoint"),
        ("loras/other/x.safetensors", "LORA"),
        ("loras/DoRA/x.safetensors", "DoRA"),
        ("checkpoints/vae/x.safetensors", "VAE"),
        ("diffusers/sdxl/unet/model.safetensors", "UNet"),
        ("x.vae.pt", "VAE"),
        ("checkpoints/x.VAE.safetensors", "VAE"),
        ("loras/x.vae.pt", "LORA"),
    ],
)
def test_the_deepest_known_folder_decides(relative: str, kind: str) -> None:
    assert kind_of(PLAIN, relative) == kind


def test_the_roots_own_name_decides_last() -> None:
    root = Root("/data/Lora", "Lora", None)
    assert kind_of(root, "x.safetensors") == "LORA"
    assert kind_of(root, "people/x.safetensors") == "LORA"
    assert kind_of(root, "vae/x.safetensors") == "VAE"


def test_a_roots_kind_holds_beneath_it() -> None:
    root = Root("/ui/models/Stable-diffusion", "models/Stable-diffusion", "Checkpoint")
    assert kind_of(root, "lora/x.safetensors") == "Checkpoint"
    assert kind_of(root, "a/x.vae.pt") == "VAE"


def test_a_lora_folder_may_hold_finer_kinds() -> None:
    root = Root("/ui/models/Lora", "models/Lora", "LORA")
    assert kind_of(root, "LyCORIS/x.safetensors") == "LoCon"
    assert kind_of(root, "vae/x.safetensors") == "LORA"


@pytest.mark.parametrize("suffix", sorted(MODEL_SUFFIXES))
def test_model_files_are_known_by_their_suffix_in_any_case(suffix: str) -> None:
    assert is_model_file(f"x{suffix.upper()}")


@pytest.mark.parametrize("name", ["x.safetensors.part", "x.json", ".safetensors", "safetensors", "x.preview.png"])
def test_other_files_are_not(name: str) -> None:
    assert not is_model_file(name)
