import json
from pathlib import Path

import pytest
import responses
from quartermaster.ecosystems.load import digest, document_of, load_default
from quartermaster.extension.catalogue import CatalogueKeeper, best_catalogue
from quartermaster.hub_client import NO_RETRY, HubClient, HubError

HUB = "http://hub:7807"


def serve(content: object) -> None:
    responses.get(f"{HUB}/api/v1/ecosystems", json={"success": True, "catalogue": content})


def newer() -> dict[str, object]:
    document = document_of(load_default())
    return {**document, "catalogue": {**document["catalogue"], "version": "2099.01.01"}}


@responses.activate
def test_a_newer_catalogue_of_the_hub_is_kept_and_used(tmp_path: Path) -> None:
    serve(newer())
    keeper = CatalogueKeeper(tmp_path)
    for _ in range(2):
        keeper.keep_up(HubClient(HUB), "a" * 64)
    assert len(responses.calls) == 1
    assert best_catalogue(tmp_path).version == "2099.01.01"


@responses.activate
def test_the_catalogue_that_is_shipped_is_not_fetched(tmp_path: Path) -> None:
    CatalogueKeeper(tmp_path).keep_up(HubClient(HUB), digest(load_default()))
    assert len(responses.calls) == 0


@responses.activate
@pytest.mark.parametrize("rubbish", [None, [], {"version": "2099.02.02"}, "text"])
def test_rubbish_does_not_replace_the_last_good_one(tmp_path: Path, rubbish: object) -> None:
    serve(newer())
    keeper = CatalogueKeeper(tmp_path)
    keeper.keep_up(HubClient(HUB), "a" * 64)
    responses.reset()
    serve(rubbish)
    keeper.keep_up(HubClient(HUB), "b" * 64)
    assert best_catalogue(tmp_path).version == "2099.01.01"


@responses.activate
def test_a_hub_that_fails_is_asked_again(tmp_path: Path) -> None:
    responses.get(f"{HUB}/api/v1/ecosystems", status=500, body=json.dumps({}))
    keeper = CatalogueKeeper(tmp_path)
    with pytest.raises(HubError):
        keeper.keep_up(HubClient(HUB, retry=NO_RETRY), "a" * 64)
    responses.reset()
    serve(newer())
    keeper.keep_up(HubClient(HUB), "a" * 64)
    assert best_catalogue(tmp_path).version == "2099.01.01"
