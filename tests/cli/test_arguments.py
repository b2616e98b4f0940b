from argparse import ArgumentTypeError
from pathlib import Path

import pytest

from napari_segment_anything.cli.arguments import channel, zarr_path


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
