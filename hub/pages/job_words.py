"""What the pages about jobs call things: a word, a tone and a shape for each state, model and verdict."""

from ..availability import AMBIGUOUS, UNKNOWN
from ..jobs.job import CANCELLED, COMPLETED, FAILED, PENDING, PROCESSING
from .words import STATUS, Mark

STATES = {
    PENDING: Mark("waiting", "info", "clock", "no server runs it yet"),
    PROCESSING: Mark("running", "run", "play", "a server runs it now"),
    COMPLETED: Mark("completed", "good", "disc", "its images are here"),
    FAILED: Mark("failed", "bad", "cross", "it was tried and did not work"),
    CANCELLED: Mark("cancelled", "", "ring", "somebody stopped it"),
}

NEEDS = {
    **STATUS,
    AMBIGUOUS: Mark("ambiguous", "warn", "question", "several models have this name or these digits: none is guessed"),
    UNKNOWN: Mark("unknown", "bad", "cross", "nobody told this hub of such a model"),
}
"""What a model that a job asks for can be: the words of every other page, and the two for what is no one model."""

ELSEWHERE = Mark("not there", "bad", "cross", "the server that the job is for does not have it; another one does")

ROLES = {
    "checkpoint": "Checkpoint",
    "refiner": "Refiner",
    "unet": "UNet",
    "vae": "VAE",
    "text_encoder": "Text encoder",
    "module": "VAE or text encoder",
    "lora": "LoRA",
    "embedding": "Embedding",
    "hypernetwork": "Hypernetwork",
    "controlnet": "ControlNet",
    "upscaler": "Upscaler",
    "detector": "Detector",
    "clip_vision": "CLIP vision",
    "other": "Model",
}

PHASES = {
    "preparing": "checks its models",
    "loading": "loads its models",
    "running": "makes the image",
    "saving": "saves the images",
}

OUTCOMES = {
    "completed": Mark("completed", "good", "disc", "its images came here"),
    "failed": Mark("failed", "bad", "cross", "the server said that it did not work"),
    "handed_back": Mark(
        "handed back", "warn", "triangle", "the server could not run it just then: not counted as a try"
    ),
    "lost": Mark("lost", "bad", "square", "the server fell silent while it ran"),
    "cancelled": Mark("cancelled", "", "ring", "somebody stopped it"),
}
"""How an attempt ended."""
