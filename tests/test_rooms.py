"""The import table of docs/architecture.md, held against every module."""

import ast
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ALL = {"extension", "hub_client", "ecosystems", "hub", "cli"}
MAY_IMPORT = {
    "scripts": {"extension"},
    "extension": {"hub_client", "ecosystems"},
    "hub_client": set(),
    "ecosystems": set(),
    "hub": {"hub_client", "ecosystems"},
    "cli": ALL,
}
"""Room -> rooms of ours that it may import (itself and ``_version`` always)."""

THIRD_PARTY = {
    "scripts": set(),
    "extension": {"requests", "watchdog", "yaml", "gradio", "fastapi", "modules"},
    "hub_client": {"requests", "urllib3"},
    "ecosystems": set(),
    "cli": set(),
}
"""Room -> packages from outside that it may import; a room that is not named here has an environment of its own."""


def imports_of(path: Path) -> set[str]:
    """Return the dotted names a module imports, those of our own package as ``quartermaster.room…``."""
    package = ("quartermaster", *path.relative_to(ROOT).parent.parts)
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join([*base, *([node.module] if node.module else [])])
            names.update([module] if node.module else [f"{module}.{alias.name}" for alias in node.names])
    return names


def modules_of(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


@pytest.mark.parametrize("room", sorted(MAY_IMPORT))
def test_a_room_imports_only_what_the_table_allows(room: str) -> None:
    wrong = []
    for path in modules_of(room):
        for name in imports_of(path):
            top, _, rest = name.partition(".")
            if top == "quartermaster":
                target = rest.partition(".")[0]
                if target not in {room, "_version", ""} and target not in MAY_IMPORT[room]:
                    wrong.append(f"{path.relative_to(ROOT)}: {name}")
            elif top not in sys.stdlib_module_names and top not in THIRD_PARTY.get(room, {top}):
                wrong.append(f"{path.relative_to(ROOT)}: {name}")
    assert not wrong


@pytest.mark.parametrize("room", sorted(ALL))
def test_no_two_modules_of_a_room_import_each_other(room: str) -> None:
    """Also not inside a function, which only hides it."""
    names = {".".join(("quartermaster", *path.relative_to(ROOT).with_suffix("").parts)) for path in modules_of(room)}
    graph = {
        ".".join(("quartermaster", *path.relative_to(ROOT).with_suffix("").parts)): imports_of(path) & names
        for path in modules_of(room)
    }
    assert len(list(TopologicalSorter(graph).static_order())) == len(names)  # a cycle raises, and names its modules


def test_the_inventory_core_knows_no_web_ui() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in modules_of("extension/inventory")
        for name in imports_of(path)
        if name.partition(".")[0] in {"gradio", "fastapi", "modules"}
    ]
    assert not wrong


def test_the_web_ui_is_known_in_the_host_modules_and_gradio_in_the_panel() -> None:
    """The host modules: what the web UI is, calls into it, what it lists."""
    hosts = {f"extension/webui/{name}.py" for name in ("host", "host_calls", "host_lists")}
    knows = {"modules": hosts, "gradio": {"extension/webui/panel.py"}}
    for package, allowed in knows.items():
        found = {
            path.relative_to(ROOT).as_posix()
            for path in modules_of("extension")
            if any(name.partition(".")[0] == package for name in imports_of(path))
            or any(f'{way}("{package}.' in path.read_text(encoding="utf-8") for way in ("import_module", "_module"))
            or f'import_module(f"{package}.' in path.read_text(encoding="utf-8")
        }
        assert found == allowed


def test_every_room_is_packaged() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    folders = {path.parent for room in ALL for path in modules_of(room)}
    missing = [f for f in folders if f'"quartermaster.{".".join(f.relative_to(ROOT).parts)}"' not in text]
    assert not missing
