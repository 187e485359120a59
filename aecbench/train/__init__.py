"""Training networks on a corpus, a file per purpose."""

from aecbench.train.average import average
from aecbench.train.export import export
from aecbench.train.loop import Limits
from aecbench.train.settings import Settings, read_settings
from aecbench.train.start import Trained, stored_settings, train

__all__ = ["Limits", "Settings", "Trained", "average", "export", "read_settings", "stored_settings", "train"]
