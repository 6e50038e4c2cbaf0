import argparse
import json
import threading
from pathlib import Path

import pytest
from quartermaster.cli.connection import configure_hub, exit_code, hub_of
from quartermaster.cli.output import ABORTED, NO, UNREACHABLE, WRONG_USE, CommandError
from quartermaster.hub_client import (
    DEFAULT_HUB_ADDRESS,
    AddressError,
    BadAnswerError,
    ConflictError,
    CredentialsError,
    ForbiddenError,
    HubError,
    InvalidRequestError,
    NotFoundError,
    RateLimitedError,
    ServerFaultError,
    StoppedError,
    TimedOutError,
    UnauthorisedError,
    UnreachableError,
)


def parsed(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    configure_hub(parser)
    return parser.parse_args(arguments)


@pytest.mark.parametrize(
    ("arguments", "environ", "address"),
    [
        ((), {}, DEFAULT_HUB_ADDRESS),
        ((), {"QUARTERMASTER_HUB": ""}, DEFAULT_HUB_ADDRESS),
        ((), {"QUARTERMASTER_HUB": "http://attic:7807/"}, "http://attic:7807"),
        (("--hub", "http://cellar:7807"), {"QUARTERMASTER_HUB": "http://attic:7807"}, "http://cellar:7807"),
    ],
)
def test_the_address_is_the_options_else_the_environments_else_our_own(
    arguments: tuple[str, ...], environ: dict[str, str], address: str
) -> None:
    with hub_of(parsed(*arguments), environ=environ) as hub:
        assert hub.address == address


def test_a_key_file_is_used(tmp_path: Path) -> None:
    path = tmp_path / "key.json"
    with pytest.raises(CommandError, match=r"key\.json") as caught, hub_of(parsed("--key-file", str(path)), environ={}):
        pass
    assert caught.value.exit_code == WRONG_USE
    path.write_text(json.dumps({"key": "k", "secret": "s"}), encoding="utf-8")
    path.chmod(0o600)
    with hub_of(parsed("--key-file", str(path)), environ={}):
        pass


@pytest.mark.parametrize(
    ("arguments", "environ"),
    [(("--hub", "attic"), {}), (("--hub", "http://me:pw@attic"), {}), ((), {"QUARTERMASTER_API_KEY": "k"})],
)
def test_an_address_or_key_that_cannot_be_used_is_wrong_use(
    arguments: tuple[str, ...], environ: dict[str, str]
) -> None:
    with pytest.raises(CommandError) as caught, hub_of(parsed(*arguments), environ=environ):
        pass
    assert caught.value.exit_code == WRONG_USE


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UnreachableError("x"), UNREACHABLE),
        (TimedOutError("x"), UNREACHABLE),
        (BadAnswerError("x"), UNREACHABLE),
        (ServerFaultError("x", status=500), UNREACHABLE),
        (RateLimitedError("x", status=429), UNREACHABLE),
        (NotFoundError("x", status=404), NO),
        (ConflictError("x", status=409), NO),
        (UnauthorisedError("x", status=401), WRONG_USE),
        (ForbiddenError("x", status=403), WRONG_USE),
        (InvalidRequestError("x", status=422), WRONG_USE),
        (AddressError("x"), WRONG_USE),
        (CredentialsError("x"), WRONG_USE),
        (StoppedError("x"), ABORTED),
    ],
)
def test_an_error_of_the_hub_has_its_exit_code(error: HubError, code: int) -> None:
    assert exit_code(error) == code
    with pytest.raises(CommandError, match="x") as caught, hub_of(parsed(), environ={}):
        raise error
    assert caught.value.exit_code == code


def test_a_command_can_be_stopped_while_it_asks() -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(CommandError) as caught, hub_of(parsed(), stop=stop, environ={}) as hub:
        hub.healthz()
    assert caught.value.exit_code == ABORTED
