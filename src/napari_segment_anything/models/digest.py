"""Digests of weights files."""

import hashlib
from pathlib import Path

import xxhash

_BLOCK_BYTES = 4 << 20


def file_digest(path: Path, algorithm: str = "sha256") -> str:
    """Return the hex digest of a file, read in blocks.

    Parameters
    ----------
    path : Path
        The file.
    algorithm : {"sha256", "xxh128"}
        Which digest; the catalogue's sources publish one or the other.
    """
    digest = xxhash.xxh128() if algorithm == "xxh128" else hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_BLOCK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def verify(path: Path, digest: str) -> bool:
    """Tell whether a file has the digest ``"algorithm:hex"`` of a catalogue entry."""
    algorithm, _, expected = digest.partition(":")
    return file_digest(path, algorithm) == expected
