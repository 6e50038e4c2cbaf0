"""What the whole process shares."""

import os
import threading

from modules.options import OptionInfo, Options, options_section  # noqa: F401
from modules.paths_internal import data_path, extensions_builtin_dir, extensions_dir, models_path, script_path  # noqa: F401
from modules.shared_cmd_options import cmd_opts  # noqa: F401

config_filename = os.path.join(data_path, "config.json")
opts = Options()
demo = None
hide_dirs = {"visible": True}
options_templates: dict[str, OptionInfo] = {}
sd_model = None
is_forge = os.path.isdir(os.path.join(script_path, "modules_forge"))


class State:
    """What the process is doing just now, and what it was asked to do."""

    def __init__(self) -> None:
        self.job = ""
        self.job_count = self.job_no = 0
        self.sampling_step = self.sampling_steps = 0
        self.interrupted = self.skipped = False
        self._asked = threading.Event()
        self._command: str | None = None

    def begin(self, job: str = "(unknown)") -> None:
        self.job, self.job_count, self.job_no, self.interrupted = job, 1, 0, False

    def end(self) -> None:
        self.job, self.job_count = "", 0

    def interrupt(self) -> None:
        self.interrupted = True

    @property
    def need_restart(self) -> bool:
        return self._command == "restart"

    def request_restart(self) -> None:
        self._command = "restart"
        self._asked.set()

    def wait_for_server_command(self, timeout: float | None = None) -> str | None:
        if not self._asked.wait(timeout):
            return None
        self._asked.clear()
        command, self._command = self._command, None
        return command


state = State()
for _key, _default in [("sd_model_checkpoint", None), ("sd_checkpoint_hash", ""), ("sd_vae", "Automatic"),
                       ("samples_format", "png"), ("forge_additional_modules", []), ("control_net_models_path", ""),
                       ("forge_preset", "sd"), ("extra_networks_default_multiplier", 1.0)]:  # fmt: skip
    opts.add_option(_key, OptionInfo(_default, _key, section=("sd", "Stable Diffusion")))
opts.load(config_filename)


def refresh_checkpoints() -> None:
    from modules import sd_models

    sd_models.list_models()
