"""The search index, and which models it lacks."""

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Nothing yet."""
