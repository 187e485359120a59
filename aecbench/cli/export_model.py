"""aecbench export-model."""

from pathlib import Path

import click

from aecbench.cli import complete
from aecbench.cli.common import JSON, show_json

__all__ = ["export_model"]


@click.command("export-model")
@click.argument("name", metavar="SYSTEM", shell_complete=complete.models)
@click.option(
    "--onnx", "out", required=True, type=click.Path(path_type=Path), help="Write this .onnx file, or a new folder."
)
@click.option("--quantize", type=click.Choice(["int8"]), help="Store the weights of the network in 8 bits.")
@click.option(
    "--prune",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.0,
    metavar="SHARE",
    help="Set this share of the smallest weights of each layer to zero.",
)
@JSON
def export_model(name: str, out: Path, quantize: str | None, prune: float, as_json: bool) -> None:
    """Write one step of a network as an ONNX model.

    The model maps a block of input samples to a block of output samples. SYSTEM is a shipped network, such as
    deep_adaptive, or the folder of a training. The delay tracker in front of it is not part of the model. States are
    the inputs state.* and the outputs next.*, and start as zeros. Both aecbench eval and aecbench cancel accept the
    file, or its folder, as --model.

    \b
    aecbench export-model deep_adaptive --onnx deep_adaptive.onnx
    aecbench export-model deep_adaptive --onnx runs/onnx/deep_adaptive_int8 --quantize int8
    aecbench export-model deep_adaptive --onnx small.onnx --prune 0.5 --quantize int8
    """
    from aecbench.cancellers.deep.export.compress import prune as pruned
    from aecbench.cancellers.deep.export.onnx import export, exportable
    from aecbench.systems import load_system

    system = load_system(name, "none")
    canceller = pruned(exportable(system.canceller, name), prune)
    written = export(canceller, out, name=system.name, int8=quantize is not None)
    if as_json:
        show_json({"model": written})
        return
    click.echo(written)
