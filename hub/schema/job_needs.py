"""What waiting jobs need, each set of models once; which servers have that, and which of these ask for work."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    PrimaryKeyConstraint,
    String,
    Table,
)

from .base import RowId, explain, metadata

job_needs = Table(
    "job_needs",
    metadata,
    Column("id", RowId, primary_key=True, autoincrement=True),
    Column("key", String(64), nullable=False, unique=True),
    Column("target_server_id", String(100)),
    Column("slots", Integer, nullable=False),
    Column("checkpoint_id", RowId),
    Column("waiting", Integer, nullable=False, default=0),
    Column("head_rank", Double),
)
"""What waiting jobs need, each set of models (and the server, where a job names one) once. A job whose requirements are
not all resolved has none. ``waiting`` and ``head_rank`` change only together with the jobs that wait with this need."""

explain(
    job_needs,
    key="SHA-256 of the target and of the slots with their models, canonical",
    target_server_id="the one server that may, null: any",
    slots="how many models a server must have at once",
    checkpoint_id="the model that is loaded for it",
    waiting="how many jobs wait with this need",
    head_rank="the least rank of these",
)

job_need_models = Table(
    "job_need_models",
    metadata,
    Column("need_id", RowId, ForeignKey("job_needs.id", ondelete="CASCADE"), nullable=False),
    Column("slot", Integer, nullable=False),
    Column("model_id", RowId, ForeignKey("models.id", ondelete="CASCADE"), nullable=False),
    PrimaryKeyConstraint("need_id", "slot", "model_id"),
)
"""Any of a slot's models fills it: files with equal tensors are one."""

Index("job_need_models_model_id", job_need_models.c.model_id)

job_need_servers = Table(
    "job_need_servers",
    metadata,
    Column("need_id", RowId, ForeignKey("job_needs.id", ondelete="CASCADE"), nullable=False),
    Column("server_id", String(100), nullable=False),
    Column("head_rank", Double, nullable=False),
    Column("checkpoint_id", RowId),
    Column("since", Double, nullable=False),
    PrimaryKeyConstraint("need_id", "server_id"),
)
"""Which servers have all that a need asks for, while a job waits with it, with the need's ``head_rank`` and checkpoint
beside it: a claim reads one row, of any need or of one whose checkpoint is loaded. ``server_id`` is no foreign key: on
PostgreSQL queueing a job would wait for every sync that is under way."""

Index("job_need_servers_head", job_need_servers.c.server_id, job_need_servers.c.head_rank, job_need_servers.c.need_id)
Index(
    "job_need_servers_loaded",
    job_need_servers.c.server_id,
    job_need_servers.c.checkpoint_id,
    job_need_servers.c.head_rank,
    job_need_servers.c.need_id,
)
explain(
    job_need_servers,
    head_rank="of the need, repeated",
    checkpoint_id="of the need, repeated",
    since="when the server was found to have all",
)

job_changes = Table(
    "job_changes",
    metadata,
    Column("server_id", String(100), nullable=False),
    Column("model_id", RowId, nullable=False),
    Column("not_before", Double, nullable=False),
    Column("mark", BigInteger, nullable=False),
    Column("fresh", Boolean, nullable=False),
    PrimaryKeyConstraint("server_id", "model_id"),
)
"""Models that came to a server or went from it and that waiting jobs need: what it can do is looked at anew."""

explain(
    job_changes,
    not_before="a model that the agent did not find is not believed to be there before this time",
    mark="random, another one with every change: who has looked sees whether it changed meanwhile",
    fresh="it was not looked at yet",
)

job_takers = Table(
    "job_takers",
    metadata,
    Column("server_id", String(100), ForeignKey("servers.id", ondelete="CASCADE"), primary_key=True),
    Column("asked_at", Double, nullable=False),
    Column("waits_until", Double, nullable=False),
    Column("claim", String(32), nullable=False, default=""),
    Column("loaded", String(64)),
    Column("runtime", String(20)),
    Column("seconds_per_unit", Double),
    Column("measured", Integer, nullable=False, default=0),
)
"""Servers that ask for jobs. A unit of work is a megapixel and a step; measured over what a server completed."""

explain(
    job_takers,
    asked_at="when it asked for a job last",
    waits_until="so long it waits for one; in the past: it does not",
    claim="its last request for a job; an older one is given none",
    loaded="SHA-256 of the checkpoint that is loaded",
    seconds_per_unit="decaying mean",
    measured="over how many jobs",
)
