"""What jobs bring along and make: images, and the previews of those that run."""

from sqlalchemy import (
    BigInteger,
    Column,
    Computed,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    String,
    Table,
    Text,
    text,
)

from .base import RowId, explain, metadata

job_images = Table(
    "job_images",
    metadata,
    Column("job_id", RowId, ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    Column("n", Integer, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("content_type", String(40), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("infotext", Text),
    Column("created_at", Double, nullable=False),
    Column("deleted_at", Double),
    PrimaryKeyConstraint("job_id", "n"),
)
"""The images of a job; they count once the job is completed. What is in them is in ``job_image_parts``."""

explain(
    job_images,
    n="from 0",
    attempt="which made it",
    infotext="as the server said it",
    deleted_at="when its content was deleted to save room; null: it is there",
)
_kept = text("deleted_at IS NULL")
Index(
    "job_images_kept",
    job_images.c.created_at,
    job_images.c.job_id,
    job_images.c.n,
    job_images.c.size_bytes,
    sqlite_where=_kept,
    postgresql_where=_kept,
)

job_image_parts = Table(
    "job_image_parts",
    metadata,
    Column("job_id", RowId, nullable=False),
    Column("n", Integer, nullable=False),
    Column("part", Integer, nullable=False),
    Column("content", LargeBinary, nullable=False),
    PrimaryKeyConstraint("job_id", "n", "part"),
    ForeignKeyConstraint(["job_id", "n"], ["job_images.job_id", "job_images.n"], ondelete="CASCADE"),
)
"""The images themselves, a MiB at a time, so that no whole one needs to be in memory to be sent. In the database, so
that any of several hub processes can hand them out; ``jobs.keeping`` bounds them."""

explain(job_image_parts, part="from 0")

job_inputs = Table(
    "job_inputs",
    metadata,
    Column("job_id", RowId, ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("size_bytes", BigInteger, Computed("length(content)", persisted=True)),
    Column("content", Text, nullable=False),
)
"""JSON: what a job's payload holds of images (``init_images``, ``mask``, those of scripts), by the path in the payload;
kept apart from it because of its size."""

explain(job_inputs, size_bytes="the database computes it", content="empty once it was deleted to save room")

job_previews = Table(
    "job_previews",
    metadata,
    Column("job_id", RowId, ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("content_type", String(40), nullable=False),
    Column("content", LargeBinary, nullable=False),
    Column("at", Double, nullable=False),
)
"""The last preview of a running job."""
