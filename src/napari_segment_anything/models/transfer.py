"""One file over HTTP, into a partial file that a later attempt continues."""

import errno
import http.client
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from napari_segment_anything.errors import DownloadError

_BLOCK_BYTES = 1 << 20
_TIMEOUT_SECONDS = 30.0
_RANGE_NOT_SATISFIABLE = 416
_PARTIAL_CONTENT = 206


@dataclass(frozen=True)
class DownloadProgress:
    """Bytes of a download that are on disk, and how many there will be.

    ``total`` is 0 as long as the server has not said it.
    """

    done: int
    total: int


def transfer(url: str, partial: Path) -> Iterator[DownloadProgress]:
    """Fetch what is missing of a file; yield progress after each block.

    What `partial` already holds is kept and only the rest is asked for. A server that
    cannot continue sends the whole file, which then replaces what was there.

    Raises
    ------
    DownloadError
        The server cannot be reached, refuses, or ends before the file is complete;
        what arrived stays in `partial` for the next attempt. Or the disk is full.
    """
    start = partial.stat().st_size if partial.exists() else 0
    host = urlsplit(url).hostname
    try:
        with _open(url, start) as response:
            start, total = _extent(response, start)
            done = start
            yield DownloadProgress(done, total)
            with partial.open("ab" if start else "wb") as file:
                while block := response.read(_BLOCK_BYTES):
                    file.write(block)
                    done += len(block)
                    yield DownloadProgress(done, total)
    except urllib.error.HTTPError as error:
        if error.code == _RANGE_NOT_SATISFIABLE and start:
            # Nothing lies beyond what is there: it is either whole, which the digest
            # will tell, or of another version of the file.
            yield DownloadProgress(start, start)
            return
        raise DownloadError(
            f"{host} refused {url} (HTTP {error.code} {error.reason}); the file may "
            "have moved: update this package, or fetch the file by hand."
        ) from error
    except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DownloadError(
                f"The disk is full: {partial.parent} has no room for the weights; "
                "free some space and run it again, which continues the download."
            ) from error
        raise DownloadError(
            f"The download from {host} broke off ({_reason(error)}); check the "
            "connection and run it again, which continues where it stopped."
        ) from error
    if done < total:
        raise DownloadError(
            f"The download from {host} broke off after {done} of {total} bytes; run "
            "it again, which continues where it stopped."
        )


def _open(url: str, start: int) -> http.client.HTTPResponse:
    # A compressed answer would have another length and could not be continued.
    headers = {"Accept-Encoding": "identity", "User-Agent": "napari-segment-anything"}
    if start:
        headers["Range"] = f"bytes={start}-"
    request = urllib.request.Request(url, headers=headers)
    response: http.client.HTTPResponse = urllib.request.urlopen(
        request, timeout=_TIMEOUT_SECONDS
    )
    return response


def _extent(response: http.client.HTTPResponse, start: int) -> tuple[int, int]:
    """Return where the answer begins in the file, and the length of the whole file."""
    length = int(response.headers.get("Content-Length") or 0)
    if response.status != _PARTIAL_CONTENT:
        return 0, length
    # "bytes 100-199/200"; a server may answer with another range than asked for.
    extent = response.headers.get("Content-Range", "").removeprefix("bytes ")
    first, _, _ = extent.partition("-")
    if first != str(start):
        raise http.client.HTTPException(f"unexpected range '{extent}'")
    return start, start + length if length else 0


def _reason(error: Exception) -> str:
    reason = getattr(error, "reason", None) or error
    return str(reason) or type(reason).__name__
