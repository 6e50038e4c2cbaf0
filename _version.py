"""The one place that holds the version number; read by setuptools and by every room."""

VERSION = "0.1.0"
