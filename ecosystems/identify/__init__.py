"""What is this file? Kind, ecosystem and base model from a header, never from a tensor (docs/identification.md)."""

from .data import rules_version
from .errors import BrokenHeaderError, HeaderError, HeaderTooLargeError, UnknownFormatError, UnreadableFileError
from .files import ModelFile, read_header
from .header import Header
from .identification import Identification, identify_file, identify_header
from .metadata import embedded_preview
from .sidecars import Sidecar, read_sidecars

__all__ = [
    "BrokenHeaderError",
    "Header",
    "HeaderError",
    "HeaderTooLargeError",
    "Identification",
    "ModelFile",
    "Sidecar",
    "UnknownFormatError",
    "UnreadableFileError",
    "embedded_preview",
    "identify_file",
    "identify_header",
    "read_header",
    "read_sidecars",
    "rules_version",
]
