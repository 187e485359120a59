"""Training of networks on corpora, one file per purpose."""

from aecbench.training.average import average
from aecbench.training.export import export
from aecbench.training.loop import Limits
from aecbench.training.settings import Settings, read_settings
from aecbench.training.start import Trained, stored_settings, train

__all__ = ["Limits", "Settings", "Trained", "average", "export", "read_settings", "stored_settings", "train"]
