"""The conditions that scenes are told apart by: names for some columns of a corpus's table of scenes.

All were drawn but `ser_double`, which is measured.
"""

__all__ = ["CONDITIONS", "TALK_WORDS", "UNITS", "with_unit"]

CONDITIONS = {
    "talk": "talk",
    "ser": "ser",
    "ser_double": "ser_double",
    "snr": "snr",
    "rt60": "room.rt60",
    "loudspeaker": "loudspeaker.model",
    "noise": "noise.kind",
    "delay": "channel.delay",
    "drift": "channel.drift",
    "path": "path.kind",
}

TALK_WORDS = {
    "far_single": "far-end single talk",
    "near_single": "near-end single talk",
    "double": "double talk",
    "barge_in": "barge-in",
    "alternating": "alternating talk",
    "sweep": "sweep",
}
UNITS = {"ser": "dB", "ser_double": "dB", "snr": "dB", "rt60": "s", "delay": "s", "drift": "ppm"}


def with_unit(condition: str) -> str:
    """Return the heading of a condition.

    >>> with_unit("ser"), with_unit("talk")
    ('ser [dB]', 'talk')
    """
    return f"{condition} [{UNITS[condition]}]" if condition in UNITS else condition
