"""An agent's inventory of many models, without the files: library, ledger and syncer are the product's own."""

import hashlib
from collections.abc import Hashable
from pathlib import Path

from ..ecosystems.identify import rules_version
from ..extension.inventory.index import Facts, Index
from ..extension.inventory.library import Library, RootTraits
from ..extension.inventory.pool import Job
from ..extension.inventory.record import Record
from ..extension.inventory.roots import Root
from ..extension.inventory.scan import FileStat, ScanResult
from ..extension.ledger import Ledger
from ..extension.sync import Syncer
from ..hub_client import NO_RETRY, Credentials, HubClient, Sender

_ROOT = Root("/models/Lora", "models/Lora", "LORA")
_LONG_AGO_NS = 1_700_000_000_123_456_789


class Published:
    """The inventory of one server: LoRAs that were hashed and identified, as the index of its agent holds them."""

    def __init__(self, server_id: str, index_file: Path, models: int) -> None:
        self.server_id = server_id
        self.models = models
        self._jobs: list[Job] = []
        self._index = Index(index_file)
        self._ledger = Ledger()
        self._library = Library(server_id, self._index, self, self._changed)
        self._library.set_roots([(_ROOT, RootTraits())])
        files = {_relative(number): _stat(number) for number in range(models)}
        self._index.put_all(
            (f"{_ROOT.path}/{relative}", stat, _facts(b"%d" % number))
            for number, (relative, stat) in enumerate(files.items())
        )
        self._library.apply(_ROOT, ScanResult(files))
        assert self._ledger.state()[1] == models and not self._jobs

    def close(self) -> None:
        """Close the index."""
        self._index.close()

    def syncer(self, address: str, credentials: Credentials) -> Syncer:
        """Return what tells a hub of this inventory, knowing nothing of that hub yet."""
        client = HubClient(address, credentials, retry=NO_RETRY)
        return Syncer(client, self.server_id, Sender(f"agent of {self.server_id}"), self._library, self._ledger)

    def change_one(self, number: int = 7) -> None:
        """Have one file replaced under its name, and read."""
        self._library.look(_ROOT, _relative(number), _stat(number)._replace(inode=1, size=150_000_000))
        (job,) = self._jobs
        self._library.read_done(job, _facts(b"replaced"))

    # What the library wants of a pool that reads files

    def submit(self, job: Job) -> None:
        """Keep a job until ``change_one`` has done it."""
        self._jobs.append(job)

    def discard(self, key: Hashable) -> None:
        """Drop a job."""
        self._jobs = [job for job in self._jobs if job.key != key]

    def _changed(self, record: Record) -> None:
        entry = record.entry()
        if entry is None:
            self._ledger.drop(record.name)
        else:
            self._ledger.put(record.name, entry.digest())


def _relative(number: int) -> str:
    return f"style {number % 97}/a name as people give {number}.safetensors"


def _stat(number: int) -> FileStat:
    return FileStat(151_112_345 + number, _LONG_AGO_NS + number * 1000, 1000 + number, 1, 1, busy=False)


def _facts(content: bytes) -> Facts:
    sha256 = hashlib.sha256(content).hexdigest()
    identity = {"kind": "LORA", "ecosystem": "SDXL", "base_model": "SDXL 1.0", "confidence": 0.9}
    tensor_sha256 = hashlib.sha256(sha256.encode()).hexdigest()
    return Facts(sha256, tensor_sha256, sample=sha256[:16], identity=identity, rules=rules_version())
