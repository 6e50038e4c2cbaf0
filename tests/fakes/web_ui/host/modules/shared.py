"""What the whole process shares."""

import os
import threading
import time

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
        self.textinfo = self.current_image = None
        self.id_live_preview = 0
        self.time_start = 0.0
        self._asked = threading.Event()
        self._command: str | None = None

    def begin(self, job: str = "(unknown)") -> None:
        self.job, self.job_count, self.job_no, self.interrupted = job, -1, 0, False
        self.sampling_step, self.current_image, self.time_start = 0, None, time.time()

    def end(self) -> None:
        self.job, self.job_count = "", 0

    def interrupt(self) -> None:
        self.interrupted = True

    def set_current_image(self) -> None:
        """The hosts decode the latent image here; ours is one already."""

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
_outputs = os.path.join(data_path, "outputs")
for _key, _default, _infotext in [
    ("sd_model_checkpoint", None, "Model hash"), ("sd_checkpoint_hash", "", None), ("sd_vae", "Automatic", "VAE"),
    ("samples_format", "png", None), ("samples_save", True, None), ("forge_additional_modules", [], None),
    ("control_net_models_path", "", None), ("forge_preset", "sd", None),
    ("extra_networks_default_multiplier", 1.0, None), ("CLIP_stop_at_last_layers", 1, "Clip skip"),
    ("eta_noise_seed_delta", 0, "ENSD"), ("outdir_txt2img_samples", os.path.join(_outputs, "txt2img-images"), None),
    ("outdir_img2img_samples", os.path.join(_outputs, "img2img-images"), None),
]:  # fmt: skip
    opts.add_option(_key, OptionInfo(_default, _key, section=("sd", "Stable Diffusion"), infotext=_infotext))
opts.load(config_filename)


def refresh_checkpoints() -> None:
    from modules import sd_models

    sd_models.list_models()
