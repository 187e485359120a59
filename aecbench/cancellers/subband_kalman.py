"""Subband Kalman filter: several complex taps per bin of a short-time Fourier transform, with full covariance.

Y. Avargel, I. Cohen, "System identification in the short-time Fourier transform domain with crossband filtering",
IEEE Transactions on Audio, Speech, and Language Processing 15(4), 2007: an echo path as filters across frames.
G. Enzner, P. Vary, "Frequency-domain adaptive Kalman filter for acoustic echo control in hands-free telephones",
Signal Processing 86(6), 2006: the state-space model of a slowly changing echo path.

Here every bin has the full taps x taps error covariance of its weights, where partitioned filters keep only the
diagonal. Frames overlap and speech is coloured, so successive frames of the far end are strongly correlated; the full
covariance decorrelates them, as recursive least squares does. A few hundred milliseconds of far-end speech are
therefore enough to identify the echo path.

As in kalman.py, there are two filters. The main filter assumes that the echo path changes slowly; the shadow assumes
that it may change completely at any time, and replaces the main filter when it cancels clearly better. When the echo
path becomes weaker, neither filter has to adapt: an echo estimate that makes the error louder than the microphone is
scaled down at once to its least-squares fit.
"""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from aecbench.cancellers.abilities import Count, transform
from aecbench.cancellers.base import FlatStreaming, check_range, check_ranges
from aecbench.cancellers.kernels import coupling, two_filters
from aecbench.cancellers.kernels.compile import reassociated
from aecbench.cancellers.tunable import bounded, tunable
from aecbench.dsp import stft
from aecbench.errors import UsageError
from aecbench.signals import Array

__all__ = ["State", "SubbandKalman"]

CERTAIN = 0.01  # at least this fraction of the error power of a bin counts as disturbance, not residual echo
TAKE_OVER = 0.3  # the shadow replaces the main filter if its error power is below this fraction (-5 dB) of the other's;
# it has to be low because a fast filter can predict some of the near end from earlier frames, which overlap
LOUDER = 2.0  # an error of more than this multiple (3 dB) of the microphone's power is due to a wrong echo estimate
MEMORY = 0.85  # forgetting factor per block of the error powers that are compared
TINY = np.float32(1e-10)

Float32 = NDArray[np.float32]
Complex = NDArray[np.complex64]


class Filters(NamedTuple):
    """Both filters after a block: F = main and shadow, L = taps, K = frame / 2 + 1 bins."""

    weights: Complex  # [..., F, L, K] echo path
    covariance: Complex  # [..., F, L (L + 1) / 2, K] E[error of weight i x conj(error of weight j)], i <= j, row by row
    disturbance: Float32  # [..., F, K] power of near end and noise
    error: Float32  # [..., F] smoothed error power, by which the filters are compared
    spectra: Complex  # [..., L, K] far end, newest frame first
    levels: Float32  # [..., L] mean powers of these frames
    coupling: Float32  # [..., 2] see coupling.py
    gain: Float32  # [...] highest estimate so far of the power gain of the echo path


class State(NamedTuple):
    """The filters after a block, and the samples that the next frames need."""

    filters: Filters
    past: Float32  # [..., 2, frame - block] last samples of microphone and far end
    pending: Float32  # [..., frame - block] output to which further frames are yet to be added


@dataclass(frozen=True, slots=True)
class SubbandKalman(FlatStreaming[State]):
    """Two Kalman filters per bin on frames of `frame` samples, with a hop of `block` samples.

    Model of a bin: w' = w + process noise of covariance (1 - A²) diag E|w|², mic = sum over l of w[l] x[l] + v, where
    x[l] is the far end l frames ago and v the disturbance (near end and noise). The power of v is estimated from the
    error after a first update, so it rises in the first frame of near-end speech. The prior covariance of the weights
    follows from the power gain that is estimated from microphone and far end, and from an exponential decay over the
    taps; whenever the estimated gain reaches a new maximum, the covariance is increased accordingly. The shadow filter
    assumes such a new echo path at any time, and replaces the main filter when it cancels clearly better. The output is
    the a-posteriori error of the main filter, an estimate of v.

    If the error of a filter is more than 3 dB louder than the microphone d, its weights are multiplied by the
    least-squares gain <d, y> / <y, y> of its echo estimate y, limited to 0 ... 1. The same applies to the echo estimate
    in a block of the output.
    """

    block: int = bounded(256, 1)  # hop [samples]
    frame: int = 1024  # an even number and a multiple of block, at least twice as long [samples]
    taps: int = tunable(16, low=8, high=24, allowed=(1, math.inf))  # frames that the filter spans: 0.26 s at 16 kHz
    # transition factor A of the main filter, per block
    transition: float = tunable(0.9998, low=0.999, high=0.99999, scale="complement", allowed=(0, 1))
    # transition factor A of the shadow filter, per block
    shadow_transition: float = tunable(0.98, low=0.9, high=0.998, scale="complement", allowed=(0, 1))
    # forgetting factor of the power of the disturbance, per block
    smoothing: float = tunable(0.7, low=0.3, high=0.95, scale="complement", allowed=(0, 0.999))
    decay: float = tunable(15.0, low=0.0, high=40.0, allowed=(0, 120))  # decay of a new echo path over the taps [dB]

    def __post_init__(self) -> None:
        check_ranges(self)
        check_range(self, "frame", 2 * self.block, whole=True)
        if self.frame % self.block or self.frame % 2:
            raise UsageError(
                f"SubbandKalman: frame is {self.frame}, expected an even number, a multiple of block = {self.block}"
            )

    @property
    def latency(self) -> int:
        """`frame` - 1: the first sample of a frame depends on the last one."""
        return self.frame - 1

    @property
    def delay(self) -> int:
        """`frame` - `block`: a block is complete once the last frame that overlaps it has been added."""
        return self.frame - self.block

    @property
    def stride(self) -> int:
        """Samples of four blocks, whose transforms are computed together."""
        return 4 * self.block

    def cost(self) -> Count:
        """Return the count.

        Per filter and bin: 20 for each pair of taps, 24 for each tap. The a-posteriori echo takes 4 per tap and bin.
        For a pair: 12 covariance times far end, 8 its update. For a tap: 4 process noise, 2 its product with the far
        end, 4 echo, 3 variance times far end, 2 residual, 5 weights, 4 update of the variance. Transforms: microphone,
        far end, output.
        """
        taps, bins = self.taps, self.frame // 2 + 1
        products = 2 * (20 * taps * (taps - 1) // 2 + 24 * taps) + 4 * taps
        return Count(0, (3 * transform(self.frame) + products * bins) / self.block)

    def start(self, signals: int) -> State:
        """Return two filters with zero weights and zero covariance, which grows with the estimated power gain."""
        L, K, past = self.taps, self.frame // 2 + 1, self.frame - self.block
        filters = Filters(
            weights=np.zeros((signals, 2, L, K), np.complex64),
            covariance=np.zeros((signals, 2, L * (L + 1) // 2, K), np.complex64),
            disturbance=np.zeros((signals, 2, K), np.float32),
            error=np.zeros((signals, 2), np.float32),
            spectra=np.zeros((signals, L, K), np.complex64),
            levels=np.zeros((signals, L), np.float32),
            coupling=np.zeros((signals, 2), np.float32),
            gain=np.zeros(signals, np.float32),
        )
        return State(filters, np.zeros((signals, 2, past), np.float32), np.zeros((signals, past), np.float32))

    def advance(self, state: State, mic: Array, far: Array) -> Array:
        """Adapt and cancel block by block; limit the echo estimate of each one."""
        late = np.concatenate([state.past[:, 0], mic], -1)[:, : mic.shape[-1]]  # in time with the output
        state.past[...], spectra = stft.analyse(state.past, np.stack([mic, far], 1), self.block)
        errors = np.stack([self._adapt(state.filters, frame[:, 0], frame[:, 1]) for frame in spectra])
        state.pending[...], out = stft.synthesise(state.pending, errors)
        late, out = (x.reshape(len(x), len(errors), self.block) for x in (late, out))
        return (late - _fit(late, late - out) * (late - out)).reshape(mic.shape)

    def _adapt(self, filters: Filters, d: Complex, newest: Complex) -> Complex:
        """Predict and update both filters, and copy the better one over the other, for a frame of mic and far end.

        Returns the a-posteriori error [N, K] of the main filter.
        """
        level = _power(newest).mean(-1, keepdims=True) / self.block
        filters.spectra[:, 1:] = filters.spectra[:, :-1]
        filters.spectra[:, 0] = newest
        filters.levels[:, 1:] = filters.levels[:, :-1]
        filters.levels[:, :1] = level
        a2 = np.array([self.transition, self.shadow_transition], np.float32) ** 2
        decays = -self.decay / 10 * np.arange(self.taps, dtype=np.float32) / self.taps
        room: Float32 = (10**decays).astype(np.float32)
        room /= room.sum()
        predicted = Prediction(
            px=np.empty_like(filters.weights),
            q=np.empty(filters.weights.shape, np.float32),
            residual=np.empty(filters.disturbance.shape, np.float32),
            echo=np.empty(filters.disturbance.shape, np.complex64),
        )
        _predict(filters, _power(d).mean(-1), self.block, room, a2, predicted)

        # Disturbance: first a guess from the smoothed error, then E|v|² given the Kalman gain that this guess implies
        residual = predicted.residual
        fit = _fit(d[:, None, :], predicted.echo)
        filters.weights[...] *= fit[..., None]
        e = d[:, None, :] - fit * predicted.echo
        e2 = _power(e)
        guess = self.smoothing * filters.disturbance + (1 - self.smoothing) * _smooth(e2)
        guess = two_filters.disturbances(guess, residual)
        share = guess / (residual + guess + TINY)
        v2 = np.square(share) * e2 + share * residual
        filters.disturbance[...] = self.smoothing * filters.disturbance + (1 - self.smoothing) * _smooth(v2)

        # Update: w <- w + P x* e / (xᵀ P x* + E|v|²),  P <- P - P x* (P x*)ᴴ / (xᵀ P x* + E|v|²)
        scale = 1 / (residual + np.maximum(filters.disturbance, CERTAIN * e2) + TINY)
        filters.error[...] = MEMORY * filters.error + (1 - MEMORY) * e2.mean(-1)
        _update(filters, predicted, scale, e, a2)
        error: Complex = d - (filters.weights[:, 0] * filters.spectra).sum(-2)
        return error


class Prediction(NamedTuple):
    """The predictions of both filters for a frame, before its microphone signal is used."""

    px: Complex  # [N, F, L, K] covariance times the far end
    q: Float32  # [N, F, L, K] process noise
    residual: Float32  # [N, F, K] power of the residual echo
    echo: Complex  # [N, F, K] echo estimate


def _power(x: NDArray[np.inexact[Any]]) -> Float32:
    power: Float32 = np.square(x.real) + np.square(x.imag)
    return power


def _smooth(power: Float32) -> Float32:
    """Return the mean over three neighbouring bins; the first and the last bin are not smoothed."""
    smooth = power.copy()
    smooth[..., 1:-1] = (power[..., :-2] + power[..., 1:-1] + power[..., 2:]) / 3
    return smooth


def _fit(mic: NDArray[np.inexact[Any]], echo: NDArray[np.inexact[Any]]) -> Float32:
    """Return the gain [..., 1] for echo [..., N]: 1, or if mic - echo is LOUDER than mic, the least-squares gain.

    The least-squares gain is limited to 0 ... 1.
    """
    loudness = _power(mic).sum(-1, keepdims=True)
    least_squares = (mic * echo.conj()).real.sum(-1, keepdims=True) / (_power(echo).sum(-1, keepdims=True) + TINY)
    louder = _power(mic - echo).sum(-1, keepdims=True) > LOUDER * loudness
    gain: Float32 = np.where(louder, np.clip(least_squares, 0, 1), 1).astype(np.float32)
    return gain


@reassociated
def _expect(filters: Filters, mic_energy: Float32, block: int, room: Float32, s: int) -> tuple[Float32, Float32]:
    """Return the powers [L] of a new echo path of signal s, and by how much they exceed the highest so far, or 0."""
    far_power = np.float32(0)
    for i in range(room.size):
        far_power += filters.levels[s, i] * room[i]
    coupling.observe(filters.coupling[s], mic_energy[s], far_power, block)
    gain = coupling.power_gain(filters.coupling[s], coupling.LOWEST)
    news = max(gain - filters.gain[s], np.float32(0)) * room
    filters.gain[s] = max(gain, filters.gain[s])
    return gain * room, news


@reassociated
def _predict(filters: Filters, mic_energy: Float32, block: int, room: Float32, a2: Float32, out: Prediction) -> None:
    """Set `out`: q = (1 - A²) max(|w|², floor) + news, px = (A² P + diag q) x*, residual = xᵀ px and echo = xᵀ w.

    `room` [L] is the relative power of the taps of a new echo path, `a2` [F] is A². floor is the power of a new echo
    path for the shadow filter and 0 for the main one; news is the excess that `_expect` returns.
    """
    signals, _, taps, bins = filters.weights.shape
    for s in range(signals):
        expected, news = _expect(filters, mic_energy, block, room, s)
        for f in range(2):
            w, p, x, a = filters.weights[s, f], filters.covariance[s, f], filters.spectra[s], a2[f]
            px, q, residual, echo = out.px[s, f], out.q[s, f], out.residual[s, f], out.echo[s, f]
            residual[:], echo[:] = 0, 0
            for i in range(taps):
                least = expected[i] if f == two_filters.SHADOW else np.float32(0)
                more, xi, pi, wi, qi = news[i], x[i], px[i], w[i], q[i]
                for k in range(bins):
                    qi[k] = (np.float32(1) - a) * max(wi[k].real ** 2 + wi[k].imag ** 2, least) + more
                for k in range(bins):
                    pi[k] = qi[k] * np.conj(xi[k])
                for k in range(bins):
                    echo[k] += wi[k] * xi[k]
            row = 0
            for i in range(taps):
                xi, pi, c = x[i], px[i], p[row]
                for k in range(bins):
                    pi[k] += a * c[k].real * np.conj(xi[k])
                for j in range(i + 1, taps):
                    _add_pair(p[row + j - i], a, xi, x[j], pi, px[j])
                row += taps - i
            for i in range(taps):
                xi, pi = x[i], px[i]
                for k in range(bins):
                    residual[k] += (xi[k] * pi[k]).real
            for k in range(bins):
                residual[k] = max(residual[k], np.float32(0))


@reassociated
def _add_pair(c: Complex, a: np.float32, xi: Complex, xj: Complex, pi: Complex, pj: Complex) -> None:
    """Add the products of the covariance c [K] of two taps, times a, with the far end to px.

    In a loop over j within a kernel, LLVM would not see that the rows differ, and the code would not be vectorised.
    """
    for k in range(c.size):
        pi[k] += a * c[k] * np.conj(xj[k])
        pj[k] += a * np.conj(c[k] * xi[k])


@reassociated
def _update(filters: Filters, predicted: Prediction, scale: Float32, e: Complex, a2: Float32) -> None:
    """Update w <- w + scale e px and P <- A² P + diag q - scale px pxᴴ in place, with a diagonal of at least 0.

    Then copy the better filter over the other if it is clearly better; the shadow keeps its own covariance.
    """
    signals, _, taps, bins = filters.weights.shape
    for s in range(signals):
        for f in range(2):
            w, p, gain, error, a = filters.weights[s, f], filters.covariance[s, f], scale[s, f], e[s, f], a2[f]
            row = 0
            for i in range(taps):
                pi, qi = predicted.px[s, f, i], predicted.q[s, f, i]
                for k in range(bins):
                    w[i, k] += gain[k] * error[k] * pi[k]
                for j in range(i, taps):
                    c, pj = p[row], predicted.px[s, f, j]
                    row += 1
                    if i == j:
                        for k in range(bins):
                            power = pi[k].real ** 2 + pi[k].imag ** 2
                            c[k] = max(a * c[k].real + qi[k] - gain[k] * power, np.float32(0))
                    else:
                        for k in range(bins):
                            c[k] = a * c[k] - gain[k] * pi[k] * np.conj(pj[k])
        source = two_filters.better(filters.error[s], TAKE_OVER, 1)
        if source >= 0:
            two_filters.transfer(filters.weights[s], source)
            two_filters.transfer(filters.disturbance[s], source)
            two_filters.transfer(filters.error[s], source)
        if source == two_filters.SHADOW:
            two_filters.transfer(filters.covariance[s], source)
