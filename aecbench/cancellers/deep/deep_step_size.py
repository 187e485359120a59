"""Learned step sizes: a network adapts a filter that stays linear.

T. Haubner, A. Brendel, W. Kellermann, "End-to-end deep learning-based adaptation control for linear acoustic echo
cancellation", IEEE/ACM Transactions on Audio, Speech, and Language Processing 32, 2024: a recurrent network listens to
microphone, far end and the filter's own error, and gives two masks m_mu and m_e in 0 ... 1 per bin and frame, for

    H <- H + m_mu / (Psi + |m_e e|² + eps) conj(U) e,    Psi = |U|² summed over the taps.

That is `update = "nlms"`. With "kalman" every tap has a variance P of its error beside it, as in a Kalman filter with
diagonal covariance (step_size_filter.py): P conj(U) stands for conj(U) and sum of P |U|² for Psi, (m_e e)² is the power
of the disturbance, near end and noise, and a third mask m_q is the drift of the echo path, from none to all of a room.
So the filter knows by itself how far it has converged, and the network tells it when there is a near end and when the
path has changed. Before training the masks are constant: a classical Kalman filter.

The output is the microphone less a linear estimate of the echo, sum over the taps of H U, with the updated H (the
a-posteriori error) or, with `posterior = false`, with H as it was. With a silent far end it is the microphone. In
double talk the a-posteriori error lacks what the update of its own frame took for echo, at most the step size of the
near end in that bin; with H as it was, the near end of a frame goes through untouched.

Phase: H is complex and so is what is subtracted. The network sees magnitudes and magnitudes of coherences, so its
masks, and the ERLE, stay the same when the echo path, or the far end, is turned by any phase.

Training runs the loop frame by frame without gradients, then the network once over all frames that were heard, then the
filter through its adjoint: gradients go through the recursions of filter and network. How the masks change what the
network hears later is left out of the gradient. Not of the values: those are of the closed loop.
"""

import math
from collections.abc import Sequence
from typing import ClassVar, Literal, NamedTuple

import torch
from pydantic import Field
from torch import Tensor

from aecbench.cancellers.align import DelayTracker
from aecbench.cancellers.deep import losses, loudness, stft
from aecbench.cancellers.deep import step_size_filter as layer
from aecbench.cancellers.deep.base import Batch, NetworkConfig
from aecbench.cancellers.deep.framewise import FramewiseNetwork
from aecbench.cancellers.deep.step_size_features import TINY, Averages, Features, Frame, Heard
from aecbench.cancellers.deep.step_size_network import StepSizeNetwork
from aecbench.cancellers.kernels import coupling

__all__ = ["DeepStepSize", "DeepStepSizeConfig", "Masks", "Played", "State"]

LOGITS = (3.0, 1.0, -8.5)  # of m_mu, m_e and m_q before training
SCALES = (1.0, 1.0, 3.0)  # a drift is looked for over decades
LEAST = 1e-8  # drift, so that a variance is never a denormal number


class DeepStepSizeConfig(NetworkConfig):
    """The paper has n_fft = 512, hop_length = 128, taps = 8, update = "nlms", smoothing = 0, decay = 0."""

    mode: Literal["echo_only"] = "echo_only"  # noise stays
    n_fft: int = Field(1024, ge=16)
    hop_length: int = Field(256, ge=8)
    taps: int = Field(16, ge=1)  # frames that the echo path spans
    network: Literal["narrow", "hybrid", "broad"] = "hybrid"
    feedback: bool = True  # False: step sizes from microphone and far end alone
    update: Literal["kalman", "nlms"] = "kalman"
    posterior: bool = True  # output with the updated filter
    smoothing: float = Field(0.5, ge=0, lt=1)  # of |e|² over time and frequency before m_e
    decay: float = Field(30.0, ge=0, le=120)  # of the expected room over the taps, before training [dB]
    bands: int = Field(64, ge=4)  # the network goes along bands of bins
    hidden: int = Field(48, ge=1)  # units of the GRU; of that over all bands at once, twice as many
    burn_in: int = Field(16, ge=0)  # frames at the start that do not count
    truncation: int = Field(0, ge=0)  # frames after which gradients are cut; 0: never
    path_change: float = Field(0.3, ge=0, le=1)  # share of training examples that go on as another one half-way
    whole: float = Field(0.5, ge=0, le=1)  # share in the loss of the echo left in all; the rest: frame by frame
    disturbance: float = Field(0.0, ge=0)  # dB of loss per MOS that PESQ would take off where the near end talks


class Masks(NamedTuple):
    """What the network decides, [N, T, F], between 0 and 1."""

    step: Tensor  # m_mu
    error: Tensor  # m_e
    drift: Tensor  # m_q; without effect on "nlms"


class State(NamedTuple):
    """What is known after a frame."""

    weights: Tensor  # [N, L, 2, F]
    covariance: Tensor  # [N, L, F]
    far: Tensor  # [N, L - 1, 2, F] last frames, oldest first
    memory: Tensor  # of the GRU, see StepSizeNetwork
    averages: Averages


class Played(NamedTuple):
    """A stretch of frames of the closed loop."""

    heard: Heard
    step_size: Tensor  # [N, T, F] normalised, in 0 ... 1
    echo: Tensor  # [N, T, F] complex, what is subtracted
    masks: Masks
    state: State  # after the last frame


class DeepStepSize(FramewiseNetwork):
    """The network. Spectra are [N, T, F]."""

    Config: ClassVar[type[NetworkConfig]] = DeepStepSizeConfig
    config: DeepStepSizeConfig
    logits: Tensor
    scales: Tensor

    def __init__(self, config: DeepStepSizeConfig) -> None:
        super().__init__(config)
        self.kalman = config.update == "kalman"
        self.total = 1 if self.kalman else config.taps  # of the taps' expected power, or weights
        self.features = Features(config.hop_length, config.smoothing, feedback=config.feedback)
        sizes = config.n_fft // 2 + 1, config.bands, config.hidden
        self.network = StepSizeNetwork(config.network, self.features.channels, self.features.detail, *sizes)
        decay = config.decay / 10 * math.log(10)
        self.profile = torch.nn.Parameter(-decay / config.taps * torch.arange(config.taps, dtype=torch.float32))
        self.register_buffer("logits", torch.tensor(LOGITS)[:, None], persistent=False)
        self.register_buffer("scales", torch.tensor(SCALES)[:, None], persistent=False)

    @property
    def room(self) -> Tensor:
        """The expected power of the taps [L], which add up to 1; of "nlms" their weights, which add up to L."""
        return torch.softmax(self.profile, 0) * self.total

    def initial(self, mic: Tensor) -> State:
        """An echo path of zeros."""
        n, bins, taps, real = mic.shape[0], mic.shape[-1], self.config.taps, mic.real
        return State(
            weights=real.new_zeros(n, taps, 2, bins),
            covariance=self._covariance(self.room.detach(), n, bins),
            far=real.new_zeros(n, taps - 1, 2, bins),
            memory=self.network.initial(real),
            averages=self.features.initial(real, self.config.bands),
        )

    def _covariance(self, room: Tensor, signals: int, bins: int) -> Tensor:
        """Before the first frame."""
        lowest = room * coupling.LOWEST if self.kalman else room
        return lowest[:, None].expand(signals, -1, bins)

    def frames(self, spectra: Tensor, state: State) -> tuple[Tensor, State]:
        """The output, and the state after the last frame."""
        played = self.listen(spectra, state)
        return spectra[0] - played.echo, played.state

    def decisions(self, spectra: Tensor, state: State) -> dict[str, Tensor]:
        """The normalised step size, the share of an error that the update takes for echo; masks; echo estimate."""
        played = self.listen(spectra, state)
        step, error, drift = played.masks
        return {"step_size": played.step_size, "step": step, "error": error, "drift": drift, "echo": played.echo}

    @torch.no_grad()
    def listen(self, spectra: Tensor, state: State) -> Played:
        """The closed loop, frame after frame, for spectra as `frames` takes them."""
        mic, far = spectra[0], spectra[1]
        heard, decided, room = [], [], self.room
        d, x = layer.planes(mic), layer.planes(far)
        for t in range(mic.shape[1]):
            now = slice(t, t + 1)
            window = torch.cat([state.far, x[:, now]], 1)
            error, uncertainty, power = layer.predict(window, d[:, now], room, state.weights, state.covariance)
            frame = Frame(d[:, t], x[:, t], error[:, 0], uncertainty[:, 0], power[:, 0] / self.total)
            told, averages = self.features(frame, state.averages, self.network.weights)
            masks, memory = self._masks(told, state.memory)
            adapted = self._adapt(window, d[:, now], told, masks, room, state.weights, state.covariance)
            state = State(adapted.weights, adapted.covariance, window[:, 1:], memory, averages)
            heard.append(told)
            decided.append((adapted.step_size, self._echo(mic[:, now], adapted), *masks))
        step, echo, *all_masks = _joined(decided)
        return Played(Heard(*_joined(heard)), step, echo, Masks(*all_masks), state)

    def _masks(self, heard: Heard, memory: Tensor) -> tuple[Masks, Tensor]:
        numbers, memory = self.network(heard.bands, heard.bins, memory, self.config.truncation)
        return Masks(*torch.sigmoid(numbers * self.scales + self.logits).unbind(2)), memory

    def _adapt(
        self, far: Tensor, mic: Tensor, heard: Heard, masks: Masks, room: Tensor, weights: Tensor, covariance: Tensor
    ) -> layer.Adapted:
        disturbance = masks.error.square() * heard.power + TINY
        drift = (masks.drift + LEAST) * heard.gain + heard.news if self.kalman else torch.zeros_like(masks.drift)
        given = far, mic, masks.step, disturbance, drift, room, weights, covariance
        return layer.adapt(*given, track=self.kalman, truncation=self.config.truncation)

    def _echo(self, mic: Tensor, adapted: layer.Adapted) -> Tensor:
        """What is subtracted from the microphone."""
        error = torch.complex(adapted.error[:, :, 0], adapted.error[:, :, 1])
        return mic - ((1 - adapted.step_size) * error if self.config.posterior else error)

    def loss(self, batch: Batch) -> tuple[Tensor, dict[str, Tensor]]:
        """Echo that is left against the echo [dB], in the whole example and frame by frame, after the burn-in.

        And how much it disturbs a listener to the near end.
        """
        config, hop = self.config, self.config.hop_length
        batch = self._prepared(batch)
        spectra = self.spectra(batch.mic, batch.far)
        mic, far = layer.planes(spectra[0]), layer.planes(spectra[1])
        state = self.initial(spectra[0])
        heard = self.listen(spectra, state).heard
        room = self.room
        masks, _ = self._masks(heard, state.memory)
        start = self._covariance(room, len(mic), mic.shape[-1])
        adapted = self._adapt(torch.cat([state.far, far], 1), mic, heard, masks, room, state.weights, start)
        left = batch.echo - stft.signal(self._echo(spectra[0], adapted), hop, batch.mic.shape[-1])
        first = max(0, min(config.burn_in * hop, left.shape[-1] - 2 * hop))
        left, echo = left[:, first:], batch.echo[:, first:]
        echoes = (echo.square().mean(-1) > 1e-9).to(echo)
        whole = echoes * losses.residual(left[:, None], echo[:, None])
        frame = min(2 * hop, left.shape[-1])
        frames = echoes * losses.residual(left.unfold(-1, frame, hop), echo.unfold(-1, frame, hop))
        rest = (batch.near + batch.noise)[:, first:]
        talks = (batch.near.square().mean(-1) > 1e-9).to(echo)
        disturbance = talks * loudness.disturbance(rest, rest + left, config.sample_rate)
        total = (config.whole * whole + (1 - config.whole) * frames + config.disturbance * disturbance).mean()
        parts = {"whole": whole, "frames": frames, "disturbance": disturbance, "step": masks.step, "error": masks.error}
        return total, {name: part.detach().mean() for name, part in parts.items()}

    @torch.no_grad()
    def _prepared(self, batch: Batch) -> Batch:
        """The far end aligned, as it is in front of every system; in training, some echo paths change half-way."""
        aligned = DelayTracker().align(batch.mic.cpu().numpy(), batch.far.cpu().numpy())
        batch = batch._replace(far=torch.from_numpy(aligned).to(batch.far))
        count, length = batch.mic.shape
        if not self.training or count < 2 or not self.config.path_change:
            return batch
        change = torch.rand(count, 1) < self.config.path_change
        place = (0.3 + 0.4 * torch.rand(count, 1)) * length
        after = (change & (torch.arange(length) >= place)).to(batch.mic.device)
        far, echo = (torch.where(after, z.roll(1, 0), z) for z in (batch.far, batch.echo))
        return Batch(batch.near + echo + batch.noise, far, batch.near, echo, batch.noise)


def _joined(frames: Sequence[tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
    """Frames one after the other."""
    return frames[0] if len(frames) == 1 else tuple(torch.cat(z, 1) for z in zip(*frames, strict=True))
