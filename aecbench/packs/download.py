"""Downloads to a folder, by pooch: a file with its final name is complete, and interrupted downloads are resumed."""

import functools
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing, suppress
from pathlib import Path
from threading import Event
from typing import Any, BinaryIO

from aecbench.errors import SourceError
from aecbench.packs.base import Place, Remote
from aecbench.progress import progress, transfer

__all__ = ["check", "download", "fetch_files"]

CHUNK = 1 << 16  # bytes; less than one chunk is lost when a connection breaks
THREADS = 8  # most files are small, so the latency of requests dominates
POINTER = b"version https://git-lfs"  # beginning of a Git LFS pointer
RETRIES = 2

Advance = Callable[[int], None]


class Stopped(Exception):
    """Another download has failed."""


class Pointer(Exception):
    """The server sent a Git LFS pointer instead of the file."""


class Sink:
    """The file to which a download is written: counts the bytes, and ends the download when `stop` is set."""

    def __init__(self, file: BinaryIO, advance: Advance, stop: Event) -> None:
        self.file, self.advance, self.stop = file, advance, stop
        self.responses: list[Any] = []
        self.start = file.seek(0, 2)  # number of bytes from an earlier download
        advance(self.start)

    def write(self, data: bytes) -> None:
        """Append data, unless the download has been stopped."""
        if self.stop.is_set():
            raise Stopped
        if not self.start and data.startswith(POINTER):
            raise Pointer
        self.file.write(data)
        self.advance(len(data))

    def flush(self) -> None:
        """Do nothing: the file is flushed when it is closed."""

    def begin(self, response: Any, **_: Any) -> None:
        """Start from the beginning if the server sends the whole file (200) or rejects the range (416)."""
        self.responses.append(response)
        if response.status_code in (200, 416):
            self.file.truncate(0)
            self.advance(-self.start)
            self.start = 0

    def close(self) -> None:
        """Close the connection, which pooch leaves to the garbage collector."""
        for response in self.responses:
            response.close()


def fetch_files(files: Sequence[Remote], name: str, found: Place | None, data: Path | None, cached: Place) -> Place:
    """Check the files of a pack if `found` is in the data folder; else download those that the cache lacks."""
    if found is not None and found.root == data:
        check(files, found.root, name)
        return found
    download(files, cached.root, f"fetch {name}")
    return cached


def download(files: Sequence[Remote], folder: Path, what: str) -> None:
    """Download those of `files` that are not intact in `folder`; `what` is the label of the progress bar.

    Raises SourceError for the first file that fails (the next call resumes the other downloads), and OSError if
    `folder` cannot be written.
    """
    import pooch

    missing = _missing(files, folder)
    pooch.get_logger().setLevel(logging.ERROR)
    store = pooch.Pooch(
        folder,
        base_url="",
        registry={remote.file: remote.hash for remote in missing},
        urls={remote.file: remote.url for remote in missing},
        retry_if_failed=RETRIES,
    )
    stop = Event()
    with transfer(what, sum(remote.bytes for remote in missing)) as advance, ThreadPoolExecutor(THREADS) as pool:
        tasks = {}
        for remote in missing:
            get = functools.partial(_get, part=folder / f"{remote.file}.part", advance=advance, stop=stop)
            tasks[pool.submit(store.fetch, remote.file, downloader=get)] = remote
        try:
            for task in as_completed(tasks):
                try:
                    task.result()
                except (ValueError, OSError, Pointer) as error:
                    raise SourceError(f"{tasks[task].url}: {_why(error)}") from None
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)


def check(files: Sequence[Remote], folder: Path, pack: str) -> None:
    """Raise SourceError if some `files` of a pack are not intact in `folder`, which belongs to the user."""
    wrong = _broken(files, folder)
    if wrong:
        first = folder / wrong[0].file
        flaw, advice = "differ from its list", "restore or remove them"
        if is_pointer(first):
            flaw, advice = "are not the files of its list but Git LFS pointers", "run git lfs pull there"
        raise SourceError(
            f"{folder}: {len(wrong)} of the {len(files)} files of pack {pack} {flaw}, such as {wrong[0].file}; {advice}"
        )


def is_pointer(path: Path) -> bool:
    """Return whether a file is a Git LFS pointer."""
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(POINTER)) == POINTER


def _broken(files: Sequence[Remote], folder: Path) -> list[Remote]:
    """Return the files that are not intact in `folder`."""
    with ThreadPoolExecutor(THREADS) as pool:
        whole = pool.map(lambda remote: remote.whole(folder / remote.file), files)
        return [
            remote
            for remote, good in zip(files, progress(whole, len(files), "check", "files"), strict=True)
            if not good
        ]


def _missing(files: Sequence[Remote], folder: Path) -> list[Remote]:
    """Return the files that are not intact in `folder`, after creating the folders for them."""
    missing = _broken(files, folder)
    for path in (folder / remote.file for remote in missing):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
    return missing


def _get(url: str, output_file: str, _: object, *, part: Path, advance: Advance, stop: Event) -> None:
    """Download `url`, resuming from `part` if it exists; keep a `part` if the download fails.

    `part` is claimed by renaming it, so two processes cannot write to the same one.
    """
    import pooch

    target = Path(output_file)
    with suppress(FileNotFoundError):
        part.replace(target)
    try:
        with target.open("ab") as file, closing(Sink(file, advance, stop)) as sink:
            headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={sink.start}-"} if sink.start else {})
            pooch.HTTPDownloader(chunk_size=CHUNK, headers=headers, hooks={"response": sink.begin})(url, sink, None)
    except BaseException:
        if size := target.stat().st_size:
            target.replace(part)
            advance(-size)
        raise


def _why(error: BaseException) -> str:
    """Return the cause of an error of pooch or requests, and what to do."""
    if isinstance(error, Pointer):
        return "sends a Git LFS pointer instead of the file; report it, or give a folder with the files with --data"
    if type(error) is ValueError:
        return "what it sends is not the file that the pack lists, and was removed; try again later, or report it"
    while error.__context__ is not None:
        error = error.__context__
    return f"cannot be fetched ({error}); run the command again to go on"
