"""Processor time, which does not depend on other processes of the machine."""

import os
import time

__all__ = ["processor_time"]


def processor_time() -> float:
    """Return the processor time [s] of this process and of its child processes that have ended."""
    children = os.times()
    return time.process_time() + children.children_user + children.children_system
