"""aecbench cancel."""

import sys
from pathlib import Path
from typing import Any

import click

from aecbench.cli import complete
from aecbench.cli.common import AGAIN, ALIGN, JOBS, JSON, MODEL, show_json, when_stopped

__all__ = ["cancel"]

STREAM = Path("-")
FILES, FOLDERS, RAW = "files", "folders", "raw audio"
USE = {  # options that do not apply to all three
    "far": (FILES, FOLDERS),
    "pad": (FILES, FOLDERS),
    "plot": (FILES,),
    "jobs": (FOLDERS,),
    "overwrite": (FOLDERS,),
    "rate": (RAW,),
    "json": (FILES, FOLDERS),
}
TIMES = ("median", "p95", "p99", "max")
RATE = 16_000
MEMORY = 40  # memory per minute of audio [MB], measured for SpeexDSP and AEC3 on 1 and 8 minutes at 16 kHz


@click.command()
@click.option(
    "--model",
    required=True,
    metavar="[NAME=]MODEL",
    help=MODEL,
    shell_complete=complete.models,
)
@click.option(
    "--mic",
    required=True,
    metavar="FILE|DIR|-",
    type=click.Path(path_type=Path, allow_dash=True),
    help="Read the microphone: a file, a folder, or - for raw audio.",
)
@click.option(
    "--far",
    metavar="FILE|DIR",
    type=click.Path(path_type=Path),
    help="Read the far end: a file as long as the microphone, or a folder.",
)
@click.option(
    "--out",
    required=True,
    metavar="FILE|DIR|-",
    type=click.Path(path_type=Path, allow_dash=True),
    help="Write a .wav, .flac or .ogg file, a folder, or - for raw audio.",
)
@click.option("--align", default="best", show_default=True, metavar="best|auto|none|MS", help=ALIGN)
@click.option("--pad", is_flag=True, help="Cut or zero-pad the far end to the length of the microphone.")
@click.option("--report", is_flag=True, help="Print the time per block and the latency on standard error.")
@click.option("--plot", type=click.Path(path_type=Path), help="Draw waveforms, spectrograms and attenuation.")
@click.option("--jobs", type=JOBS, help="Cancel this many pairs of a folder at once; -1: one per core.  [default: 1]")
@click.option("--overwrite", is_flag=True, help="Replace outputs that exist in the folder already.")
@click.option(
    "--rate", type=click.IntRange(1000, 384_000), help="Read and write raw audio at this rate [Hz].  [default: 16000]"
)
@JSON
def cancel(
    model: str,
    mic: Path,
    far: Path | None,
    out: Path,
    align: str,
    pad: bool,
    report: bool,
    plot: Path | None,
    jobs: int | None,
    overwrite: bool,
    rate: int | None,
    as_json: bool,
) -> None:
    """Cancel the echo in a microphone recording, or in live audio.

    \b
    aecbench cancel --model kalman --mic mic.wav --far far.wav --out out.wav --plot out.png

    In a folder, it processes every recording. The far end has the same name in another folder, or the two are called
    NAME_mic and NAME_lpb in the same one. If a pair fails, the others are still processed (exit code 3). Existing
    outputs are kept, so the same command continues after an interruption.

    \b
    aecbench cancel --model kalman --mic mics --far fars --out outs --jobs -1

    Live, it reads raw 16-bit audio (s16le) with two channels, microphone and far end, and writes one channel, block by
    block. At 16000 Hz, the delay is the latency of the model; at other rates, resampling adds to it (see --report).

    \b
    arecord -t raw -f S16_LE -c 2 -r 16000 | aecbench cancel --model kalman --mic - --out - \\
        | aplay -t raw -f S16_LE -c 1 -r 16000
    sox -M mic.wav far.wav -t raw -e signed -b 16 -r 16000 - \\
        | aecbench cancel --model kalman --mic - --out - | sox -t raw -e signed -b 16 -c 1 -r 16000 - out.wav
    ffmpeg -i mic.mp3 -i far.mp3 -filter_complex amerge=inputs=2 -f s16le -ar 48000 - \\
        | aecbench cancel --model kalman --mic - --out - --rate 48000 | ffmpeg -f s16le -ar 48000 -i - out.mp3
    """
    from aecbench.cancel import cancel_pipe, streams, warm_up
    from aecbench.errors import FailedItems
    from aecbench.systems import load_system

    way = RAW if mic == STREAM else FOLDERS if mic.is_dir() else FILES
    options = {
        "far": far,
        "pad": pad,
        "plot": plot,
        "jobs": jobs,
        "overwrite": overwrite,
        "rate": rate,
        "json": as_json,
    }
    _check(way, out, [name for name, value in options.items() if value not in (None, False)])
    system = load_system(model, align)
    if way != RAW and not streams(system):
        click.echo(
            f"aecbench: {system.name} needs the whole recording: about {MEMORY} MB of memory per minute", err=True
        )
    if report or as_json:
        warm_up(system)
    failed: dict[str, str] = {}
    facts: dict[str, Any] = {}
    if way == RAW:
        timing = cancel_pipe(system, sys.stdin.buffer, sys.stdout.buffer, rate or RATE)
    elif far is None:
        raise click.UsageError("Missing option '--far'.")
    elif way == FILES:
        timing, facts = _files(system, mic, far, out, plot, pad)
    else:
        timing, failed, facts = _folders(system, mic, far, out, pad, jobs or 1, overwrite)
    if report:
        click.echo("\n".join(_report(system, timing, way)), err=True)
    if as_json:
        files = [path for path in (out, plot) if path is not None]
        show_json({"system": system.name, "files": files, "timing": timing.figures(), "failed": failed, **facts})
    elif way != RAW:
        for path in filter(None, (out, plot)):
            click.echo(path)
    if failed:
        click.echo("\n".join(failed.values()), err=True)
        raise FailedItems(f"{len(failed)} recordings failed: {', '.join(failed)}; the same command tries them again")


def _check(way: str, out: Path, options: list[str]) -> None:
    """Raise UsageError for options that cannot be combined."""
    for name in options:
        if way not in USE[name]:
            raise click.UsageError(f"--{name} is for {' and '.join(USE[name])}, not for {way}; leave it out")
    if (way == RAW) != (out == STREAM):
        raise click.UsageError("raw audio goes from --mic - to --out -; give both of them, or none")
    if way == RAW and (sys.stdin.isatty() or sys.stdout.isatty()):
        raise click.UsageError(
            "raw audio comes from one program and goes to another; connect both with pipes, as in --help"
        )


def _files(system: Any, mic: Path, far: Path, out: Path, plot: Path | None, pad: bool) -> tuple[Any, dict[str, Any]]:
    """Cancel one pair, and draw it; return the timing and the facts about the echo for --json."""
    from aecbench.cancel import cancel_files

    if plot is not None and any(plot.exists() and path.exists() and plot.samefile(path) for path in (mic, far, out)):
        raise click.UsageError(f"--plot {plot} is a recording, which would be lost; name another file")
    if plot is not None:
        from aecbench.plots.style import check_picture

        check_picture(plot)
    timing, echo = cancel_files(system, mic, far, out, pad=pad)
    if echo.remark:
        click.echo(f"aecbench: {mic}: {echo.remark}", err=True)
    if plot is not None:
        from aecbench.dsp.audio import fitted, read, resample
        from aecbench.plots import plot_cancellation

        (x, rate), (reference, far_rate), (y, _) = read(mic), read(far), read(out)
        plot_cancellation(x, fitted(resample(reference, far_rate, rate), x.size), y, rate, plot)
    return timing, {"echo": echo.heard, "lead": echo.lead / RATE}


def _folders(
    system: Any, mic: Path, far: Path, out: Path, pad: bool, jobs: int, overwrite: bool
) -> tuple[Any, dict[str, str], dict[str, Any]]:
    """Cancel all pairs; return the timing, the failures, and the facts about the others for --json."""
    from aecbench.cancel.folder import cancel_folder
    from aecbench.dsp.echo import NOTHING_CORRELATES

    when_stopped(f"{AGAIN}, without --overwrite" if overwrite else AGAIN)
    done = cancel_folder(system, mic, far, out, pad=pad, overwrite=overwrite, jobs=jobs)
    hidden = f", {done.hidden} hidden files skipped" if done.hidden else ""
    click.echo(f"{done.written} written, {done.there} already there, {len(done.failed)} failed{hidden}", err=True)
    if done.no_echo:
        click.echo(f"{len(done.no_echo)} written, such as {done.no_echo[0]}: {NOTHING_CORRELATES}", err=True)
    return done.timing, done.failed, {"no_echo": done.no_echo, "hidden": done.hidden}


def _report(system: Any, timing: Any, way: str) -> list[str]:
    """Return the timing of a system, line by line."""
    figures = timing.figures()
    if not figures["blocks"]:
        return [f"{system.name}: did not run"]
    latency = "not known" if timing.latency is None else f"{1000 * timing.latency:.1f} ms"
    lines = [
        f"{system.name}: {figures['busy']:.2f} s for {figures['audio']:.1f} s of audio, "
        f"real-time factor {figures['rtf']:.4f}, algorithmic latency {latency}"
    ]
    if timing.block is None:
        lines.append("no blocks: it processes the recording as a whole")
    else:
        times = ", ".join(
            f"{name} {1000 * figures[name]:.3f} ms ({figures[name] / timing.block:.1%})" for name in TIMES
        )
        lines.append(f"per block of {1000 * timing.block:.1f} ms: {times}")
        lines.append(f"{figures['late']} of {figures['blocks']} blocks took longer than their duration")
    if way == RAW:
        lines.append(f"the output lagged the input by up to {1000 * timing.behind:.1f} ms")
    return lines
