"""A made-up server of any size, a hub and a catalogue, in the shapes of the routes. Deterministic."""

import hashlib
import os
import re
import time

from canned_answers import EVIDENCE, MATRIX, SERVERS, SETTINGS, STEPS, check_of, grade_of
from starlette.responses import Response

ECOSYSTEMS = ["SDXL", "Pony", "Illustrious", "SD 1.5", "Flux.1", "NoobAI", "SD 3", ""]
TYPES = ["LORA", "Checkpoint", "LORA", "TextualInversion", "LORA", "VAE", "LoCon", "Controlnet"]
ADJECTIVES = ["velvet", "neon", "quiet", "gilded", "paper", "lunar", "mossy", "cinder", "opal", "brass"]
NOUNS = ["harbor", "fox", "cathedral", "engine", "garden", "portrait", "skyline", "ink", "ember", "dunes"]
FOLDERS = {
    "LORA": "models/Lora",
    "LoCon": "models/Lora",
    "Checkpoint": "models/Stable-diffusion",
    "VAE": "models/VAE",
    "TextualInversion": "embeddings",
    "Controlnet": "models/ControlNet",
}
HOSTILE = os.environ.get("CANNED_ODD_NAME", "<img src=x onerror=window.hacked=1>")
SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><rect width="64" height="64" fill="hsl({h} 45% 42%)"/>'
    '<circle cx="42" cy="22" r="26" fill="hsl({k} 65% 62%)" opacity=".8"/>'
    '<path d="M0 64 24 30l16 20 10-12 14 26" fill="#1b2230" opacity=".7"/></svg>'
)


def ago(seconds):
    return time.time() - seconds


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()


class World:
    """Every ``get_…`` and ``post_…`` is one route."""

    def __init__(self, shared):
        self.shared, self.asked = shared, []
        self.state = {
            "agent": "running",
            "message": None,
            "progress": "idle",
            "paired": True,
            "hub_error": None,
            "revision": 1,
            "files_done": 420,
            "slow": 0,
        }
        self.rows = [self.row(i) for i in range(int(os.environ.get("CANNED_MODELS", "600")))]
        self.known = {row["path"]: row for row in self.rows}

    def row(self, i):
        kind, ecosystem = TYPES[i % len(TYPES)], ECOSYSTEMS[(i * 7) % len(ECOSYSTEMS)]
        stem = HOSTILE if i == 3 else f"{ADJECTIVES[i % 10]}-{NOUNS[(i // 10) % 10]}-{i:05d}"
        sha = digest(stem)
        waiting = "Still being written: published when it has been left alone for 2 s." if i % 97 == 5 else None
        state = "waiting" if waiting else "stale" if i % 61 == 9 else "present"
        path = f"{FOLDERS[kind]}/{'styles/' if i % 3 else ''}{stem}.safetensors"
        return {
            "path": path,
            "file": f"/srv/webui/{path}",
            "name": stem,
            "title": f"{stem.replace('-', ' ').title()} v{i % 4 + 1}",
            "type": kind,
            "size": 7_000_000 * (i % 40 + 1) * (24 if kind == "Checkpoint" else 1),
            "mtime": 1_780_000_000 + i * 911,
            "sha256": None if waiting else sha,
            "autov2": None if waiting else sha[:10],
            "autov3": digest(stem + "t")[:12] if kind == "LORA" else None,
            "hash_state": None if waiting else "claimed" if i % 11 == 2 else "verified",
            "state": state,
            "waiting": waiting,
            "ecosystem": ecosystem or None,
            "base_model": ecosystem or None,
            "confidence": 0.55 + (i % 9) / 20 if ecosystem else 0,
            "conflicts": 1 if i % 23 == 4 else 0,
            "corrected": False,
            "trigger_words": [stem.split("-")[0], "film grain"] if i % 2 == 0 else [],
            "preview": i % 2 == 0,
            "shared": i % 5 == 0,
            "copies": 2 if i % 29 == 0 else 1,
        }

    def get_canned(self, _):
        asked, self.asked = self.asked, []
        return {"asked": asked}

    def post_canned(self, data):
        self.state.update(data)
        return {}

    def get_status(self, _):
        s, waiting = self.state, sum(r["state"] == "waiting" for r in self.rows)
        total = len(self.rows)
        progress = {
            "state": s["progress"],
            "reason": "by hand" if s["progress"] == "paused" else None,
            "files_done": s["files_done"],
            "files_total": total,
            "bytes_done": s["files_done"] * 10**9,
            "bytes_total": total * 10**9,
            "bytes_per_second": 1.34e9 if s["progress"] == "hashing" else 0,
            "eta_seconds": 194,
        }
        hub = {
            "paired": s["paired"],
            "address": "http://hub.lan:7807" if s["paired"] else None,
            "in_sync": not s["hub_error"],
            "last_sync": ago(12),
            "unsent": 3 if s["hub_error"] else 0,
            "error": s["hub_error"],
        }
        title = self.shared.opts.sd_model_checkpoint
        return {
            "version": "0.1.0",
            "server_id": "attic",
            "runtime": "forge" if self.shared.is_forge else "a1111",
            "agent": {"state": s["agent"], "message": s["message"]},
            "scanned": True,
            "revision": s["revision"],
            "models": total,
            "waiting": waiting,
            "claimed": 40,
            "progress": progress,
            "hub": hub,
            "problems": [{"path": "models/Lora/torn.safetensors", "what": "Shorter than its own header promises."}],
            "roots": [
                {
                    "label": "models/Lora",
                    "path": "/srv/webui/models/Lora",
                    "type": "LORA",
                    "stale": False,
                    "method": "inotify",
                    "reason": "local",
                }
            ],
            "checkpoint": self.checkpoint(title) if title else None,
            "options": {"badges": True, "availability_badges": True, "prompt_warning": True},
        }

    def checkpoint(self, title):
        family = "Pony" if "pony" in title.lower() else "SD 1.5" if "15" in title else "SDXL"
        return {
            "name": title,
            "path": f"models/Stable-diffusion/{title}",
            "base_model": family,
            "ecosystem": family,
            "confidence": 0.95,
        }

    def get_models(self, q):
        words = q.get("q", "").lower().split()
        rows = [r for r in self.rows if all(w in f"{r['path']} {r['title']} {r['sha256']}".lower() for w in words)]
        tests = {
            "verified": lambda r: r["hash_state"] == "verified",
            "claimed": lambda r: r["hash_state"] == "claimed",
            "waiting": lambda r: r["state"] == "waiting",
            "stale": lambda r: r["state"] == "stale",
            "corrected": lambda r: r["corrected"],
            "conflict": lambda r: r["conflicts"] > 0,
            "unknown": lambda r: not r["ecosystem"],
        }
        groups = {
            "duplicates": lambda r: r["copies"] > 1,
            "same-weights": lambda r: bool(r["autov3"]) and r["copies"] > 1,
        }
        if q.get("type"):
            rows = [r for r in rows if r["type"] == q["type"]]
        if "ecosystem" in q:
            rows = [r for r in rows if (r["ecosystem"] or "") == q["ecosystem"]]
        if q.get("group"):
            rows = [r for r in rows if groups[q["group"]](r)]
        if q.get("state"):
            rows = [r for r in rows if tests[q["state"]](r)]
        facets = {"type": {}, "ecosystem": {}, "state": {k: sum(map(t, self.rows)) for k, t in tests.items()}}
        for r in self.rows:
            for key in ("type", "ecosystem"):
                facets[key][r[key] or ""] = facets[key].get(r[key] or "", 0) + 1
        by = {"date": "mtime"}.get(q.get("sort", "name"), q.get("sort", "name"))
        rows.sort(
            key=lambda r: (r[by] or "") if by not in {"size", "mtime"} else r[by], reverse=q.get("order") == "desc"
        )
        start, limit = int(q.get("offset", 0)), int(q.get("limit", 50))
        return {
            "revision": self.state["revision"],
            "total": len(rows),
            "offset": start,
            "limit": limit,
            "facets": facets,
            "models": rows[start : start + limit],
        }

    def get_model(self, q):
        row = self.known[q["path"]]
        if not self.state["paired"]:
            elsewhere, error = None, "This web UI is not paired with a hub."
        else:
            elsewhere = {
                "status": "available",
                "servers": [
                    {"server_id": n, "state": s, "path": row["path"], "last_seen": ago(12)} for n, s in SERVERS
                ],
            }
            elsewhere, error = (None, self.state["hub_error"]) if self.state["hub_error"] else (elsewhere, None)
        others = ["models/Lora/renamed copy.safetensors"] if row["copies"] > 1 else []
        return {
            "model": {
                **row,
                "evidence": EVIDENCE,
                "conflicts": [{"witness": "name", "says": "the name says SD 1.5"}] * row["conflicts"],
                "paths": [row["path"], *others],
                "same_weights": ["models/Lora/retagged.safetensors"] if row["autov3"] else [],
                "metadata": {"ss_network_dim": "32", "ss_output_name": row["name"], "note": HOSTILE},
                "tensor_sha256": digest(row["name"] + "t"),
                "elsewhere": elsewhere,
                "elsewhere_error": error,
            }
        }

    def get_preview(self, q):
        hue = int(digest(q["path"])[:4], 16) % 360
        return Response(SVG.format(h=hue, k=(hue + 60) % 360), media_type="image/svg+xml")

    def post_correct(self, data):
        changed = [r for r in self.rows if r["sha256"] in data["sha256"]]
        for r in changed:
            if data.get("base_model"):
                r["base_model"] = r["ecosystem"] = data["base_model"]
            r["type"] = data.get("type") or r["type"]
            r["corrected"] = not data.get("clear")
        self.state["revision"] += 1
        return {"changed": len(changed)}

    def get_names(self, _):
        return {
            "base_models": sorted({*filter(None, ECOSYSTEMS), "Flux.1 Krea", "SDXL Turbo"}),
            "types": sorted(set(TYPES)),
        }

    def post_scan(self, _):
        self.state.update(progress="hashing")
        return {}

    def post_pause(self, data):
        self.state["progress"] = "paused" if data["paused"] else "hashing"
        return {}

    def post_verify(self, data):
        return {"asked": len(data["sha256"])}

    def post_sync(self, _):
        return {}

    def get_compatibility(self, q):
        chosen = q.get("checkpoint") or self.shared.opts.sd_model_checkpoint or ""
        checkpoint = self.checkpoint(chosen)
        rows = [
            {
                **{k: r[k] for k in ("path", "name", "type", "base_model")},
                **grade_of(checkpoint["ecosystem"], r["ecosystem"]),
            }
            for r in self.rows
            if r["type"] != "Checkpoint"
        ]
        counts = {g: sum(r["grade"] == g for r in rows) for g in ("Full", "Partial", "None", "Unknown")}
        return {
            "runtime": "forge",
            "checkpoint": checkpoint,
            "message": None,
            "counts": counts,
            "models": rows,
            "defaults": {"settings": SETTINGS},
        }

    def get_compatibility_steps(self, q):
        row = self.known[q["path"]]
        return {**grade_of("SDXL", row["ecosystem"]), "steps": STEPS}

    def get_compatibility_matrix(self, q):
        return {"type": q.get("type", "LORA"), "runtime": "forge", **MATRIX}

    def get_fleet(self, _):
        if not self.state["paired"]:
            return {
                "success": False,
                "error": "not_paired",
                "message": "Not paired.",
                "details": {},
                "status_code": 409,
            }
        if self.state["hub_error"]:
            return {
                "success": False,
                "error": "hub_unreachable",
                "message": self.state["hub_error"],
                "details": {},
                "status_code": 502,
            }
        servers = [
            ("attic", "online", 600),
            ("cellar", "online", 4310),
            ("studio-3", "stale", 812),
            ("render-01", "offline", 9044),
        ]
        return {
            "servers": [{"server_id": n, "state": s, "last_seen": ago(12), "models": m} for n, s, m in servers],
            "only_here": 212,
            "missing_here": 5120,
        }

    def get_fleet_models(self, q):
        start = int(q.get("cursor") or 0)
        rows = [r for r in self.rows if q.get("q", "").lower() in r["path"].lower()]
        return {"models": rows[start : start + 50], "next_cursor": str(start + 50) if len(rows) > start + 50 else None}

    def post_check(self, data):
        return check_of("picture" if data.get("image") else data.get("text", ""), HOSTILE)

    def get_cards(self, _):
        title = self.shared.opts.sd_model_checkpoint
        checkpoint, cards = self.checkpoint(title) if title else None, {}
        for folder in (self.shared.cmd_opts.lora_dir, self.shared.cmd_opts.embeddings_dir):
            for place, _, names in os.walk(folder):
                for name in (n for n in names if n.endswith(".safetensors")):
                    family = (
                        "Pony" if "pony" in name else "SD 1.5" if "15" in name else "SDXL" if "xl" in name else None
                    )
                    grade = (
                        grade_of(checkpoint["ecosystem"], family)
                        if checkpoint
                        else {"grade": "Unknown", "reason": "No checkpoint."}
                    )
                    cards[os.path.join(place, name)] = {
                        **grade,
                        "elsewhere": ["cellar", "studio-3"] if "a" in name else [],
                    }
        return {"revision": f"{self.state['revision']}-{title}", "checkpoint": checkpoint, "cards": cards}

    def post_prompt(self, data):
        warnings, cards = [], self.get_cards({})["cards"]
        names = {os.path.splitext(os.path.basename(path))[0]: card for path, card in cards.items()}
        for name in re.findall(r"<lora:([^:>]+)", data["prompt"]):
            if name not in names:
                warnings.append(
                    {
                        "name": name,
                        "problem": "missing",
                        "message": "This server has no LoRA of that name; cellar has it.",
                    }
                )
            elif names[name]["grade"] == "None":
                warnings.append({"name": name, "problem": "incompatible", "message": names[name]["reason"]})
        return {"warnings": warnings}

    def post_hub_pair(self, data):
        if data["code"].strip() != "ABCD-1234":
            return {
                "success": False,
                "error": "wrong_code",
                "message": "The hub does not know this code. Codes work once, for ten minutes.",
                "details": {},
                "status_code": 400,
            }
        self.state.update(paired=True, hub_error=None)
        return {"message": "Paired as attic."}

    def post_hub_unpair(self, _):
        self.state.update(paired=False)
        return {"message": "Unpaired."}

    def post_hub_test(self, _):
        if self.state["hub_error"]:
            return {
                "success": False,
                "error": "hub_unreachable",
                "message": self.state["hub_error"],
                "details": {},
                "status_code": 502,
            }
        return {"message": "The hub answered in 4 ms and knows this server as attic."}
