"""Put the weights of deep_step_size and deep_adaptive together: what a training of deep_joint begins with.

Run from a checkout: python benchmarks/deep_joint_start.py OUT, then

    aecbench train deep_joint --init OUT --set network.hidden=192 ...

The filter takes all of deep_step_size, the network behind it all of deep_adaptive but for its NLMS filter. Inputs and
decisions that neither has begin with weights of zero, so they have no influence at first; distorted far ends enter the
filter as they are. OUT is a model to load, better than either of the two before any training.

With --released, the rest is the one of the released deep_joint: the network behind the filter, and the decisions about
learned references. Train it with --set 'frozen=["filter."]' first, so that the network learns to use the filter.
"""

import argparse
from pathlib import Path

import torch
from torch import Tensor

from aecbench.assets import find
from aecbench.cancellers.deep.base import Network, load_network
from aecbench.cancellers.deep.deep_adaptive import DeepAdaptive
from aecbench.cancellers.deep.deep_joint import DeepJoint
from aecbench.cancellers.deep.deep_step_size import DeepStepSize
from aecbench.cancellers.deep.inference.deep_joint import PAIRS
from aecbench.cards import CARD
from aecbench.config import read_toml
from aecbench.training.checkpoint import write_model

SPECTRA = [0, 1, 2, 3]  # microphone, far end, error, echo estimate: the inputs of deep_adaptive's network, among ours
GAIN_AND_SHARE = slice(3, 6)  # its decisions that ours begin with


def main() -> None:
    """Write the folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--released", action="store_true", help="keep all but the filter of the released deep_joint")
    arguments = parser.parse_args()
    step_size = released("deep_step_size", DeepStepSize).state_dict()
    if arguments.released:
        network, rest = released("deep_joint", DeepJoint), "deep_joint"
        fill_filter(network, step_size)
    else:
        adaptive, rest = released("deep_adaptive", DeepAdaptive), "deep_adaptive"
        network = DeepJoint(DeepJoint.Config(hidden=adaptive.config.hidden))
        fill(network, step_size, adaptive.state_dict())
    origin = {"parameters": f"the filter of deep_step_size and the rest of {rest}; nothing was trained for it"}
    card = {"canceller": "deep_joint", "summary": "deep_joint before training", "origin": origin}
    write_model(arguments.out, network, card)
    print(arguments.out)


def released(name: str, kind: type[Network]) -> Network:
    """Return a shipped model."""
    folder = find("baselines", name)
    card = read_toml(folder / CARD)
    return load_network(kind, card["parameters"], folder / card["weights"], card["sha256"])


@torch.no_grad()
def fill_filter(network: DeepJoint, step_size: dict[str, Tensor]) -> None:
    """Replace the weights that deep_step_size also has; what remains are the decisions about the references."""
    ours = network.filter.state_dict()
    for name, values in step_size.items():
        ours[name][: len(values)] = values


@torch.no_grad()
def fill(network: DeepJoint, step_size: dict[str, Tensor], adaptive: dict[str, Tensor]) -> None:
    """Fill all of the network in place."""
    ours = network.state_dict()
    for weights in network.filter.network.parameters():
        weights.zero_()
    fill_filter(network, step_size)
    room = network.filter.room
    network.filter.reference_profile.copy_(torch.log(0.1 * room[: network.config.reference_taps]).expand(2, -1))
    bands, pairs = network.config.bands, PAIRS
    channels = [*SPECTRA, *range(network.channels, network.channels + 2 * len(pairs))]  # levels, then coherences
    seen, theirs = network.channels + 2 * len(pairs), len(channels)
    for name, values in adaptive.items():
        mine = ours[name].zero_()
        if name == "control.all_in.weight":
            mine.view(-1, seen, bands)[:, channels] = values.view(-1, theirs, bands)
        elif name == "control.band_in.weight":  # of the band, of both neighbours, and what all bands tell
            mine[:, : 3 * seen].view(-1, 3, seen)[:, :, channels] = values[:, : 3 * theirs].view(-1, 3, theirs)
            mine[:, 3 * seen :] = values[:, 3 * theirs :]
        elif name == "control.bin_in.weight":
            mine[:, SPECTRA] = values
        elif name.startswith("control.bin_out"):
            mine[: GAIN_AND_SHARE.stop - GAIN_AND_SHARE.start] = values[GAIN_AND_SHARE]
        else:
            mine.copy_(values)


if __name__ == "__main__":
    main()
