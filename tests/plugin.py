"""What holds for every test. A plugin and no ``conftest.py``, because those have no say about the folders above them.

Hypothesis draws the same examples each time, and no example has a deadline.

A run that drew others would fail, now and then, for a change that has nothing to do with it. Others are drawn on
demand: ``python3 dev.py test --hypothesis-seed=random tests``.
"""

from pathlib import Path

import pytest
from hypothesis import settings


def pytest_collect_directory(path: Path, parent: pytest.Collector) -> pytest.Collector:
    """Take every folder for a folder.

    pytest would take the repository's own, which has an ``__init__.py``, for a package, and import it under the clone's
    name, which need not be one that Python can import.
    """
    collected: pytest.Collector = pytest.Dir.from_parent(parent, path=path)
    return collected


def pytest_configure(config: pytest.Config) -> None:
    """Choose how hypothesis draws."""
    drawn_anew = config.getoption("--hypothesis-seed", default=None) is not None
    settings.register_profile("quartermaster", deadline=None, derandomize=not drawn_anew)
    settings.load_profile("quartermaster")
