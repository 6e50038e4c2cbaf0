"""The doorway in an interpreter of its own, beside a rival extension, in both hosts' ways of loading scripts."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

HOST = """
import importlib.util, json, sys, types
sys.path[:] = [path for path in sys.path if path != {root!r}]
sys.modules.pop("quartermaster", None)
shared = types.ModuleType("modules.shared")
shared.cmd_opts = types.SimpleNamespace()
shared.state = types.SimpleNamespace(job="", job_count=0)
shared.opts = types.SimpleNamespace(data={{}}, add_option=lambda key, info: None)
shared.OptionInfo = lambda *given, **named: None
paths = types.ModuleType("modules.paths")
paths.data_path = paths.models_path = {data!r}
hooks = types.ModuleType("modules.script_callbacks")
called = []
for name in ("ui_settings", "ui_tabs", "app_started", "script_unloaded", "before_reload", "after_component"):
    setattr(hooks, "on_" + name, lambda function, name=name, **more: called.append(name))
sys.modules.update({{"modules": types.ModuleType("modules"), "modules.shared": shared, "modules.paths": paths,
                     "modules.script_callbacks": hooks}})

def load(extension, script):
    sys.path.insert(0, extension)
    spec = importlib.util.spec_from_file_location("script", extension + "/scripts/" + script)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if not {keeps_path!r}:  # Forge leaves each extension's folder on the path, A1111 takes it away again
        sys.path.remove(extension)
    return module

extensions = [({ours!r}, "quartermaster.py"), ({rival!r}, "rival.py")]
if {rival_first!r}:
    extensions.reverse()
loaded = dict((script, load(extension, script)) for extension, script in extensions)
import quartermaster.extension.webui.service  # what is imported late must be found as well
from quartermaster.extension.webui import life
print(json.dumps({{
    "hooks": called,
    "ours": sys.modules["quartermaster"].__file__,
    "rival": loaded["rival.py"].FOUND,
    "added": sorted(n for n in ("extension", "hub_client", "ecosystems") if n in sys.modules
                    and {root!r} in str(getattr(sys.modules[n], "__file__", ""))),
    "life": life._life is not None,
    "gradio": "gradio" in sys.modules,
}}))
"""


@pytest.mark.parametrize("keeps_path", [True, False], ids=["forge", "a1111"])
@pytest.mark.parametrize("rival_first", [True, False], ids=["rival-first", "we-first"])
def test_it_stands_beside_a_rival_with_packages_of_the_same_names(
    tmp_path: Path, keeps_path: bool, rival_first: bool
) -> None:
    rival = tmp_path / "rival"
    for name in ("extension", "hub_client", "ecosystems"):
        (rival / name).mkdir(parents=True)
        (rival / name / "__init__.py").write_text(f"WHO = 'rival {name}'")
    (rival / "scripts").mkdir()
    lines = "import extension, hub_client, ecosystems\nFOUND = [m.WHO for m in (extension, hub_client, ecosystems)]\n"
    (rival / "scripts" / "rival.py").write_text(lines)
    ours = tmp_path / "sd webui quartermaster"  # whatever the clone's folder is called
    os.symlink(ROOT, ours, target_is_directory=True)
    code = HOST.format(
        root=str(ROOT), data=str(tmp_path), keeps_path=keeps_path, ours=str(ours), rival=str(rival),
        rival_first=rival_first,
    )  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert sorted(found["hooks"]) == ["after_component", "app_started", "script_unloaded", "ui_settings", "ui_tabs"]
    assert Path(found["ours"]).resolve() == ROOT / "__init__.py"
    assert found["rival"] == ["rival extension", "rival hub_client", "rival ecosystems"]
    assert found["added"] == []
    assert found["life"]
    assert not found["gradio"]


def test_the_doorway_is_no_package() -> None:
    assert not (ROOT / "scripts" / "__init__.py").exists()
