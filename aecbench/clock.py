"""Processor time, which does not depend on what else a machine does."""

import os
import time

__all__ = ["processor_time"]


def processor_time() -> float:
    """Return the seconds of processor time of this process and of the finished programs that it has run."""
    children = os.times()
    return time.process_time() + children.children_user + children.children_system
