"""Changes in time between the far-end reference and the loudspeaker, and on the way to the microphone.

Times are seconds from the start of the scene, and all values are given: nothing here is random. Clock drift is
`aecbench.dsp.delay.drift`; an echo path that does not change is `aecbench.dsp.convolve.convolve`.
"""

from aecbench.scenes.channel.delay import jump
from aecbench.scenes.channel.loss import conceal
from aecbench.scenes.channel.path import move, switch
from aecbench.scenes.channel.volume import volume

__all__ = ["conceal", "jump", "move", "switch", "volume"]
