"""Learned step sizes: a network controls the adaptation of a linear filter.

T. Haubner, A. Brendel, W. Kellermann, "End-to-end deep learning-based adaptation control for linear acoustic echo
cancellation", IEEE/ACM Transactions on Audio, Speech, and Language Processing 32, 2024: from microphone, far end and
the filter's own error, a recurrent network computes two masks m_mu and m_e from 0 to 1 per bin and frame, for

    H <- H + m_mu / (Psi + |m_e e|² + eps) conj(U) e,    Psi = |U|² summed over the taps.

This is `update = "nlms"`. With "kalman", every tap also has an error variance P, as in a Kalman filter with diagonal
covariance (layers/step_size_filter.py): P conj(U) replaces conj(U), the sum of P |U|² replaces Psi, |m_e e|² is the
power of the disturbance (near end and noise), and a third mask m_q is the drift of the echo path, from none to a
complete change. The filter itself thus estimates how far it has converged, and the network detects near-end activity
and path changes. Before training, the masks are constant, and the filter is a classical Kalman filter.

The output is the microphone minus a linear echo estimate, the sum of H U over the taps. H is taken after the update
(the a-posteriori error) or, with `posterior = false`, before it. If the far end is silent, the output is the microphone
signal. In double talk, the a-posteriori error lacks the part of the near end that the update of the same frame treated
as echo, in each bin at most a fraction equal to the normalised step size. With H before the update, the near end in a
frame is unaffected by the update of that frame.

Phase: H and the echo estimate are complex. The input of the network consists of magnitudes of spectra and coherences,
so the masks and the ERLE are invariant to a phase rotation of the echo path or of the far end.

Training runs the closed loop frame by frame without gradients (parts/listening.py), then the network over all frames of
the input observed there, then the filter, with its adjoint on the way back. Gradients pass through the recursions of
filter and network, but not through the effect of the masks on later inputs of the network. The values are exact: they
are those of the closed loop.
"""

import math
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor
from typing_extensions import override

from aecbench.cancellers.deep.base import Batch, NetworkConfig
from aecbench.cancellers.deep.framewise import FramewiseNetwork
from aecbench.cancellers.deep.inference.deep_step_size import DeepStepSizeConfig, DeepStepSizeInference
from aecbench.cancellers.deep.inference.learned_filter import LEAST, LOGITS, SCALES, Size
from aecbench.cancellers.deep.layers import step_size_filter as layer
from aecbench.cancellers.deep.losses.loudness import disturbance
from aecbench.cancellers.deep.losses.objective import residual
from aecbench.cancellers.deep.parts import listening, stft
from aecbench.cancellers.deep.parts.frames import concatenate
from aecbench.cancellers.deep.parts.preparation import aligned, changed_paths
from aecbench.cancellers.deep.parts.step_size_features import TINY, Averages, Features, Frame, Observation
from aecbench.cancellers.deep.parts.step_size_network import StepSizeNetwork
from aecbench.cancellers.kernels import coupling

__all__ = ["ClosedLoop", "DeepStepSize", "DeepStepSizeConfig", "Masks", "State"]


class Masks(NamedTuple):
    """The masks that the network computes, [N, T, F], from 0 to 1."""

    step: Tensor  # m_mu
    error: Tensor  # m_e
    drift: Tensor  # m_q; has no effect with `update = "nlms"`


class State(NamedTuple):
    """Filter, network and averages after a frame."""

    weights: Tensor  # [N, L, 2, F]
    covariance: Tensor  # [N, L, F]
    far: Tensor  # [N, L - 1, 2, F] last frames, oldest first
    memory: Tensor  # state of the GRU, see StepSizeNetwork
    averages: Averages

    @property
    def filter(self) -> layer.State:
        """The state of the filter alone."""
        return layer.State(self.weights, self.covariance)


class ClosedLoop(NamedTuple):
    """T frames of the closed loop, in which the network controls the filter and receives its error."""

    observation: Observation
    step_size: Tensor  # [N, T, F] normalised step size, 0 to 1
    echo: Tensor  # [N, T, F] complex, the echo estimate that is subtracted
    masks: Masks
    state: State  # after the last frame


class DeepStepSize(FramewiseNetwork):
    """The network of this module. Spectra are [N, T, F]: batch, frames, bins."""

    Config: ClassVar[type[NetworkConfig]] = DeepStepSizeConfig
    config: DeepStepSizeConfig
    logits: Tensor
    scales: Tensor
    place: Tensor

    def __init__(self, config: DeepStepSizeConfig) -> None:
        super().__init__(config)
        self.kalman = config.update == "kalman"
        self.total = 1 if self.kalman else config.taps  # sum of `room`
        self.settings = layer.Settings(float(self.kalman), config.truncation)
        self.features = Features(config.hop_length, config.smoothing, feedback=config.feedback)
        sizes = config.n_fft // 2 + 1, config.bands, config.hidden
        self.network = StepSizeNetwork(config.network, self.features.channels, self.features.detail, *sizes)
        decay = config.decay / 10 * math.log(10)
        self.profile = torch.nn.Parameter(-decay / config.taps * torch.arange(config.taps, dtype=torch.float32))
        self.register_buffer("place", layer.places([config.taps]), persistent=False)
        self.register_buffer("logits", torch.tensor(LOGITS)[:, None], persistent=False)
        self.register_buffer("scales", torch.tensor(SCALES)[:, None], persistent=False)

    @property
    def room(self) -> Tensor:
        """The expected power of the taps [L], which sums to 1; for "nlms", weights of the taps, which sum to L."""
        return torch.softmax(self.profile, 0) * self.total

    @override
    def initial(self, mic: Tensor) -> State:
        n, bins, taps, real = mic.shape[0], mic.shape[-1], self.config.taps, mic.real
        return State(
            weights=real.new_zeros(n, taps, 2, bins),
            covariance=self._covariance(self.room.detach(), n, bins),
            far=real.new_zeros(n, taps - 1, 2, bins),
            memory=self.network.initial(real),
            averages=self.features.initial(real, self.config.bands),
        )

    def _covariance(self, room: Tensor, signals: int, bins: int) -> Tensor:
        """Return the covariance before the first frame."""
        lowest = room * coupling.LOWEST if self.kalman else room
        return lowest[:, None].expand(signals, -1, bins)

    @override
    def frames(self, spectra: Tensor, state: State) -> tuple[Tensor, State]:
        loop = self.closed_loop(spectra, state)
        return spectra[0] - loop.echo, loop.state

    @override
    def decisions(self, spectra: Tensor, state: State) -> dict[str, Tensor]:
        """Return the normalised step size, the masks and the echo estimate, each [N, T, F].

        The normalised step size is the fraction of the error that an update removes as echo.
        """
        loop = self.closed_loop(spectra, state)
        step, error, drift = loop.masks
        return {"step_size": loop.step_size, "step": step, "error": error, "drift": drift, "echo": loop.echo}

    @torch.no_grad()
    def closed_loop(self, spectra: Tensor, state: State) -> ClosedLoop:
        """Run network and filter frame by frame, without gradients, for the same arguments as `frames`."""
        mic, far = spectra[0], spectra[1]
        observations, results, room = [], [], self.room
        d, x = layer.planes(mic), layer.planes(far)
        for t in range(mic.shape[1]):
            now = slice(t, t + 1)
            window = layer.Window(torch.cat([state.far, x[:, now]], 1), d[:, now], room, self.place)
            error, uncertainty, power = layer.predict(window, state.filter)
            frame = Frame(d[:, t], x[:, t], error[:, 0], uncertainty[:, 0], power[:, 0] / self.total)
            observation, averages = self.features(frame, state.averages, self.network.weights)
            masks, memory = self._masks(observation, state.memory)
            adapted = self._adapt(window, observation, masks, state.filter)
            state = State(adapted.weights, adapted.covariance, window.far[:, 1:], memory, averages)
            observations.append(observation)
            results.append((adapted.step_size, self._echo(mic[:, now], adapted), *masks))
        step_size, echo, *masks_of_frames = concatenate(results)
        return ClosedLoop(Observation(*concatenate(observations)), step_size, echo, Masks(*masks_of_frames), state)

    def _observation(self, spectra: Tensor, state: State) -> Observation:
        """Return what the network observes in the closed loop, starting from the initial state."""
        config = self.config
        if not (DeepStepSizeInference.supports(config) and listening.can_hear(spectra[0])):
            return self.closed_loop(spectra, state).observation
        size = Size(config.n_fft, config.hop_length, config.taps, 0, config.bands, config.hidden)
        return listening.hear(self, size, config.smoothing, config.network, spectra[0], spectra[1]).observation

    def _masks(self, observation: Observation, memory: Tensor) -> tuple[Masks, Tensor]:
        numbers, memory = self.network(observation.bands, observation.bins, memory, self.config.truncation)
        return Masks(*torch.sigmoid(numbers * self.scales + self.logits).unbind(2)), memory

    def _adapt(self, window: layer.Window, observation: Observation, masks: Masks, state: layer.State) -> layer.Adapted:
        """Filter and adapt for all T frames of the masks; `window` has the same number of frames."""
        far, mic, room, place = window
        disturbance = masks.error.square() * observation.power + TINY
        drift = torch.zeros_like(masks.drift)
        if self.kalman:
            drift = (masks.drift + LEAST) * observation.gain + observation.rise
        return layer.adapt(layer.Signals(far, mic, masks.step, disturbance, drift, room, place), state, self.settings)

    def _echo(self, mic: Tensor, adapted: layer.Adapted) -> Tensor:
        """Return the echo estimate that is subtracted from the microphone."""
        error = torch.complex(adapted.error[:, :, 0], adapted.error[:, :, 1])
        return mic - ((1 - adapted.step_size) * error if self.config.posterior else error)

    @staticmethod
    @override
    def prepare(batch: Batch) -> Batch:
        return aligned(batch)

    @override
    def loss(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Return a weighted sum of the ratio of residual echo to echo [dB] and the disturbance of the near end.

        The ratio is computed over the whole example and as a mean over frames, both without the burn-in. The
        disturbance is the one that a listener perceives, see losses/loudness.py.
        """
        config, hop = self.config, self.config.hop_length
        if self.training:
            batch = changed_paths(batch, config.path_change)
        spectra = self.spectra(batch.mic, batch.far)
        mic, far = layer.planes(spectra[0]), layer.planes(spectra[1])
        state = self.initial(spectra[0])
        observation = self._observation(spectra, state)
        room = self.room
        masks, _ = self._masks(observation, state.memory)
        start = layer.State(state.weights, self._covariance(room, len(mic), mic.shape[-1]))
        adapted = self._adapt(
            layer.Window(torch.cat([state.far, far], 1), mic, room, self.place), observation, masks, start
        )
        estimate = stft.signal(self._echo(spectra[0], adapted), hop, batch.mic.shape[-1])
        first = max(0, min(config.burn_in * hop, estimate.shape[-1] - 2 * hop))
        residual_echo, echo = (batch.echo - estimate)[:, first:], batch.echo[:, first:]
        echoes = (echo.square().mean(-1) > 1e-9).to(echo)
        whole = echoes * residual(residual_echo[:, None], echo[:, None])
        frame = min(2 * hop, echo.shape[-1])
        frames = echoes * residual(residual_echo.unfold(-1, frame, hop), echo.unfold(-1, frame, hop))
        rest = (batch.near + batch.noise)[:, first:]
        talks = (batch.near.square().mean(-1) > 1e-9).to(echo)
        disturbed = talks * disturbance(rest, rest + residual_echo, config.sample_rate)
        total = (config.whole * whole + (1 - config.whole) * frames + config.disturbance * disturbed).mean()
        parts = {"whole": whole, "frames": frames, "disturbance": disturbed, "step": masks.step, "error": masks.error}
        return total, {name: part.detach().mean() for name, part in parts.items()}
