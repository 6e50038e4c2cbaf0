import argparse
import os
from pathlib import Path

import pytest
from quartermaster.cli.folders import add_data_argument, add_folder_arguments, home_of, named_roots_of
from quartermaster.cli.output import CommandError


def parsed(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_folder_arguments(parser)
    add_data_argument(parser, "things")
    return parser.parse_args(arguments)


def test_without_arguments_there_are_no_folders() -> None:
    options = parsed()
    assert (options.models, options.root, options.exclude, options.never_share) == (None, [], [], [])
    assert named_roots_of(options) == ()


def test_roots_patterns_and_private_folders_may_be_repeated() -> None:
    options = parsed("--root", "lora=/a", "--root=auto=/b=c", "--exclude", "*.ckpt", "--exclude=x", "--never-share=/p")
    assert named_roots_of(options) == (("LORA", os.path.abspath("/a")), (None, os.path.abspath("/b=c")))
    assert (options.exclude, options.never_share) == (["*.ckpt", "x"], ["/p"])


@pytest.mark.parametrize("root", ["/data/loras", "Nonsense=/data", "LORA=", "LORA= ", "=/data"])
def test_a_root_that_is_none_is_wrong_use_and_said_with_what_is_right(root: str) -> None:
    with pytest.raises(CommandError, match=r"KIND=PATH|Kinds: auto|names no folder") as caught:
        named_roots_of(parsed("--root", root))
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("option", ["--models", "--data"])
def test_a_variable_that_was_not_set_is_not_the_working_folder(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        parsed(option, " ")
    assert caught.value.code == 2
    assert "names no folder" in capsys.readouterr().err


def test_our_data_is_where_the_option_else_the_environment_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "me"))
    monkeypatch.setenv("QUARTERMASTER_HOME", str(tmp_path / "env"))
    assert home_of(parsed()) == tmp_path / "env"
    assert home_of(parsed("--data", "here")) == tmp_path / "here"
    if os.name == "posix":
        assert home_of(parsed("--data", "~/qm")) == tmp_path / "me" / "qm"


@pytest.mark.skipif(os.name == "nt", reason="Windows knows no ~user")
def test_a_home_that_nobody_has_is_wrong_use() -> None:
    with pytest.raises(CommandError) as caught:
        home_of(parsed("--data", "~no-such-user-here/qm"))
    assert caught.value.exit_code == 2
