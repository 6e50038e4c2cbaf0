"""Which images a hub keeps, and how their bytes begin. What a browser could run (SVG, HTML) is none of them."""

PNG, JPEG, WEBP, AVIF = "image/png", "image/jpeg", "image/webp", "image/avif"
ENDINGS = {PNG: "png", JPEG: "jpg", WEBP: "webp", AVIF: "avif"}
"""Type -> how a file's name ends."""

_WEBP_KINDS = (b"VP8 ", b"VP8L", b"VP8X")
_AVIF_BRANDS = (b"avif", b"avis")


def type_of(content: bytes) -> str | None:
    """Return the type of an image by its first bytes; None for what is none of ``ENDINGS``.

    Sources: PNG, third edition, 5.2; ITU T.81, annex B; WebP container specification; AVIF 1.1, 6.
    """
    if content.startswith(b"\x89PNG\r\n\x1a\n") and content[12:16] == b"IHDR":
        return PNG
    if content.startswith(b"\xff\xd8\xff"):
        return JPEG
    if content.startswith(b"RIFF") and content[8:12] == b"WEBP" and content[12:16] in _WEBP_KINDS:
        return WEBP
    if content[4:8] == b"ftyp" and content[8:12] in _AVIF_BRANDS:
        return AVIF
    return None
