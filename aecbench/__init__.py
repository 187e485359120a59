"""Dataset simulator and benchmark for acoustic echo cancellation."""

__version__ = "0.1.0"

__all__ = ["__version__"]
