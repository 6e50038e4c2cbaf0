import re

import pytest
from quartermaster.hub_client import DEFAULT_HUB_ADDRESS, AddressError, read_address


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://attic:7807", "http://attic:7807"),
        ("  http://attic:7807/\n", "http://attic:7807"),
        ("https://example.org/hub/", "https://example.org/hub"),
        ("HTTP://Attic", "http://attic"),
        ("http://[::1]:7807", "http://[::1]:7807"),
        (DEFAULT_HUB_ADDRESS, DEFAULT_HUB_ADDRESS),
    ],
)
def test_an_address_is_read(text: str, url: str) -> None:
    assert read_address(text).url == url


@pytest.mark.parametrize(
    "text",
    [
        "", "attic:7807", "attic", "ftp://attic", "http://", "http://attic:port", "http://attic:99999", "http://attic:0",
        "http://[::1", "http://at tic", "http://attic/\x1b[2J", "file:///etc/passwd", "http://attic?x=1", "http://attic#x",
    ],
)  # fmt: skip
def test_anything_else_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(AddressError, match=re.escape(DEFAULT_HUB_ADDRESS)):
        read_address(text)


@pytest.mark.parametrize("text", ["http://me:hunter2@attic:7807", "http://hunter2@attic", "ftp://me:hunter2@attic"])
def test_a_login_in_an_address_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(AddressError) as caught:
        read_address(text)
    assert "hunter2" not in str(caught.value)
    assert "key" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "loopback"),
    [
        ("http://127.0.0.1:7807", True),
        ("http://127.8.9.1", True),
        ("http://[::1]:7807", True),
        ("http://localhost", True),
        ("http://hub.localhost", True),
        ("http://attic", False),
        ("http://192.168.0.3", False),
        ("http://localhost.example.org", False),
    ],
)
def test_loopback_is_this_machine_only(text: str, loopback: bool) -> None:
    assert read_address(text).is_loopback is loopback
