"""Give the released deep_joint more LSTM units behind its filter, without a change of its output.

Run from a checkout: python benchmarks/deep_joint_wider.py OUT --hidden 400, then

    aecbench train deep_joint --init OUT --set network.hidden=400 --set 'frozen=["filter."]' ...

Version 4, with 304 units, began with the 192 of version 3 in this way. New units begin with random input weights, as
those of an untrained network, and nothing listens to them: the weights with which the old units and the next layer
would do so begin at zero.
"""

import argparse
from pathlib import Path

import torch
from deep_joint_start import released
from torch import Tensor

from aecbench.cancellers.deep.deep_joint import DeepJoint
from aecbench.training.checkpoint import write_model

LSTM, GATES = "control.all.", 4


def main() -> None:
    """Write the folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--hidden", type=int, required=True, metavar="N", help="units of the LSTM over all bands")
    arguments = parser.parse_args()
    torch.manual_seed(0)
    narrow = released("deep_joint", DeepJoint)
    if arguments.hidden <= narrow.config.hidden:
        parser.error(f"--hidden is {arguments.hidden}; deep_joint has {narrow.config.hidden} units, give more")
    network = DeepJoint(narrow.config.model_copy(update={"hidden": arguments.hidden}))
    widen(network, narrow.state_dict())
    origin = {"parameters": "deep_joint with more LSTM units, which nothing listens to yet"}
    card = {"canceller": "deep_joint", "summary": "deep_joint with more units, before training", "origin": origin}
    write_model(arguments.out, network, card)
    print(arguments.out)


@torch.no_grad()
def widen(network: DeepJoint, narrow: dict[str, Tensor]) -> None:
    """Fill the network with the weights of a narrower one, in place."""
    for name, values in network.state_dict().items():
        old = narrow[name]
        if name.startswith(LSTM):  # [gates * units] or [gates * units, inputs]
            values, old = values.unflatten(0, (GATES, -1)).movedim(0, -1), old.unflatten(0, (GATES, -1)).movedim(0, -1)
        if values.dim() > 1:
            values[: old.shape[0], old.shape[1] :] = 0
        values[tuple(slice(size) for size in old.shape)] = old


if __name__ == "__main__":
    main()
