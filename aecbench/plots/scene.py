"""One scene: its echo path, its room, its loudspeaker, and what can be heard in it."""
