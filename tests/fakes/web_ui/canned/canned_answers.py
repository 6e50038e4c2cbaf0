"""The parts of the made-up answers that do not depend on the world's state."""

SERVERS = [("attic", "online"), ("cellar", "online"), ("render-01", "offline")]
NAMES = ["SDXL", "Pony", "Illustrious", "NoobAI", "SD 1.5", "SD 2", "SD 3", "Flux.1", "Flux.2", "Chroma", "Qwen", "Wan"]
RELATED = {"SDXL", "Pony", "Illustrious", "NoobAI"}


def _pair(checkpoint, addon):
    if checkpoint == addon:
        return "Full"
    if {checkpoint, addon} <= RELATED or {checkpoint, addon} == {"Flux.1", "Chroma"}:
        return "Partial"
    return "Unknown" if "Wan" in (checkpoint, addon) and "Qwen" in (checkpoint, addon) else "None"


MATRIX = {"ecosystems": NAMES, "grades": [[_pair(row, column) for column in NAMES] for row in NAMES]}
REASONS = {
    "Full": "Same ecosystem.",
    "Partial": "Same family: it loads, the result may drift.",
    "None": "Another architecture: the weights have other shapes.",
    "Unknown": "Nothing says what it was made for.",
}


def grade_of(checkpoint, addon):
    grade = _pair(checkpoint, addon) if addon else "Unknown"
    return {"grade": grade, "reason": REASONS[grade]}


STEPS = [
    "1. LORA is supported for SDXL.",
    "2. Not the same group.",
    "3. Same ecosystem: SDXL.",
    "   → Result: FULL support",
]
EVIDENCE = [
    {
        "witness": "layout",
        "says": "2,166 LoRA keys on a UNet with 2,048-wide cross attention",
        "weight": 0.95,
        "claims": ["SDXL", "Pony", "Illustrious", "NoobAI"],
    },
    {"witness": "metadata", "says": "ss_base_model_version is 'sdxl_base_v1-0'", "weight": 0.6, "claims": ["SDXL"]},
]
SETTINGS = [
    {
        "key": "checkpointVersionId",
        "value": "128713",
        "from": "ecosystem SDXL",
        "title": "SDXL 1.0 base",
        "status": "here",
        "where": [],
    },
    {
        "key": "vaeVersionId",
        "value": "333245",
        "from": "ecosystem SDXL",
        "title": "SDXL VAE fp16 fix",
        "status": "elsewhere",
        "where": ["cellar"],
    },
    {"key": "sampler", "value": "Euler a", "from": "ecosystem SDXL", "title": None, "status": None, "where": []},
    {"key": "steps", "value": 28, "from": "default", "title": None, "status": None, "where": []},
    {"key": "cfg", "value": 5.5, "from": "ecosystem SDXL", "title": None, "status": None, "where": []},
    {"key": "width", "value": 1024, "from": "ecosystem SDXL", "title": None, "status": None, "where": []},
    {"key": "height", "value": 1024, "from": "ecosystem SDXL", "title": None, "status": None, "where": []},
]


def check_of(text, hostile):
    """Return what the check finds in a text: nothing in a blank one."""
    if not text.strip():
        return {
            "found": "nothing",
            "text": text,
            "prompt": "",
            "negative": "",
            "fields": {},
            "resources": [],
            "servers": [],
        }

    def resource(role, name, hash_, status, grade=None, reason=None, weight=None, servers=()):
        return {
            "role": role,
            "name": name,
            "hash": hash_,
            "weight": weight,
            "status": status,
            "path": f"models/{name}" if status == "here" else None,
            "servers": list(servers),
            "grade": grade,
            "reason": reason,
        }

    resources = [
        resource("checkpoint", "juggernautXL_v9", "c9e3e68f89", "here"),
        resource("vae", "sdxl_vae", "63aeecb90f", "elsewhere", servers=["cellar", "studio-3"]),
        resource("lora", "velvet-harbor", "0b38e15d21aa", "here", "Full", "Same ecosystem.", 0.8),
        resource(
            "lora",
            "old-ink",
            "aa01bb02cc03",
            "elsewhere",
            "None",
            "Another architecture: the weights have other shapes.",
            0.6,
            ["cellar"],
        ),
        resource("lora", hostile, None, "nowhere", "Unknown", "Nobody knows this LoRA.", 1.0),
        resource("embedding", "bad-hands", "5f1c0a9b2d3e", "ambiguous", "Unknown", "Two models have this short hash."),
        resource("controlnet", "canny-xl", "eb115a19a1", "downloadable", "Full", "Same ecosystem."),
    ]
    servers = [
        {"server_id": "cellar", "has": 6, "of": 7, "missing": [hostile], "unsure": []},
        {"server_id": "attic", "has": 3, "of": 7, "missing": ["sdxl_vae", "old-ink", hostile], "unsure": ["bad-hands"]},
    ]
    return {
        "found": "infotext",
        "text": text,
        "prompt": "a harbor at dusk <lora:velvet-harbor:0.8>",
        "negative": "bad-hands",
        "fields": {
            "Steps": "28",
            "Sampler": "Euler a",
            "CFG scale": "5.5",
            "Size": "1024x1024",
            "Model hash": "c9e3e68f89",
        },
        "resources": resources,
        "servers": servers,
    }
