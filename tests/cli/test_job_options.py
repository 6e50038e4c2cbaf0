import argparse
from pathlib import Path

import pytest
from quartermaster.cli.job_options import add_job_arguments, jobs_of
from quartermaster.cli.main import main
from quartermaster.cli.output import CommandError
from quartermaster.tests.fakes.sdapi.server import running


def options(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_job_arguments(parser)
    return parser.parse_args(arguments)


def test_jobs_are_taken_only_when_asked_for() -> None:
    assert jobs_of(options()) is None
    jobs = jobs_of(options("--take-jobs", "--job-hours", "Fri 22:00-7:00"))
    assert jobs is not None and (jobs.terms().takes, jobs.terms().hours.text) == (True, "fri 22:00-07:00")


def test_the_engine_is_the_web_ui_with_its_login(tmp_path: Path) -> None:
    login = tmp_path / "login"
    login.write_text("user:word")
    login.chmod(0o600)
    with running(tmp_path / "ui", auth="user:word") as web_ui:
        jobs = jobs_of(options("--take-jobs", "--web-ui", web_ui.address, "--web-ui-auth-file", str(login)))
        assert jobs is not None
        engine = jobs.engine()
        assert engine.busy() is None
        engine.close()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--job-hours", "22:00-07:00"], "add --take-jobs"),
        (["--take-jobs", "--web-ui", "http://user:word@127.0.0.1:7860"], "without a user name"),
        (["--take-jobs", "--web-ui", "7860"], "set one like"),
        (["--take-jobs", "--web-ui-auth-file", "/nowhere/at/all"], "cannot be read"),
    ],
)
def test_what_cannot_be_used_says_what_to_do(arguments: list[str], says: str) -> None:
    with pytest.raises(CommandError, match=says):
        jobs_of(options(*arguments))


def test_wrong_hours_end_the_command(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["agent", "--models", str(tmp_path), "--take-jobs", "--job-hours", "22-07"])
    assert ended.value.code == 2 and "write it like 22:00-07:00" in capsys.readouterr().err


def test_an_agent_that_runs_once_runs_no_jobs(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["agent", "--models", str(tmp_path), "--once", "--take-jobs"]) == 2
    assert "--once" in capsys.readouterr().err
