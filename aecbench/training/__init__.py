"""Training networks on a corpus, a file per purpose."""

from aecbench.training.export import export
from aecbench.training.loop import Limits
from aecbench.training.settings import Settings, read_settings
from aecbench.training.start import Trained, stored_settings, train

__all__ = ["Limits", "Settings", "Trained", "export", "read_settings", "stored_settings", "train"]
