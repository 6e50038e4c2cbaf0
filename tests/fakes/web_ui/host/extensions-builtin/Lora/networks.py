"""The LoRAs that the host lists."""

import os

from modules import shared

available_networks = {}


class NetworkOnDisk:
    def __init__(self, name, filename):
        self.name, self.filename, self.alias, self.metadata, self.hash = name, filename, name, {}, ""

    def get_alias(self):
        return self.alias


def list_available_networks():
    """List them anew; of two with one base name the last wins, as on the hosts."""
    available_networks.clear()
    for place, _, names in sorted(os.walk(shared.cmd_opts.lora_dir, followlinks=True)):
        for name in sorted(names):
            base, end = os.path.splitext(name)
            if end in {".safetensors", ".pt", ".ckpt"}:
                available_networks[base] = NetworkOnDisk(base, os.path.join(place, name))
