"""What docs/operations.md shows is real: its commands, settings, metrics and files."""

import argparse
import configparser
import json
import re
import shlex

import pytest
import yaml
from quartermaster.cli.main import build_parser
from quartermaster.hub.limits import Limits
from quartermaster.hub.settings import ENVIRONMENT_PREFIX, HubSettings
from quartermaster.tests.hub.samples import REPOSITORY, Api

TEXT = (REPOSITORY / "docs" / "operations.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    found = re.findall(rf"```{language}\n(.*?)```", TEXT, re.DOTALL)
    assert found, f"no block of {language}"
    return found


def parsed(words: list[str]) -> argparse.Namespace:
    """Return what the command line makes of an argument list; it exits where that is wrong."""
    return build_parser(words[0]).parse_args(words)


def unit(text: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # as systemd has it: case counts
    parser.read_string(text)
    return parser


def compose() -> dict[str, dict[str, dict[str, object]]]:
    (found,) = [loaded for block in blocks("yaml") if "services" in (loaded := yaml.safe_load(block))]
    return found


def test_every_command_is_one_of_the_command_line() -> None:
    commands = re.findall(r"(?:^    |`|exec hub )quartermaster (hub [^`#\n]+)", TEXT, re.MULTILINE)
    assert len(commands) >= 6
    actions = {
        parsed(shlex.split(command) + (["x"] if command == "hub restore" else [])).action for command in commands
    }
    assert actions >= {"serve", "backup", "restore", "migrate", "login"}


def test_the_units_run_commands_that_are_there() -> None:
    service, backup = (unit(block) for block in blocks("ini"))
    program, *words = shlex.split(service["Service"]["ExecStart"])
    options = parsed(words)
    assert program.endswith("/bin/quartermaster")
    assert (options.action, options.data, options.log_format) == ("serve", "/var/lib/quartermaster", "json")
    assert options.data == f"/var/lib/{service['Service']['StateDirectory']}"
    assert parsed(shlex.split(backup["Service"]["ExecStart"])[1:]).action == "backup"
    assert service["Install"]["WantedBy"] == "multi-user.target"


def test_the_windows_task_runs_a_command_that_is_there() -> None:
    (script,) = blocks("powershell")
    (arguments,) = re.findall(r'-Argument "([^"]+)"', script)
    assert parsed(arguments.split(" ")).action == "serve"


def test_the_image_runs_a_command_that_is_there() -> None:
    (file,) = blocks("dockerfile")
    program, words = (json.loads(re.search(rf"^{name} (.*)$", file, re.MULTILINE)[1]) for name in ("ENTRYPOINT", "CMD"))  # type: ignore[index]  # it is there
    assert program == ["quartermaster"]
    options = parsed(words)
    assert (options.action, options.host) == ("serve", "0.0.0.0")  # noqa: S104 (compared, not bound)
    assert f"EXPOSE {options.port}" in file and f"VOLUME {options.data}" in file


def test_the_compose_file_fits_together() -> None:
    services = compose()["services"]
    db, hub = services["db"], services["hub"]
    environment, volumes = hub["environment"], compose()["volumes"]
    assert isinstance(environment, dict) and isinstance(db["environment"], dict) and isinstance(db["volumes"], list)
    user, name = db["environment"]["POSTGRES_USER"], db["environment"]["POSTGRES_DB"]
    url = environment["QUARTERMASTER_DATABASE_URL"].replace("${POSTGRES_PASSWORD:?}", "word")
    assert url == f"postgresql://{user}:word@db/{name}"
    assert HubSettings.from_environment(REPOSITORY, {**environment, "QUARTERMASTER_DATABASE_URL": url})
    assert hub["depends_on"] == {"db": {"condition": "service_healthy"}} and hub["volumes"] == ["hub:/data"]
    assert set(volumes) == {"hub", "db"} and db["volumes"][0].startswith("db:")


def test_every_setting_that_is_named_is_one() -> None:
    known = {ENVIRONMENT_PREFIX + name.upper() for name in HubSettings.__dataclass_fields__}
    assert set(re.findall(r"QUARTERMASTER_[A-Z_]+", TEXT)) <= known


@pytest.mark.parametrize("language", ["nginx", "caddy"])
def test_the_proxies_let_through_what_the_hub_takes_and_streams(language: str) -> None:
    (config,) = blocks(language)
    assert config.count("{") == config.count("}")
    size = {"nginx": "client_max_body_size 64m", "caddy": "max_size 64MiB"}[language]
    assert size in config and Limits().body_bytes == 64 << 20
    assert {"nginx": "proxy_buffering off", "caddy": "flush_interval -1"}[language] in config


def test_the_metrics_are_those_that_there_are(api: Api) -> None:
    shown = {
        name.removesuffix("_created")
        for name in re.findall(r"^# TYPE (quartermaster_\w+) ", api.get("/metrics").text, re.MULTILINE)
        if not name.endswith("_created")
    }
    named = set(re.findall(r"`(quartermaster_\w+)`", TEXT))
    assert named == shown


def test_the_prometheus_example_is_as_the_hub_wants_it(api: Api) -> None:
    (scrape,) = [loaded for block in blocks("yaml") if "scrape_configs" in (loaded := yaml.safe_load(block))]
    assert scrape["scrape_configs"][0]["authorization"]["type"] == "Bearer"
    assert api.get("/metrics").status_code == 200
