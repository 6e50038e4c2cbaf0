"""All claims about the files of one agent: what the web UI's caches and the sidecars say, in one answer."""

import logging
import os
from collections.abc import Iterable
from pathlib import Path

from ..inventory.completeness import is_whole
from ..inventory.index import Facts
from ..inventory.record import Record
from .claim import Claim, LocalFile
from .sidecar_claim import sidecar_claim
from .sidecars import read_sidecars
from .web_ui_caches import HashReader, WebUICaches

log = logging.getLogger(__name__)


def find_claims(models: str | None, records: Iterable[Record], hashes: HashReader | None = None) -> dict[str, Facts]:
    """Return what is claimed of some files, by path.

    The web UI's caches are read once, and each folder is listed once; a sidecar is believed only for a file that is as
    long as its own header promises.

    Args:
        models: the folder that the agent was given: a web UI's root, or its ``models`` folder.
        records: all files that may share a key in a cache, whether or not a claim is wanted for them.
        hashes: in a web UI's process, its own cache, which is read in place of the files of one.
    """
    wanted = {record.path: _local_file(record) for record in records}
    if hashes is not None:
        claims = WebUICaches.from_reader(hashes).claims_for(wanted.values())
    else:
        claims = _from_caches(models, wanted)
    by_folder: dict[str, list[LocalFile]] = {}
    for path, file in wanted.items():
        if path not in claims:
            by_folder.setdefault(os.path.dirname(path), []).append(file)
    for folder, files in by_folder.items():
        claims.update(_from_sidecars(folder, files))
    return {
        path: Facts(claim.sha256, claim.tensor_sha256, hash_state="claimed", source=claim.source)
        for path, claim in claims.items()
    }


def _from_caches(models: str | None, files: dict[str, LocalFile]) -> dict[str, Claim]:
    if models is None:
        return {}
    base = Path(models).expanduser().absolute()
    for web_ui in (base, base.parent):
        caches = WebUICaches.find(web_ui)
        for note in caches.notes:
            log.warning("%s", note)
        if caches.readers:
            return caches.claims_for(files.values())
    return {}


def _from_sidecars(folder: str, files: list[LocalFile]) -> dict[str, Claim]:
    try:
        names = frozenset(os.listdir(folder))
    except OSError:
        return {}
    found = {}
    for file in files:
        claim = sidecar_claim(file, read_sidecars(file.path, names), names)
        if claim is not None and is_whole(file.path):
            found[file.path] = claim
    return found


def _local_file(record: Record) -> LocalFile:
    found = record.found
    return LocalFile(record.path, record.kind, record.relative, found.size, found.mtime_ns, (found.device, found.inode))
