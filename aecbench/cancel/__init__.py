"""Runs a system on recordings: a pair of files, a folder of pairs, or a pipe; block by block if the system streams."""

from aecbench.cancel.files import Cancelled, cancel_files
from aecbench.cancel.pipe import cancel_pipe
from aecbench.cancel.stream import streams, warm_up
from aecbench.cancel.timing import Timing

__all__ = ["Cancelled", "Timing", "cancel_files", "cancel_pipe", "streams", "warm_up"]
