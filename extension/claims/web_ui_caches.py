"""Claims from the hash caches of A1111, Forge and their forks.

Which entries are to be trusted (section ``hashes``; seen in ``modules/hashes.py``, ``modules/sd_models.py`` and
``modules/textual_inversion/textual_inversion.py`` of both):

- ``checkpoint/<path below its folder>`` and ``textual_inversion/<name without suffix>`` are SHA-256 values of whole
  files.
- An entry has no size and belongs to whichever file was hashed under its key last: the ``models/Stable-diffusion``
  and the ``--ckpt-dir`` folder share keys, and so do all embeddings of one name. So it counts only for a file whose
  mtime is exactly the entry's, and only if that is true for one file.
- The section ``hashes-addnet`` is not read: A1111 puts the tensor hash there, Forge the file's, under one key, and a
  hash from the file's own metadata goes before both. VAEs share one key and are left alone.
"""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ..inventory.errors import FileError, FileVanishedError
from .bounded import TooLargeError, read_bounded
from .claim import Claim, LocalFile, as_sha256
from .diskcache_store import StoreError, read_store

SECTION = "hashes"
SOURCE = "web UI cache"
MAX_JSON_BYTES = 256 << 20
"""A1111 keeps the metadata of every LoRA in the same ``cache.json``: real ones reach more than 100 MB."""


class HashReader(Protocol):
    """A section of a web UI's cache: a dict, or inside the web UI what ``modules.cache.cache("hashes")`` returns.

    It should not raise; whoever hands in one that may (a locked database) wraps it.
    """

    def get(self, key: str, /) -> object:
        """Return the entry under a key, None where there is none."""


@dataclass(frozen=True)
class WebUICaches:
    """The hash caches of one web UI, read once.

    ``notes`` says, for people, which cache was there and could not be read.
    """

    readers: tuple[HashReader, ...]
    notes: tuple[str, ...] = ()

    @classmethod
    def find(
        cls, web_ui: Path, *, data_path: Path | None = None, environ: Mapping[str, str] = os.environ
    ) -> "WebUICaches":
        """Read the caches of a web UI from outside of its process.

        Args:
            web_ui: the web UI's root folder.
            data_path: its ``--data-dir``, where it has one.
            environ: may name other places in ``SD_WEBUI_CACHE_DIR`` and ``SD_WEBUI_CACHE_FILE``, as for the web UI.
        """
        data = data_path or web_ui
        folder = Path(environ.get("SD_WEBUI_CACHE_DIR") or data / "cache", SECTION)
        file = Path(environ.get("SD_WEBUI_CACHE_FILE") or data / "cache.json")
        readers: list[HashReader] = []
        notes: list[str] = []
        # The newer web UIs read cache.json once, to fill their store from it, and leave it behind.
        for read in (lambda: read_store(folder), lambda: read_json(file)):
            try:
                readers.append(read())
            except (FileNotFoundError, NotADirectoryError):
                continue
            except StoreError as error:
                notes.append(str(error))
        return cls(tuple(readers), tuple(notes))

    @classmethod
    def from_reader(cls, hashes: HashReader) -> "WebUICaches":
        """Use the section ``hashes`` that a web UI's own ``modules.cache`` handed out, inside its process."""
        return cls((hashes,))

    def claim_for(self, file: LocalFile, rivals: Iterable[LocalFile] = ()) -> Claim | None:
        """Return what the caches say about a file.

        Args:
            file: the file.
            rivals: all other files that may share its key; of them, those that an entry fits as well make it worthless.
        """
        keys = cache_keys(file)
        sharing = [rival for rival in rivals if rival.path != file.path and not keys.isdisjoint(cache_keys(rival))]
        return self._claim(file, sharing)

    def claims_for(self, files: Iterable[LocalFile]) -> dict[str, Claim]:
        """Return the claims about the files of one web UI by path; give it all of them, so that rivals are seen."""
        files = list(files)
        by_key: dict[str, list[LocalFile]] = {}
        for file in files:
            for key in cache_keys(file):
                by_key.setdefault(key, []).append(file)
        claims = {}
        for file in files:
            sharing = [rival for key in cache_keys(file) for rival in by_key[key] if rival is not file]
            claim = self._claim(file, sharing)
            if claim:
                claims[file.path] = claim
        return claims

    def _claim(self, file: LocalFile, sharing: list[LocalFile]) -> Claim | None:
        for rival in sharing:
            one_file = rival.identity is not None and rival.identity == file.identity
            if rival.mtime == file.mtime and not one_file:
                return None
        for reader in self.readers:
            for key in sorted(cache_keys(file)):
                sha256 = trusted_sha256(reader.get(key), file)
                if sha256:
                    return Claim(sha256, SOURCE)
        return None


def cache_keys(file: LocalFile) -> frozenset[str]:
    """Return the keys under which a web UI may have filed a file's SHA-256; empty where none can be trusted.

    A web UI on Windows writes backslashes, and its folder may be read from elsewhere.
    """
    if file.kind == "Checkpoint":
        return frozenset({f"checkpoint/{file.relative_path}", "checkpoint/" + file.relative_path.replace("/", "\\")})
    if file.kind == "TextualInversion":
        return frozenset({f"textual_inversion/{file.stem}"})
    return frozenset()


def trusted_sha256(entry: object, file: LocalFile) -> str | None:
    """Return the SHA-256 of an entry ``{"mtime", "sha256"}`` where it is one and was made for the file as it is now."""
    if not isinstance(entry, Mapping):
        return None
    mtime = entry.get("mtime")
    if isinstance(mtime, bool) or not isinstance(mtime, int | float) or mtime != file.mtime:
        return None
    sha256 = as_sha256(entry.get("sha256"))
    # Forge has a function that hashes the file's name in place of the file (forge_fake_calculate_sha256).
    if sha256 == hashlib.sha256(file.name.encode("utf-8", "surrogateescape")).hexdigest():
        return None
    return sha256


def read_json(file: Path) -> dict[str, object]:
    """Return the section ``hashes`` of a ``cache.json``.

    Raises:
        StoreError: it is there and cannot be read.
        FileNotFoundError: it is not there.
    """
    try:
        section = json.loads(read_bounded(file, MAX_JSON_BYTES)[0])[SECTION]
    except FileVanishedError:
        raise FileNotFoundError(file) from None
    except (FileError, TooLargeError) as error:
        raise StoreError(f"the web UI's cache {error}") from error
    except (ValueError, RecursionError) as error:
        raise StoreError(f"the web UI's cache {str(file)!r} is not JSON: {error}") from error
    except (LookupError, TypeError):
        return {}
    return section if isinstance(section, dict) else {}
