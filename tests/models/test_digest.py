import pytest

from napari_segment_anything.models.digest import file_digest, verify

# Published test vectors: FIPS 180-4 ("abc"), and xxHash's own of no input.
SHA256_ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
XXH128_EMPTY = "99aa06d3014798d86001c324468d497f"


@pytest.mark.parametrize(
    ("content", "algorithm", "expected"),
    [(b"abc", "sha256", SHA256_ABC), (b"", "xxh128", XXH128_EMPTY)],
)
def test_published_vectors(tmp_path, content, algorithm, expected):
    path = tmp_path / "file"
    path.write_bytes(content)
    assert file_digest(path, algorithm) == expected
    assert verify(path, f"{algorithm}:{expected}")
    assert not verify(path, f"{algorithm}:{expected[::-1]}")
