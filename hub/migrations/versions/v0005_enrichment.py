"""What a metadata service said, and who said each field."""

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Nothing yet."""
