"""The conditions that scenes are told apart by: names for some columns of a corpus's table of scenes."""

__all__ = ["CONDITIONS"]

CONDITIONS = {
    "talk": "talk",
    "ser": "ser",
    "snr": "snr",
    "rt60": "room.rt60",
    "loudspeaker": "loudspeaker.model",
    "noise": "noise.kind",
    "delay": "channel.delay",
    "drift": "channel.drift",
    "path": "path.kind",
}
