"""Images of jobs over HTTP: who may hand them over, what is taken, and how they are fetched."""

import gzip
import hashlib
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from quartermaster.hub.errors import ConflictError, FieldError
from quartermaster.hub.jobs import images
from quartermaster.hub.jobs.images import Made, read_made, settle
from quartermaster.hub.jobs.job import CANCELLED, COMPLETED, FAILED, PENDING
from quartermaster.hub.limits import MIB
from quartermaster.hub.schema import job_image_parts, job_images, jobs
from quartermaster.tests.hub.jobs.rows import LEASE, change_job, png, put_job
from quartermaster.tests.hub.samples import Api, until
from sqlalchemy import func, select

WEBP = b"RIFF\x1a\x00\x00\x00WEBPVP8L" + b"\x00" * 20
AVIF = b"\x00\x00\x00\x1cftypavif" + b"\x00" * 20
JPEG = b"\xff\xd8\xff\xe0" + b"\x00" * 20


@pytest.fixture
def agent(api: Api) -> Api:
    return api.with_key("agent", "attic")


def hand_over(
    agent: Api, job: str, n: object = 0, content: bytes | Iterator[bytes] = b"", **headers: str
) -> requests.Response:
    sent = {"Content-Type": "image/png", "X-Job-Lease": LEASE, **{k.replace("_", "-"): v for k, v in headers.items()}}
    return agent.call("PUT", f"/api/v1/jobs/{job}/images/{n}", data=content or png(), headers=sent)


def code_of(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]


def finish(api: Api, job: str, *made: Made) -> None:
    def work(connection: Any) -> None:
        row_id = connection.scalar(select(jobs.c.id).where(jobs.c.public_id == job))
        settle(connection, row_id, 1, made)

    api.hub.database.write(work)
    change_job(api, job, state=COMPLETED, lease=None, finished_at=api.clock())


def made(n: int, content: bytes, infotext: str | None = None) -> Made:
    return Made(n, hashlib.sha256(content).hexdigest(), infotext)


def rows_of(api: Api, table: Any) -> int:
    with api.hub.database.read() as connection:
        return int(connection.scalar(select(func.count()).select_from(table)) or 0)


def test_an_image_is_handed_over_completed_and_fetched(api: Api, agent: Api) -> None:
    job, content = put_job(api), png(2 * MIB + 7)
    digest = hashlib.sha256(content).hexdigest()
    answer = hand_over(agent, job, 0, content).json()
    assert answer == {"success": True, "n": 0, "sha256": digest, "size_bytes": len(content), "repeated": False}
    assert hand_over(agent, job, 0, content).json()["repeated"] is True
    client = api.with_key("client")
    place = f"/api/v2/jobs/{job}/images"
    assert client.get(place).json()["images"] == []
    assert code_of(client.get(f"{place}/0")) == (404, "image_not_found")

    finish(api, job, made(0, content, "a cat\r\nSteps: 20, Model: x\x00\x1b"))
    (told,) = client.get(place).json()["images"]
    assert told["infotext"] == "a cat\nSteps: 20, Model: x  "
    assert (told["url"], told["file_name"]) == (f"{place}/0", f"{job}-0.png")
    assert (told["sha256"], told["size_bytes"], told["deleted_at"]) == (digest, len(content), None)
    fetched = client.get(told["url"])
    assert fetched.content == content
    headers = fetched.headers
    assert (headers["Content-Type"], headers["ETag"]) == ("image/png", f'"{digest}"')
    assert headers["Content-Length"] == str(len(content))
    assert "immutable" in headers["Cache-Control"] and "private" in headers["Cache-Control"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Content-Disposition"] == f'inline; filename="{job}-0.png"'
    again = client.call("GET", told["url"], headers={"If-None-Match": headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert code_of(client.get(f"{place}/1")) == (404, "image_not_found")
    assert code_of(client.get("/api/v2/jobs/nobody/images")) == (404, "job_not_found")


@pytest.mark.parametrize(
    ("content_type", "content"),
    [("image/webp", WEBP), ("image/avif", AVIF), ("image/jpeg; x=y", JPEG), ("IMAGE/PNG", png())],
)
def test_each_kind_of_image_is_taken(api: Api, agent: Api, content_type: str, content: bytes) -> None:
    assert hand_over(agent, put_job(api), 0, content, Content_Type=content_type).status_code == 200


@pytest.mark.parametrize(
    ("content_type", "content", "refused"),
    [
        ("image/svg+xml", b"<svg/>", (415, "unsupported_media_type")),
        ("text/html", b"<html>", (415, "unsupported_media_type")),
        ("image/png", b"<html><script>", (422, "invalid_field")),
        ("image/png", JPEG, (422, "invalid_field")),
        ("image/webp", b"RIFF\x00\x00\x00\x00WAVEfmt ", (422, "invalid_field")),
        ("image/avif", b"\x00\x00\x00\x1cftypmp42", (422, "invalid_field")),
    ],
)
def test_what_is_no_image_is_refused(
    api: Api, agent: Api, content_type: str, content: bytes, refused: tuple[int, str]
) -> None:
    assert code_of(hand_over(agent, put_job(api), 0, content, Content_Type=content_type)) == refused
    assert rows_of(api, job_images) == 0


def test_only_the_holder_of_the_lease_hands_over(api: Api, agent: Api) -> None:
    job = put_job(api)
    lost = hand_over(agent, job, X_Job_Lease="another")
    assert code_of(lost) == (409, "lease_lost")
    assert lost.json()["details"] == {"state": "processing"}
    assert code_of(hand_over(api.with_key("agent", "cellar"), job)) == (403, "forbidden")
    assert code_of(hand_over(api.with_key("client"), job)) == (403, "forbidden")
    assert code_of(hand_over(agent, "nobody")) == (404, "job_not_found")
    for n in (-1, images.MOST_IMAGES, "x", "0x1"):
        assert hand_over(agent, job, n).status_code == 422
    assert agent.call("PUT", f"/api/v1/jobs/{job}/images/0", data=png()).json()["error"] == "missing_required_field"
    for state in (PENDING, CANCELLED, FAILED, COMPLETED):
        change_job(api, job, state=state, lease=None)
        assert hand_over(agent, job).json()["details"] == {"state": state}
    assert rows_of(api, job_images) == 0


def test_an_image_that_is_too_large_is_refused_before_it_is_read(api: Api, agent: Api) -> None:
    job = put_job(api)
    where = urlsplit(api.address)
    head = [f"PUT /api/v1/jobs/{job}/images/0 HTTP/1.1", f"Host: {where.netloc}", "Content-Type: image/png"]
    head += [f"{name}: {value}" for name, value in {**agent.headers, "X-Job-Lease": LEASE}.items()]
    with socket.create_connection((where.hostname, where.port), timeout=60) as connection:
        connection.sendall("\r\n".join([*head, f"Content-Length: {200 * MIB}", "", ""]).encode())
        answer = b""
        while b"body_too_large" not in answer:
            block = connection.recv(65536)
            assert block, answer
            answer += block
    assert answer.startswith(b"HTTP/1.1 413 ")


def test_an_image_that_does_not_say_its_length_is_bounded_too_and_none_comes_packed(api: Api, agent: Api) -> None:
    job = put_job(api)

    def blocks() -> Iterator[bytes]:
        yield png()
        for _ in range(65):
            yield b"\x00" * MIB

    assert code_of(hand_over(agent, job, 0, blocks())) == (413, "body_too_large")
    packed = hand_over(agent, job, 0, gzip.compress(png()), Content_Encoding="gzip")
    assert code_of(packed) == (415, "unsupported_encoding")
    assert rows_of(api, job_images) == 0


def test_the_images_of_a_job_are_bounded_together(api: Api, agent: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MOST_JOB_BYTES", 1000)
    job = put_job(api)
    assert hand_over(agent, job, 0, png(600)).status_code == 200
    assert code_of(hand_over(agent, job, 1, png(600))) == (413, "images_too_large")
    assert hand_over(agent, job, 0, png(700)).status_code == 200, "another one in the place of the first"


def test_images_of_an_attempt_that_was_lost_do_not_count(api: Api, agent: Api) -> None:
    job = put_job(api)
    old, new = png(colour=1), png(colour=2)
    for n in (0, 1):
        assert hand_over(agent, job, n, old).status_code == 200
    change_job(api, job, attempts=2, lease="the second")
    with pytest.raises(ConflictError) as caught:
        settle_attempt(api, job, 2, [made(1, old)])
    assert (caught.value.code, caught.value.details) == ("image_missing", {"missing": [1]})
    assert hand_over(agent, job, 0, new, X_Job_Lease="the second").status_code == 200
    settle_attempt(api, job, 2, [made(0, new)])
    assert (rows_of(api, job_images), rows_of(api, job_image_parts)) == (1, 1)
    with pytest.raises(ConflictError):
        settle_attempt(api, job, 2, [made(0, old)])


def settle_attempt(api: Api, job: str, attempt: int, result: list[Made]) -> None:
    def work(connection: Any) -> None:
        settle(connection, connection.scalar(select(jobs.c.id).where(jobs.c.public_id == job)), attempt, result)

    api.hub.database.write(work)


@pytest.mark.parametrize(
    ("images_field", "field"),
    [
        (None, "images"),
        ({}, "images"),
        ([3], "images[0]"),
        ([{"n": 0}], "images[0].sha256"),
        ([{"n": -1, "sha256": "ab" * 32}], "images[0].n"),
        ([{"n": 0, "sha256": "no"}], "images[0].sha256"),
        ([{"n": 0, "sha256": "ab" * 32, "infotext": 3}], "images[0].infotext"),
        ([{"n": 0, "sha256": "ab" * 32}] * 2, "images[1].n"),
    ],
)
def test_a_result_that_is_none_is_refused(images_field: object, field: str) -> None:
    with pytest.raises(FieldError) as caught:
        read_made({"images": images_field})
    assert caught.value.field == field


def test_an_image_that_is_deleted_while_it_is_sent_is_not_taken_for_whole(api: Api, agent: Api) -> None:
    """More than a socket takes at once, to a client that waits before it reads."""
    job, content = put_job(api), png(40 * MIB)
    assert hand_over(agent, job, 0, content).status_code == 200
    finish(api, job, made(0, content))
    with api.call("GET", f"/api/v2/jobs/{job}/images/0", stream=True) as answer:
        assert answer.status_code == 200
        api.hub.database.write(lambda connection: connection.execute(job_image_parts.delete()))
        with pytest.raises(requests.RequestException):
            _ = answer.content


def test_a_download_does_not_have_the_whole_image_in_memory(
    api: Api, agent: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, content = put_job(api), png(40 * MIB)
    assert hand_over(agent, job, 0, content).status_code == 200
    finish(api, job, made(0, content))
    asked: list[int] = []
    part = api.hub.job_images.part
    monkeypatch.setattr(api.hub.job_images, "part", lambda image, n: (asked.append(n), part(image, n))[1])
    with api.call("GET", f"/api/v2/jobs/{job}/images/0", stream=True) as answer:
        until(lambda: len(asked) > 1)
        assert len(asked) < 40, "it was read to its end before anybody took it"
        assert answer.content == content
    assert asked == list(range(40))
