from argparse import ArgumentTypeError
from pathlib import Path

import pytest

from napari_segment_anything.cli.arguments import (
    at_least,
    channel,
    index_range,
    zarr_path,
)


@pytest.mark.parametrize(("text", "expected"), [("2", 2), ("0,2", (0, 2))])
def test_channels(text, expected):
    assert channel(text) == expected


@pytest.mark.parametrize("text", ["", "red", "1,,2", "1;2"])
def test_what_is_no_channel_is_named(text):
    with pytest.raises(ArgumentTypeError, match=f"'{text}'"):
        channel(text)


def test_an_output_ends_in_zarr():
    assert zarr_path("a/b.ome.zarr") == Path("a/b.ome.zarr")
    with pytest.raises(ArgumentTypeError, match=r"end in \.zarr"):
        zarr_path("labels.tif")


def test_labels_may_go_into_an_image():
    path = Path("a/b.ome.zarr/labels/cells")
    assert zarr_path("a/b.ome.zarr/labels/cells") == path
    assert zarr_path("labels/movie.zarr") == Path("labels/movie.zarr")
    with pytest.raises(ArgumentTypeError, match=r"end in \.zarr"):
        zarr_path("labels/movie")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("5", 5),
        ("-1", -1),
        ("10:20", slice(10, 20)),
        ("100:", slice(100, None)),
        ("::2", slice(None, None, 2)),
    ],
)
def test_ranges_are_those_of_python(text, expected):
    assert index_range(text) == expected


@pytest.mark.parametrize("text", ["", "a", "1:b", "1:2:3:4", "1:5:0"])
def test_what_is_no_range_is_named(text):
    with pytest.raises(ArgumentTypeError, match=f"'{text}'"):
        index_range(text)


@pytest.mark.parametrize("text", ["0", "-2", "two", "1.5"])
def test_numbers_of_workers_are_at_least_one(text):
    assert at_least(1)("3") == 3
    with pytest.raises(ArgumentTypeError, match="at least 1"):
        at_least(1)(text)
