"""What kind of image a file is, by its first bytes: what a web UI calls it is not believed."""

PNG, JPEG, WEBP, AVIF = "image/png", "image/jpeg", "image/webp", "image/avif"
MAX_IMAGE_BYTES = 64 << 20
"""The hub's limit of one image."""


def content_type_of(content: bytes) -> str | None:
    """Return an image's media type, or None where it is none of those that a hub takes."""
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return PNG
    if content.startswith(b"\xff\xd8\xff"):
        return JPEG
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return WEBP
    if content[4:12] in {b"ftypavif", b"ftypavis"}:
        return AVIF
    return None
