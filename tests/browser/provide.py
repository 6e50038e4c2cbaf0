"""The browser that the tests drive: an installed one, else Playwright's own, else the distribution's.

Run as a program it sees to it that there is one (``dev.py test`` does), and exits 1 with a sentence where it cannot.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from playwright.sync_api import sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "microsoft-edge", "chrome", "msedge")
PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    r"%ProgramFiles%\Google\Chrome\Application\chrome.exe",
    r"%ProgramFiles(x86)%\Google\Chrome\Application\chrome.exe",
    r"%LocalAppData%\Google\Chrome\Application\chrome.exe",
    r"%ProgramFiles(x86)%\Microsoft\Edge\Application\msedge.exe",
)


def candidates() -> Iterator[str]:
    """Yield every browser of this machine that Playwright's Chromium driver can drive."""
    for name in NAMES:
        found = shutil.which(name)
        if found:
            yield found
    yield from (place for place in map(os.path.expandvars, PLACES) if Path(place).is_file())
    with sync_playwright() as playwright:
        own = playwright.chromium.executable_path
    if Path(own).is_file():
        yield own


def find() -> str | None:
    """Return the path of a browser that is there, or None."""
    return next(candidates(), None)


def provide() -> str:
    """Return the path of a browser, fetching one where there is none.

    Raises:
        SystemExit: none could be had; the message says what to install.
    """
    found = find()
    if found:
        return found
    print("No Chromium, Chrome or Edge here: fetching Playwright's …", file=sys.stderr, flush=True)
    subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=False)
    if find() is None and shutil.which("apt-get") and getattr(os, "geteuid", lambda: 1)() == 0:
        print("That failed: installing the distribution's chromium …", file=sys.stderr, flush=True)
        for command in (["apt-get", "update", "-q"], ["apt-get", "install", "-y", "-q", "chromium"]):
            subprocess.run(command, check=False, env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"})
    found = find()
    if found is None:
        raise SystemExit("The browser tests need Chromium, Chrome or Edge. Install one of them and try again.")
    return found


if __name__ == "__main__":
    provide()
