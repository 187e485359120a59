"""The conditions that scenes are told apart by: names for some columns of a corpus's table of scenes.

All were drawn but `ser_double`, which is measured.
"""

__all__ = ["CONDITIONS"]

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
