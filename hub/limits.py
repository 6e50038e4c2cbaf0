"""How much a hub takes in one request; what is over a limit is refused before it costs memory."""

from dataclasses import dataclass

MIB = 1 << 20


@dataclass(frozen=True)
class Limits:
    """Bounds on what one request may hold.

    ``body_bytes`` bounds what travels, ``unpacked_bytes`` what it becomes after gzip, ``json_values`` the values in
    it (counted by their commas, before anything is parsed).
    """

    body_bytes: int = 64 * MIB
    unpacked_bytes: int = 96 * MIB
    json_values: int = 5_000_000
    json_depth: int = 32
    entries: int = 250_000
    small_body_bytes: int = MIB
    """A body up to this size is read at once; a larger one waits for one of ``large_body_slots``."""
    head_timeout_seconds: float = 10.0
    """How long a client may take for a request's head."""
    read_timeout_seconds: float = 60.0
    """How long a client may stay silent in the middle of a body."""
    path_bytes: int = 2048
    """PostgreSQL's B-tree takes no key above about 2,700 bytes."""
    text_characters: int = 500
    """Names, ecosystems, base models, aliases."""
    identification_bytes: int = 64 * 1024
    metadata_bytes: int = 4 * MIB
    agent_bytes: int = 64 * 1024
    wanted: int = 500
    wanted_in_heartbeat: int = 8
    """Few, so that a heartbeat's answer stays below 1 KiB; the answers that follow name the rest."""
    batch_hashes: int = 1_000
    batch_items: int = 1_000
    """Changes by hand in one request."""
    event_wait_seconds: float = 60.0
    """How long a request for events waits at most for the first one."""
    event_heartbeat_seconds: float = 15.0
    """After so long a silence a stream of events says that it lives, for proxies that end what is silent."""
    stream_write_timeout_seconds: float = 30.0
    """A listener that takes nothing for so long is cut off."""
    streams_per_key: int = 50
    """Listeners that one key may have waiting, so that it leaves room for others."""
