"""The conditions that scenes are told apart by: names for some columns of a corpus's table of scenes.

All were drawn but `ser_double`, which is measured.
"""

__all__ = ["CONDITIONS", "MEANINGS", "TALK_WORDS", "UNITS", "with_unit"]

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
MEANINGS = {
    "talk": "Who talks: far_single, near_single, double (both at once), barge_in (one interrupts), alternating.",
    "ser": "Signal-to-echo ratio that the recipe asks for: level of the near end above the level of the echo.",
    "ser_double": "Signal-to-echo ratio measured where both ends talk.",
    "snr": "Signal-to-noise ratio that the recipe asks for.",
    "rt60": "Reverberation time of the room: how long sound takes to decay by 60 dB.",
    "loudspeaker": "Model of the loudspeaker; all but linear distort.",
    "noise": "Kind of background noise.",
    "delay": "Time from the far-end reference to the loudspeaker, without the way through the room.",
    "drift": "Difference between the clocks of loudspeaker and microphone.",
    "path": "Whether the echo path is static, moves, or switches to another one.",
}
UNITS = {"ser": "dB", "ser_double": "dB", "snr": "dB", "rt60": "s", "delay": "s", "drift": "ppm"}


def with_unit(condition: str) -> str:
    """Return the heading of a condition.

    >>> with_unit("ser"), with_unit("talk")
    ('ser [dB]', 'talk')
    """
    return f"{condition} [{UNITS[condition]}]" if condition in UNITS else condition
