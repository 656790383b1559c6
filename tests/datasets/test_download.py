"""Downloads from a server that closes the connection, cannot resume, has another file, or refuses."""

from __future__ import annotations

import errno
import gzip
import re
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import requests

from lmms_vg.datasets.download import download
from lmms_vg.datasets.source import DataError

CONTENT = bytes(range(256)) * 40


class Server(ThreadingHTTPServer):
    """Serve `content` at every path except /gone, and record the ranges in `asked`, None for a request without one."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        self.content = CONTENT
        self.asked: list[str | None] = []
        self.breaks_after: int | None = None  # number of bytes; of the next response only
        self.ranges, self.lengths, self.compresses, self.shifts = True, True, False, 0

    def handle_error(self, request: object, client_address: object) -> None:
        """Print no traceback for a closed connection."""


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        server = self.server
        asked = self.headers["Range"]
        server.asked.append(asked)
        if self.path == "/gone":
            self.send_error(404)
            return
        size, body = len(server.content), server.content
        if asked and server.ranges:
            start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) + server.shifts
            if start >= size:
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{size}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            body = body[start:]
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        else:
            self.send_response(200)
        if server.compresses and "gzip" in self.headers.get("Accept-Encoding", ""):
            body = gzip.compress(body)
            self.send_header("Content-Encoding", "gzip")
        if server.lengths:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: server.breaks_after])
        server.breaks_after = None

    def log_message(self, format: str, *args: object) -> None: ...


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as made:
        Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield made
        made.shutdown()


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lmms_vg.datasets.download._CHUNK", 100)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_broken_off_download_goes_on_where_it_stopped(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "set" / "a file.zip"
    server.breaks_after = 3000
    with pytest.raises(DataError, match=rf"{server.url}/a: .*same command again.*\.part$"):
        download(f"{server.url}/a", path)
    assert files(tmp_path) == {"set/a file.zip.part": CONTENT[:3000]}
    download(f"{server.url}/a", path)
    assert server.asked == [None, "bytes=3000-"]
    assert files(tmp_path) == {"set/a file.zip": CONTENT}


def test_what_is_there_is_not_asked_for_again(server: Server, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"mine")
    download(f"{server.url}/a", tmp_path / "a")
    assert server.asked == []
    assert files(tmp_path) == {"a": b"mine"}


def test_server_without_ranges_starts_over(server: Server, tmp_path: Path) -> None:
    server.ranges = False
    (tmp_path / "a.part").write_bytes(CONTENT[:3000])
    download(f"{server.url}/a", tmp_path / "a")
    assert server.asked == ["bytes=3000-"]
    assert files(tmp_path) == {"a": CONTENT}


def test_whole_part_is_only_renamed(server: Server, tmp_path: Path) -> None:
    (tmp_path / "a.part").write_bytes(CONTENT)
    download(f"{server.url}/a", tmp_path / "a")
    assert server.asked == [f"bytes={len(CONTENT)}-"]
    assert files(tmp_path) == {"a": CONTENT}


@pytest.mark.parametrize("shifts", [0, 5])
def test_part_of_another_file_is_dropped(server: Server, tmp_path: Path, shifts: int) -> None:
    """It is longer than the server's file, or the server sends another range than requested."""
    server.shifts = shifts
    have = 3000 if shifts else len(CONTENT) + 1
    (tmp_path / "a.part").write_bytes(b"x" * have)
    download(f"{server.url}/a", tmp_path / "a")
    assert server.asked == [f"bytes={have}-", None]
    assert files(tmp_path) == {"a": CONTENT}


def test_length_that_the_server_does_not_tell(server: Server, tmp_path: Path) -> None:
    """As for archives that the server makes while sending."""
    server.lengths = False
    download(f"{server.url}/a", tmp_path / "a")
    assert files(tmp_path) == {"a": CONTENT}


def test_empty_file_is_a_file(server: Server, tmp_path: Path) -> None:
    server.content = b""
    download(f"{server.url}/a", tmp_path / "a")
    assert files(tmp_path) == {"a": b""}


def test_early_end_is_noticed_where_the_client_does_not(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with urllib3 before 2.0: the body ends without an error."""
    monkeypatch.setattr(requests.Response, "iter_content", lambda *_: iter([CONTENT[3000:7500]]))
    (tmp_path / "a.part").write_bytes(CONTENT[:3000])
    with pytest.raises(DataError, match=f"7500 of {len(CONTENT)} bytes.*same command again"):
        download(f"{server.url}/a", tmp_path / "a")
    assert files(tmp_path) == {"a.part": CONTENT[:7500]}


def test_compression_on_the_way_would_shift_every_offset(server: Server, tmp_path: Path) -> None:
    server.compresses = True
    server.breaks_after = 200
    with pytest.raises(DataError):
        download(f"{server.url}/a", tmp_path / "a")
    download(f"{server.url}/a", tmp_path / "a")
    assert server.asked == [None, "bytes=200-"]
    assert files(tmp_path) == {"a": CONTENT}


def test_refusal_is_one_line_without_advice_to_try_again(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        download(f"{server.url}/gone", tmp_path / "a")
    assert str(caught.value) == f"404 Client Error: Not Found for url: {server.url}/gone"
    assert files(tmp_path) == {}


def test_no_server_is_one_line(server: Server, tmp_path: Path) -> None:
    server.shutdown()
    server.server_close()
    with pytest.raises(DataError, match="Connection refused") as caught:
        download(f"{server.url}/a", tmp_path / "a")
    assert "\n" not in str(caught.value)


def test_interruption_leaves_the_part(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C is not turned into DataError, and the part stays."""

    class Interrupted:
        def __init__(self, **_: object) -> None: ...

        def __enter__(self) -> Interrupted:
            return self

        def __exit__(self, *_: object) -> None: ...

        def update(self, _: int) -> None:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("lmms_vg.datasets.download.tqdm", Interrupted)
        with pytest.raises(KeyboardInterrupt):
            download(f"{server.url}/a", tmp_path / "a")
    assert files(tmp_path) == {"a.part": CONTENT[:100]}
    download(f"{server.url}/a", tmp_path / "a")
    assert files(tmp_path) == {"a": CONTENT}


def test_folder_that_cannot_be_made_is_named(server: Server, tmp_path: Path) -> None:
    """This includes a folder above the file; the message does not advise to try again."""
    (tmp_path / "set").write_bytes(b"")
    advice = "LMMS_VG_DATA must be a writable folder"
    for path in (tmp_path / "set" / "a", tmp_path / "set" / "imgs" / "a"):
        with pytest.raises(DataError) as caught:
            download(f"{server.url}/a", path)
        assert re.fullmatch(rf"{tmp_path}/set(/imgs)? cannot be written \(.+\): {advice}", str(caught.value))
    assert server.asked == []


def test_disk_that_is_full_is_not_blamed_on_the_network(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error of a write names no file."""

    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("lmms_vg.datasets.download.tqdm.update", full)
    with pytest.raises(DataError, match=rf"^{tmp_path}/a\.part .*No space left on device.*LMMS_VG_DATA"):
        download(f"{server.url}/a", tmp_path / "a")
    assert len(server.asked) == 1


def test_folder_that_cannot_be_searched_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As in another user's folder, where even the existence of the file cannot be checked."""

    def refuse(path: Path) -> bool:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "exists", refuse)
    with pytest.raises(DataError, match=rf"^{tmp_path}/a .*Permission denied.*LMMS_VG_DATA"):
        download("http://127.0.0.1:1/a", tmp_path / "a")
