"""The folders of the Microsoft AEC Challenge (R. Cutler et al., ICASSP 2021; github.com/microsoft/AEC-Challenge).

Synthetic: `farend_speech/farend_speech_fileid_N.wav`, `echo_signal/echo_fileid_N.wav`,
`nearend_mic_signal/nearend_mic_fileid_N.wav`, `nearend_speech/nearend_speech_fileid_N.wav` and `meta.csv`. The near end
at the microphone is `nearend_scale` times the file; the noise is what is left of mic:

    near = round(nearend_scale nearend_speech)      noise = mic - echo - near

Real: `NAME_SCENARIO_mic.wav` and the far end `NAME_SCENARIO_lpb.wav`, which near-end single talk may lack: silence.
See aec_real.
"""

from pathlib import Path
from typing import Any

import pandas as pd

from aecbench.corpus.layouts.aec_real import ENDS, find_real
from aecbench.corpus.layouts.aec_synthetic import FOLDERS, META, find_synthetic
from aecbench.corpus.layouts.base import Found, Wanted, Written, records, write_wav
from aecbench.corpus.read import Corpus
from aecbench.scenes.recording import Recording
from aecbench.scenes.scene import Scene

__all__ = ["find", "write"]

COLUMNS = {  # of meta.csv, in the order of the challenge; the last two are ours
    "nearend_speaker": "near-end talker",
    "nearend_wav_path": "file of the near end",
    "nearend_wav_path_noisy": "file of the near end with noise",
    "farend_speaker": "far-end talker",
    "farend_wav_path": "file of the far end",
    "farend_wav_path_noisy": "file of the far end with noise",
    "ser": "signal-to-echo ratio in dB",
    "is_farend_nonlinear": "1: the loudspeaker is not linear",
    "is_farend_noisy": "1: there is noise in the far end",
    "is_nearend_noisy": "1: there is noise at the microphone",
    "split": "train, val or test",
    "fileid": "number in the names of the four files",
    "nearend_scale": "factor of the near end in the microphone signal",
    "scale": "what a step of the 16-bit samples is worth",
    "scene": "id of the scene in its corpus",
}


def find(folder: Path, wanted: Wanted) -> Found:
    """The scenes in a folder of the challenge: the synthetic set or real recordings, which may lie in subfolders.

    Raises SourceError where it is neither, or meta.csv cannot be used, and UsageError for a blind test set in another
    split than "test".
    """
    if any((folder / name).is_dir() for name in FOLDERS):
        return find_synthetic(folder, wanted.corpus, wanted.split)
    return find_real(folder, wanted)


def write(corpus: Corpus, out: Path) -> Written:
    """Scenes with stems as a synthetic set, nearend_scale 1; real recordings by their names. meta.csv lists all.

    Noise is what is left of mic, so all stems come back to the bit; of what else was drawn, meta.csv has a part.
    """
    rows = []
    for number, (scene, record) in enumerate(records(corpus)):
        if len(record.audio) == len(ENDS):
            name = scene.id.split("/", 2)[2]
            for x, end in zip(record.audio, ENDS, strict=True):
                write_wav(out / f"{name}{end}.wav", x, scene.rate)
            continue
        for x, (folder, prefix) in zip(record.audio, FOLDERS.items(), strict=False):
            write_wav(out / folder / f"{prefix}_fileid_{number}.wav", x, scene.rate)
        facts = _facts(scene) | {"ser": scene.ser, "split": scene.split, "fileid": number, "nearend_scale": 1.0}
        rows.append(facts | {"scale": record.scale, "scene": scene.id})
    pd.DataFrame(rows, columns=list(COLUMNS)).to_csv(out / META, index=False)
    audio = {name: f"{name}/*.wav" for name in FOLDERS} if rows else {end[1:]: f"**/*{end}.wav" for end in ENDS}
    return Written(out / META, COLUMNS, audio)


def _facts(scene: Scene | Recording) -> dict[str, Any]:
    """Return the values of meta.csv for a scene."""
    if isinstance(scene, Recording):
        return {name: value for name, value in scene.facts.items() if name in COLUMNS}
    return {
        "nearend_speaker": scene.near.speaker if scene.near else None,
        "farend_speaker": scene.far.speaker if scene.far else None,
        "is_farend_nonlinear": int(bool(scene.loudspeaker.stages)),
        "is_farend_noisy": int(scene.far_noise is not None),
        "is_nearend_noisy": int(scene.noise is not None),
    }
