"""The command line, with the flags that move model folders."""

import argparse
import os

from modules.paths_internal import data_path, models_path

parser = argparse.ArgumentParser()
parser.add_argument("--port", type=int, default=7860)
parser.add_argument("--data-dir", default=data_path)
parser.add_argument("--models-dir", default=None)
parser.add_argument("--nowebui", action="store_true")
parser.add_argument("--api", action="store_true")
parser.add_argument("--gradio-auth", default="")
parser.add_argument("--gradio-auth-path", default=None)
parser.add_argument("--api-auth", default=None)
parser.add_argument("--subpath", default=None)
parser.add_argument("--ckpt-dir", default=None)
parser.add_argument("--vae-dir", default=None)
parser.add_argument("--text-encoder-dir", default=None)
parser.add_argument("--controlnet-dir", default=None)
parser.add_argument("--lora-dir", default=os.path.join(models_path, "Lora"))
parser.add_argument("--embeddings-dir", default=os.path.join(data_path, "embeddings"))
parser.add_argument("--hypernetwork-dir", default=os.path.join(models_path, "hypernetworks"))
for _kind, _folder in [("esrgan", "ESRGAN"), ("realesrgan", "RealESRGAN"), ("dat", "DAT"), ("swinir", "SwinIR")]:
    parser.add_argument(f"--{_kind}-models-path", default=os.path.join(models_path, _folder))
cmd_opts = parser.parse_args()
