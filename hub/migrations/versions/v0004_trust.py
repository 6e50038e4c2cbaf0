"""Sessions of the web page, and the audit log."""

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Nothing yet."""
