"""A web server on this machine, a folder of packs and a cache to test with."""

import csv
import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import platformdirs
import pytest

from aecbench import assets


class Web:
    """What the server has, what is to go wrong with it, and what it was asked for."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.cuts: dict[str, list[int]] = {}  # bytes after which the next answers end
        self.errors: dict[str, list[int]] = {}  # codes of the next answers
        self.ranges = True
        self.asked: list[tuple[str, str | None]] = []
        self.url = ""
        self.barrier: threading.Barrier | None = None

    @contextmanager
    def together(self, count: int) -> Iterator[None]:
        """Answer only once `count` requests are waiting for an answer."""
        self.barrier = threading.Barrier(count, timeout=30)
        yield
        self.barrier = None

    def names(self) -> list[str]:
        """What was asked for since the last time, sorted."""
        names = sorted(name for name, _ in self.asked)
        self.asked.clear()
        return names


class Handler(BaseHTTPRequestHandler):
    web: Web

    def do_GET(self) -> None:
        name, wanted = self.path.removeprefix("/"), self.headers["Range"]
        self.web.asked.append((name, wanted))
        if self.web.barrier is not None:
            self.web.barrier.wait()
        body = self.web.files.get(name)
        errors = self.web.errors.get(name)
        if errors or body is None:
            self.send_error(errors.pop(0) if errors else 404)
            return
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted and self.web.ranges else 0
        if start >= len(body):
            self.send_error(416)
            return
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        cuts = self.web.cuts.get(name)
        self.wfile.write(body[start:][: cuts.pop(0) if cuts else None])

    def log_message(self, *_: object) -> None:
        """Be quiet."""


@pytest.fixture
def web(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setattr("pooch.core.time.sleep", lambda _: None)
    web = Web()
    with ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (Handler,), {"web": web})) as server:
        web.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield web
        server.shutdown()
        thread.join()


@pytest.fixture
def cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setattr(platformdirs, "user_cache_dir", lambda _: str(tmp_path / "cache"))
    monkeypatch.delenv("AECBENCH_DATA", raising=False)
    return tmp_path / "cache"


@pytest.fixture
def packs(tmp_path, monkeypatch, cache) -> Path:
    """The folder of the packs there are."""
    monkeypatch.setattr(assets, "PACKAGE", tmp_path / "package")
    folder = tmp_path / "package" / "_shipped" / "packs"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def write_pack(web, packs):
    """Writes a CSV pack of files, which the server then has; `facts` gives more columns of a file."""

    def write(name: str, files: dict[str, bytes], facts=lambda file: {}) -> None:
        web.files |= files
        rows = [
            {
                "file": file,
                "kind": "speech",
                "url": f"{web.url}/{file}",
                "sha256": hashlib.sha256(content).hexdigest(),
                "bytes": len(content),
                "licence": "CC0",
            }
            | facts(file)
            for file, content in files.items()
        ]
        with (packs / f"{name}.csv").open("w", newline="") as out:
            table = csv.DictWriter(out, rows[0])
            table.writeheader()
            table.writerows(rows)

    return write


@pytest.fixture
def tree():
    """Lists the files below a folder."""

    def tree(folder: Path) -> dict[str, bytes]:
        return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}

    return tree
