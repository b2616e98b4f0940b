"""Downloads, against a server on this machine that behaves well or badly."""

import hashlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import xxhash

from napari_segment_anything.batch.progress import run
from napari_segment_anything.errors import DownloadError, StorageError
from napari_segment_anything.models.catalogue import CATALOGUE, ModelEntry
from napari_segment_anything.models.files import (
    FOLDER_VARIABLE,
    download,
    find,
    model_folder,
    weights_path,
)

CONTENT = bytes(range(256)) * 12_000  # three blocks


@dataclass
class Server:
    """What the server sends, how it misbehaves, and what it was asked."""

    url: str = ""
    content: bytes = CONTENT
    has_ranges: bool = True
    break_after: int | None = None
    status: int = 200
    ranges: list[str | None] = field(default_factory=list)


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked = self.headers.get("Range")
            state.ranges.append(asked)
            if state.status != 200:
                self.send_error(state.status)
                return
            start = 0
            if asked and state.has_ranges:
                start = int(asked.removeprefix("bytes=").rstrip("-"))
                if start >= len(state.content):
                    self.send_error(416)
                    return
                self.send_response(206)
                last = len(state.content) - 1
                total = len(state.content)
                self.send_header("Content-Range", f"bytes {start}-{last}/{total}")
            else:
                self.send_response(200)
            rest = state.content[start:]
            self.send_header("Content-Length", str(len(rest)))
            self.end_headers()
            self.wfile.write(rest[: state.break_after])

        def log_message(self, *args):
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{httpd.server_port}/weights.pth"
    thread = threading.Thread(target=httpd.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield state
    httpd.shutdown()
    httpd.server_close()
    thread.join()


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "models"))
    return tmp_path / "models"


def entry_of(server: Server, content: bytes = CONTENT, algorithm: str = "sha256"):
    digest = (
        xxhash.xxh128(content).hexdigest()
        if algorithm == "xxh128"
        else hashlib.sha256(content).hexdigest()
    )
    return ModelEntry(
        "mine", "vit_b", server.url, f"{algorithm}:{digest}", None, "MIT", "", ""
    )


@pytest.mark.parametrize("algorithm", ["sha256", "xxh128"])
def test_a_download_ends_under_its_final_name(server, folder, algorithm):
    entry = entry_of(server, algorithm=algorithm)
    assert find(entry) is None
    seen = []
    path = run(download(entry), seen.append)
    assert path == find(entry) == folder / "mine.pth"
    assert path.read_bytes() == CONTENT
    assert [p.name for p in folder.iterdir()] == ["mine.pth"]
    assert seen[-1].done == seen[-1].total == len(CONTENT)
    assert [p.done for p in seen] == sorted(p.done for p in seen)


def test_weights_that_are_there_are_not_fetched_again(server):
    entry = entry_of(server)
    run(download(entry))
    run(download(entry))
    assert len(server.ranges) == 1


@pytest.mark.parametrize("has_ranges", [True, False], ids=["ranges", "no_ranges"])
def test_a_broken_transfer_is_continued_or_begun_again(server, folder, has_ranges):
    server.has_ranges = has_ranges
    server.break_after = 1_500_000
    entry = entry_of(server)
    with pytest.raises(DownloadError, match="continues"):
        run(download(entry))
    assert find(entry) is None
    kept = (folder / "mine.pth.partial").stat().st_size
    assert 0 < kept <= 1_500_000
    server.break_after = None
    assert run(download(entry)).read_bytes() == CONTENT
    assert server.ranges == [None, f"bytes={kept}-"]


def test_a_cancelled_download_is_continued(server, folder):
    entry = entry_of(server)
    job = download(entry)
    progress = next(job)
    while progress.done == 0:
        progress = next(job)
    job.close()
    assert find(entry) is None
    assert (folder / "mine.pth.partial").stat().st_size == progress.done
    assert run(download(entry)).read_bytes() == CONTENT
    assert server.ranges[1] == f"bytes={progress.done}-"


def test_a_whole_partial_file_only_needs_its_name(server, folder):
    folder.mkdir()
    (folder / "mine.pth.partial").write_bytes(CONTENT)
    assert run(download(entry_of(server))).read_bytes() == CONTENT


@pytest.mark.parametrize(
    "stale",
    [b"x" * 1000, b"x" * (len(CONTENT) + 1)],
    ids=["beginning_of_another_file", "longer_than_the_file"],
)
def test_a_partial_file_of_another_version_is_replaced(server, folder, stale):
    folder.mkdir()
    (folder / "mine.pth.partial").write_bytes(stale)
    assert run(download(entry_of(server))).read_bytes() == CONTENT


def test_a_wrong_digest_leaves_nothing(server, folder):
    server.content = CONTENT[:-1] + b"?"
    with pytest.raises(DownloadError, match="digest"):
        run(download(entry_of(server)))
    assert list(folder.iterdir()) == []


def test_a_refusal_names_the_status(server):
    server.status = 404
    with pytest.raises(DownloadError, match="404"):
        run(download(entry_of(server)))


def test_no_connection_is_one_sentence(server):
    entry = entry_of(server)
    dead = ModelEntry(
        "mine", "vit_b", "http://127.0.0.1:9/x.pth", entry.digest, None, "", "", ""
    )
    with pytest.raises(DownloadError, match="connection"):
        run(download(dead))


def test_a_folder_that_cannot_be_made(server, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "file" / "models"))
    with pytest.raises(StorageError, match=FOLDER_VARIABLE):
        run(download(entry_of(server)))


def test_files_fetched_by_hand_are_found_under_their_published_name(folder):
    folder.mkdir()
    (folder / "mobile_sam.pt").write_bytes(b"")
    (folder / "vit_b.pt").write_bytes(b"")
    assert find(CATALOGUE["vit_t"]) == folder / "mobile_sam.pt"
    assert find(CATALOGUE["vit_b_lm"]) is None


def test_the_default_folder_is_not_that_of_the_older_plugin(monkeypatch):
    monkeypatch.delenv(FOLDER_VARIABLE)
    assert model_folder().parent.name == "napari_segment_anything"


def test_the_bundled_model_lies_in_the_package():
    path = weights_path(CATALOGUE["nano"])
    assert path.parts[-3:] == ("models", "bundled", "nano.safetensors")
