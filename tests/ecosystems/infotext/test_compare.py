"""An infotext's hashes are held against those of the models that were asked for."""

import pytest
from quartermaster.ecosystems.infotext.compare import UNASKED, WRONG, Difference, Expected, differences

SHA, TENSOR, CLAIMED, OTHER = "a1" * 32, "b2" * 32, "c3" * 32, "f0" * 32
CHECKPOINT = Expected("checkpoint", ("Pony/x.safetensors",), (SHA,))
LORA = Expected("lora", ("Lora/style v2.safetensors",), (SHA,), (TENSOR,), (CLAIMED[:12],))


def infotext(fields: str) -> str:
    return (
        f"a cat <lora:style v2:1>\nNegative prompt: dog\nSteps: 20, Sampler: Euler, Size: 512x512, {fields}, Version: 1"
    )


@pytest.mark.parametrize(
    "fields",
    [
        f"Model hash: {SHA[:10]}, Model: x",
        f"Model hash: {SHA[:10].upper()}, Model: renamed on this server",
        "Model: x",  # says nothing of the file
        "Model hash: 0a1b2c3d, Model: x",  # the old hash says nothing either
        *(f'Model hash: {SHA[:10]}, Lora hashes: "style v2: {one[:12]}"' for one in (SHA, TENSOR, CLAIMED)),
        f'Model hash: {SHA[:10]}, Lora hashes: "another name of it: {TENSOR[:12]}"',
        f'Model hash: {SHA[:10]}, VAE hash: {OTHER[:10]}, VAE: v.pt, TI hashes: "cat: {OTHER[:12]}"',  # not asked for
    ],
)
def test_what_was_asked_for_or_is_not_stated_is_no_difference(fields: str) -> None:
    assert differences(infotext(fields), [CHECKPOINT, LORA]) == []


@pytest.mark.parametrize(
    ("fields", "found"),
    [
        (f"Model hash: {OTHER[:10]}, Model: y", Difference(WRONG, "checkpoint", "y", OTHER[:10])),
        (f"Model hash: {OTHER[:10]}", Difference(WRONG, "checkpoint", "Pony/x.safetensors", OTHER[:10])),
        (f'Lora hashes: "style v2: {OTHER[:12]}"', Difference(WRONG, "lora", "style v2", OTHER[:12])),
        (f'Lora hashes: "third: {OTHER[:12]}"', Difference(UNASKED, "lora", "third", OTHER[:12])),
        (f"Refiner: r [{OTHER[:10]}]", Difference(UNASKED, "refiner", "r", OTHER[:10])),
        # Ten digits can only be of the file, and a tensor hash is none of a checkpoint's AutoV2.
        (f"Model hash: {TENSOR[:10]}, Model: x", Difference(WRONG, "checkpoint", "x", TENSOR[:10])),
    ],
)
def test_another_model_is_a_difference(fields: str, found: Difference) -> None:
    expected = [Expected("checkpoint", CHECKPOINT.names, (SHA,), (TENSOR,)), LORA]
    assert differences(infotext(fields), expected) == [found]
    assert found.digits in str(found)


def test_a_vae_and_an_embedding_that_were_asked_for_are_compared() -> None:
    asked = [Expected("vae", ("v.pt",), (SHA,)), Expected("embedding", ("bad-hands.pt",), (SHA,))]
    text = infotext(f'VAE hash: {OTHER[:10]}, VAE: v.pt, TI hashes: "bad-hands: {OTHER[:12]}"')
    assert [each.role for each in differences(text, asked)] == ["vae", "embedding"]
    right = infotext(f'VAE hash: {SHA[:10]}, VAE: v.pt, TI hashes: "bad-hands: {SHA[:12]}"')
    assert differences(right, asked) == []


def test_without_a_checkpoint_asked_for_none_is_wrong() -> None:
    assert differences(infotext(f"Model hash: {OTHER[:10]}, Model: y"), [LORA]) == []
