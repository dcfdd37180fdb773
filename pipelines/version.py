"""The version, here and nowhere else: pyproject.toml takes it from this line."""

VERSION = "0.1.0"
