"""What all sequences start from: the data folder of an empty hub, and a seed."""

import os
from pathlib import Path

import pytest
from quartermaster.hub_client import Credentials
from quartermaster.tests.convergence.hub_house import make_fresh

SEQUENCES = int(os.environ.get("QUARTERMASTER_SEQUENCES", "300"))
"""How many sequences run in all; a few more, where they do not divide evenly."""

SHRINK = os.environ.get("QUARTERMASTER_SHRINK", "") == "1"
"""Whether a sequence that fails is made shorter first, which takes minutes."""


@pytest.fixture(scope="session")
def fresh_hub(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Credentials]:
    """The data folder of a hub that knows nobody but the key beside it; each sequence copies it."""
    folder = tmp_path_factory.mktemp("fresh") / "hub"
    return folder, make_fresh(folder)


@pytest.fixture
def seed_of_run(request: pytest.FixtureRequest) -> int:
    """The number that decides all sequences: ``--hypothesis-seed``, 1 where none is given."""
    given = request.config.getoption("--hypothesis-seed", default=None)
    return int(given) if given not in {None, "random"} else int.from_bytes(os.urandom(4)) if given else 1
