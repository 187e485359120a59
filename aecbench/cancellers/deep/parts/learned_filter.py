"""A subband filter with several inputs in a closed loop with the network that controls it, a part of other networks.

The filter is the one of step_size_filter.py with a variance per tap. The features and the network are those of
deep_step_size.py, which cites the paper and explains the equations. The inputs are the far end and, to model a
nonlinear loudspeaker, learned references: distortions of the far end, each times a complex mask that the network
computed in the previous frame.

The steps of every frame are: predict the echo; pass error, echo estimate and uncertainty to the network, which computes
gain, disturbance, drift and the next masks of the references; update. `listen` runs them without gradients. For
training, `hear` does the same on the CPU in compiled code (listening.py), and on a GPU as a recording of `listen`. Then
`replay` processes the same frames with gradients, through the recursions of filter and network. The gradient omits the
effect of the network's output on its later input; the values include it.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from aecbench.cancellers.deep.inference.learned_filter import LEAST, LOGITS, SCALES, Heard, Size
from aecbench.cancellers.deep.layers import step_size_filter as layer
from aecbench.cancellers.deep.layers.recorded import Recorded
from aecbench.cancellers.deep.parts import distortion, listening
from aecbench.cancellers.deep.parts.distortion import Distortion
from aecbench.cancellers.deep.parts.frames import concatenate
from aecbench.cancellers.deep.parts.step_size_features import TINY, Averages, Features, Frame, Observation
from aecbench.cancellers.deep.parts.step_size_network import StepSizeNetwork
from aecbench.cancellers.kernels import coupling

__all__ = ["Filtered", "Heard", "LearnedFilter", "Size", "State"]

SHARE = 0.1  # expected power of the taps of a reference relative to those of the far end, before training


class State(NamedTuple):
    """The state after a frame."""

    weights: Tensor  # [N, L, 2, F]
    covariance: Tensor  # [N, L, F]
    inputs: Tensor  # [N, L, 2, F] frames of the K inputs at all taps, the newest of each input first
    references: Tensor  # [N, 2 (K - 1), F] numbers that determine the masks of the next frame
    distortion: distortion.State
    memory: Tensor  # state of the GRU, see StepSizeNetwork
    averages: Averages

    @property
    def filter(self) -> layer.State:
        """The state of the filter alone."""
        return layer.State(self.weights, self.covariance)


class Filtered(NamedTuple):
    """The output of the filter for T frames."""

    error: Tensor  # [N, T, F] complex, a-priori: microphone minus the echo estimate before the update
    step_size: Tensor  # [N, T, F] normalised, 0 to 1: the fraction of the error that the update removes as echo
    uncertainty: Tensor  # [N, T, F] expected power of the residual echo in the error; has no gradient


class LearnedFilter(nn.Module):
    """The filter and its network. Spectra are [N, T, F]."""

    logits: Tensor
    scales: Tensor
    place: Tensor
    order: Tensor
    shift: Tensor

    def __init__(self, size: Size, smoothing: float, decay: float) -> None:
        """Create filter and network; `decay` [dB] over the taps initialises the expected echo path.

        `smoothing` is the parameter of `Features`.
        """
        super().__init__()
        self.size = size
        self.references = distortion.KINDS if size.reference_taps else 0
        self.features = Features(size.hop, smoothing, feedback=True)
        sizes = size.n_fft // 2 + 1, size.bands, size.hidden
        numbers = 3 + 2 * self.references
        self.network = StepSizeNetwork("hybrid", self.features.channels, self.features.detail, *sizes, numbers=numbers)
        self.distortion = Distortion(size.n_fft, size.hop)
        slope = decay / 10 * math.log(10) / size.taps
        self.profile = nn.Parameter(-slope * torch.arange(size.taps, dtype=torch.float32))
        if self.references:
            first = torch.log(SHARE * torch.softmax(self.profile.detach(), 0)[: size.reference_taps])
            self.reference_profile = nn.Parameter(first.repeat(self.references, 1))
        self.taps = [size.taps, *self.references * [size.reference_taps]]
        self.settings = layer.Settings(inputs=len(self.taps))
        self.register_buffer("place", layer.places(self.taps), persistent=False)
        self.register_buffer("order", torch.arange(sum(self.taps)), persistent=False)
        self.register_buffer("shift", _shift(self.taps), persistent=False)
        self.register_buffer("logits", torch.tensor(LOGITS)[:, None], persistent=False)
        self.register_buffer("scales", torch.tensor(SCALES)[:, None], persistent=False)
        self._recorded = Recorded(self, self._hear)

    @property
    def room(self) -> Tensor:
        """The expected power of the far end's taps [taps], which sums to 1."""
        return torch.softmax(self.profile, 0)

    @property
    def paths(self) -> Tensor:
        """The expected power of all taps [L]: those of the far end, then those of the references."""
        return torch.cat([self.room, self.reference_profile.exp().flatten()]) if self.references else self.room

    def initial(self, mic: Tensor) -> State:
        """Return the state before the first frame of spectra like `mic` [N, T, F], with zero weights."""
        n, bins, real, taps = mic.shape[0], mic.shape[-1], mic.real, len(self.place)
        return State(
            weights=real.new_zeros(n, taps, 2, bins),
            covariance=self._covariance(self.paths.detach(), n, bins),
            inputs=real.new_zeros(n, taps, 2, bins),
            references=real.new_zeros(n, 2 * self.references, bins),
            distortion=self.distortion.initial(mic),
            memory=self.network.initial(real),
            averages=self.features.initial(real, self.size.bands),
        )

    @torch.no_grad()
    def listen(self, mic: Tensor, far: Tensor, state: State) -> tuple[Filtered, Heard, State]:
        """Run the closed loop frame by frame; return its output, its observations, and the state after the last frame.

        mic and far are complex spectra [N, T, F].
        """
        paths, records, outputs = self.paths, [], []
        room = torch.cat([self.room, paths.new_zeros(len(paths) - self.size.taps)])
        d, x = layer.planes(mic), layer.planes(far)
        for t in range(mic.shape[1]):
            now = slice(t, t + 1)
            distortions, distorted = self._distort(far[:, t], state.distortion)
            references = layer.planes(self._masked(state.references[:, None], distortions[:, None]))[:, 0]
            inputs = torch.cat([x[:, now], references, state.inputs], 1).index_select(1, self.shift)
            window = layer.Window(inputs, d[:, now], room, self.order)
            prediction = layer.predict(window, state.filter)
            frame = Frame(d[:, t], x[:, t], *(z[:, 0] for z in prediction))
            observation, averages = self.features(frame, state.averages, self.network.weights)
            numbers, memory = self.network(observation.bands, observation.bins, state.memory)
            adapted = self._adapt(window._replace(profile=paths), observation, numbers, state.filter)
            state = State(*adapted[2:], inputs, numbers[:, 0, 3:], distorted, memory, averages)
            records.append((*observation, distortions[:, None], prediction.uncertainty))
            outputs.append((_complex(adapted.error), adapted.step_size, prediction.uncertainty))
        *observed, distortions, uncertainty = concatenate(records)
        return Filtered(*concatenate(outputs)), Heard(Observation(*observed), distortions, uncertainty), state

    def hear(self, mic: Tensor, far: Tensor) -> Heard:
        """Return the observations that `listen` makes from the initial state on, for training."""
        if listening.can_hear(mic):
            return listening.hear(self, self.size, self.features.smoothing, "hybrid", mic, far)
        *observed, distortions, uncertainty = self._recorded(mic, far)
        return Heard(Observation(*observed), distortions, uncertainty)

    def _hear(self, mic: Tensor, far: Tensor) -> tuple[Tensor, ...]:
        _, record, _ = self.listen(mic, far, self.initial(mic))
        return *record.observation, record.distortions, record.uncertainty

    def replay(self, mic: Tensor, far: Tensor, heard: Heard, state: State) -> Filtered:
        """Process the frames of `hear` again with gradients, given their observations `heard` and the initial state."""
        paths = self.paths
        numbers, _ = self.network(heard.observation.bands, heard.observation.bins, state.memory)
        decided = torch.cat([state.references[:, None], numbers[:, :-1, 3:]], 1)
        references = self._masked(decided, heard.distortions)
        inputs = layer.planes(torch.cat([far[:, :, None], references], 2)).flatten(1, 2)  # frames interleaved
        inputs = torch.nn.functional.pad(inputs, (0, 0, 0, 0, self.settings.inputs * (self.size.taps - 1), 0))
        start = layer.State(state.weights, self._covariance(paths, mic.shape[0], mic.shape[-1]))
        window = layer.Window(inputs, layer.planes(mic), paths, self.place)
        adapted = self._adapt(window, heard.observation, numbers, start)
        return Filtered(_complex(adapted.error), adapted.step_size, heard.uncertainty)

    def _covariance(self, paths: Tensor, signals: int, bins: int) -> Tensor:
        """Return the covariance before the first frame."""
        return (paths * coupling.LOWEST)[:, None].expand(signals, -1, bins)

    def _distort(self, far: Tensor, state: distortion.State) -> tuple[Tensor, distortion.State]:
        """Return the distortions [N, K - 1, F] of a frame of the far end [N, F], and the next state."""
        if not self.references:
            return far.new_zeros(far.shape[0], 0, far.shape[-1]), state
        distortions: tuple[Tensor, distortion.State] = self.distortion(far, state)
        return distortions

    def _masked(self, numbers: Tensor, distortions: Tensor) -> Tensor:
        """Return the references [N, T, K - 1, F]: distortions times the masks from `numbers` [N, T, 2 (K - 1), F]."""
        magnitude, phase = torch.tanh(numbers).chunk(2, 2)
        return distortions * torch.complex(1 + magnitude, phase)

    def _adapt(
        self, window: layer.Window, observation: Observation, numbers: Tensor, state: layer.State
    ) -> layer.Adapted:
        """Filter and adapt for all T frames of `numbers`; `window` has the same number of frames."""
        far, mic, paths, place = window
        gain, error, drift = torch.sigmoid(numbers[:, :, :3] * self.scales + self.logits).unbind(2)
        disturbance = error.square() * observation.power + TINY
        drift = (drift + LEAST) * observation.gain + observation.rise
        return layer.adapt(layer.Signals(far, mic, gain, disturbance, drift, paths, place), state, self.settings)


def _shift(taps: Sequence[int]) -> Tensor:
    """Return where the frames of the taps are once a new frame of every input has been put before them.

    >>> _shift([3, 2]).tolist()
    [0, 2, 3, 1, 5]
    """
    first = [len(taps) + sum(taps[:i]) for i in range(len(taps))]
    return torch.tensor([k for i, count in enumerate(taps) for k in (i, *range(first[i], first[i] + count - 1))])


def _complex(z: Tensor) -> Tensor:
    """Return complex numbers [N, T, F] for planes [N, T, 2, F] of real and imaginary parts."""
    return torch.complex(z[:, :, 0], z[:, :, 1])
