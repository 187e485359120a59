"""Examination of this installation: packages, machine, and one small scene from drawing to scores.

Nothing is imported before it is needed, and code that may crash runs in a separate process, so that a broken part is
reported.
"""

from aecbench.doctor.hardware import Graphics, Machine, graphics, machine
from aecbench.doctor.packages import PURPOSES, Installation, Part, installation
from aecbench.doctor.selftest import STEPS, Step, self_test

__all__ = [
    "PURPOSES",
    "STEPS",
    "Graphics",
    "Installation",
    "Machine",
    "Part",
    "Step",
    "graphics",
    "installation",
    "machine",
    "self_test",
]
