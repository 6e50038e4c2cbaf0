"""Whatever happens in between, hub, agents and disk end equal. See docs/testing.md for more sequences, and by seed."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis.stateful import run_state_machine_as_test
from quartermaster.hub_client import Credentials
from quartermaster.tests.convergence.conftest import SEQUENCES, SHRINK
from quartermaster.tests.convergence.machine import MACHINES, Machine

PARTS = 12
"""Tests that share the sequences, so that several processes may work on them."""
STEPS = 40
PARTS_OF_TWO_AGENTS = 3


def run(machine: str, hub: tuple[Path, Credentials], seed_: int, sequences: int) -> None:
    fresh, key = hub
    kind = type(f"Machine{machine}", (Machine,), {"fresh": fresh, "key": key, "servers": MACHINES[machine]})
    how = settings(
        max_examples=sequences,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        print_blob=True,
        verbosity=Verbosity.normal,
        phases=(Phase.generate, Phase.shrink) if SHRINK else (Phase.generate,),
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(seed(seed_)(kind), settings=how)


@pytest.mark.parametrize("part", range(PARTS))
def test_an_agent_and_its_hub_converge(part: int, fresh_hub: tuple[Path, Credentials], seed_of_run: int) -> None:
    run("one", fresh_hub, seed_of_run * 1000 + part, -(-SEQUENCES // PARTS))


@pytest.mark.parametrize("part", range(PARTS_OF_TWO_AGENTS))
def test_two_agents_of_one_machine_converge(part: int, fresh_hub: tuple[Path, Credentials], seed_of_run: int) -> None:
    run("two", fresh_hub, seed_of_run * 1000 + 500 + part, -(-SEQUENCES // 5 // PARTS_OF_TWO_AGENTS))
