"""The version, in a file that everything may import."""

__all__ = ["__version__"]

__version__ = "1.0.0"
