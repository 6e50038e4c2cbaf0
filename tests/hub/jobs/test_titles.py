"""A path of an inventory becomes the title that the server's own web UI has for the checkpoint there."""

import pytest
from quartermaster.hub.jobs.titles import title_of

SHA = "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("path", "roots", "windows", "title"),
    [
        ("models/Stable-diffusion/Pony/x.safetensors", (), False, "Pony/x.safetensors [0123456789]"),
        ("models/Stable-diffusion/Pony/x.safetensors", (), True, "Pony\\x.safetensors [0123456789]"),
        ("nas/a/Pony/x.ckpt", ("nas", "nas/a"), False, "Pony/x.ckpt [0123456789]"),
        ("somewhere/x.ckpt", ("else",), False, "x.ckpt [0123456789]"),
        ("x.ckpt", (), False, "x.ckpt [0123456789]"),
    ],
)
def test_a_title(path: str, roots: tuple[str, ...], windows: bool, title: str) -> None:
    assert title_of(path, SHA, roots, windows=windows) == title
    assert title_of(path, None, roots, windows=windows) == title.partition(" [")[0]
