"""What holds for every test: hypothesis draws the same examples each time, and no example has a deadline.

A run that drew others would fail, now and then, for a change that has nothing to do with it. Others are drawn on
demand: ``python3 dev.py test --hypothesis-seed=random tests``.
"""

import pytest
from hypothesis import settings


def pytest_configure(config: pytest.Config) -> None:
    """Choose how hypothesis draws."""
    drawn_anew = config.getoption("--hypothesis-seed", default=None) is not None
    settings.register_profile("quartermaster", deadline=None, derandomize=not drawn_anew)
    settings.load_profile("quartermaster")
