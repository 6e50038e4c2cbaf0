"""``python -m quartermaster``: the console script without a script."""

from .cli.main import run

run()
