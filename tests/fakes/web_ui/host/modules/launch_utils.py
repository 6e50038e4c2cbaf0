import importlib.util
import subprocess
import sys


def is_installed(package):
    try:
        return importlib.util.find_spec(package) is not None
    except ModuleNotFoundError:
        return False


def run(command, desc=None, errdesc=None, custom_env=None, live=False):
    done = subprocess.run(command, shell=True, capture_output=True, text=True, env=custom_env, check=False)  # noqa: S602
    if done.returncode:
        raise RuntimeError(f"{errdesc or 'Error running command'}.\n{done.stdout}{done.stderr}")
    return done.stdout


def run_pip(command, desc=None, live=False):
    return run(f'"{sys.executable}" -m pip {command} --prefer-binary', desc=f"Installing {desc}")


def git_tag():
    from modules import shared

    return "f2.0.1v1.10.1-previous-1-gstandin" if shared.is_forge else "v1.10.1"
