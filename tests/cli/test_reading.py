"""How an input was read is said at the start, in the summary and in the JSON."""

import json

import numpy as np
import pytest
import tifffile

from napari_segment_anything.batch.track_projection import project_stack
from napari_segment_anything.cli.main import main
from napari_segment_anything.cli.reading import reading_line, reading_of
from napari_segment_anything.stacks.stack import Stack

DATA = np.zeros((3, 2, 4, 16, 20), np.uint16)


def line(**options):
    return reading_line(reading_of(Stack(DATA, "TCZYX", **options)))


def test_axes_lengths_and_the_channel_are_said():
    said = line()
    assert said.startswith("image read as TCZYX, 3 × 2 × 4 × 16 × 20; ")
    assert "channel 0 of 2 is used" in said
    assert "channel 1 of 2 is used" in line(channel=1)
    assert "channels 0, 1 of 2 composed to colours" in line(channel=(0, 1))
    assert "channel" not in reading_line(reading_of(Stack(DATA[:, 0], "TZYX")))


def test_planes_across_slices_are_said():
    assert "planes are ZX" in line(plane_axes="ZX")
    assert "planes are" not in line()


def test_a_projection_is_said_with_the_axes_before_it():
    stack = project_stack(Stack(DATA, "TCZYX", channel=1), "Z", "mean")
    reading = reading_of(stack)
    assert (reading["axes"], reading["shape"]) == ("TCZYX", list(DATA.shape))
    assert (reading["channels"], reading["projection"]) == ([1], "mean along Z")
    assert "channel 1 of 2" in reading_line(reading)
    assert "projected: mean along Z" in reading_line(reading)


def test_a_selection_says_where_its_numbers_begin():
    stack = Stack(DATA, "TCZYX").select(T=slice(1, None), Z=slice(2, None))
    said = reading_line(reading_of(stack))
    assert "frame 0, here and in all results, is frame 1 of the input" in said
    assert "slice 0, here and in all results, is slice 2 of the input\n" in said
    assert "of the input" not in line()
    first = Stack(DATA, "TCZYX").select(T=slice(0, 2))
    assert "of the input" not in reading_line(reading_of(first))
    backwards = reading_of(Stack(DATA, "TCZYX").select(T=slice(None, None, -1)))
    assert backwards["selection"] == {"T": [2, -1]}
    assert reading_line(backwards).endswith(
        "is frame 2 of the input, frame 1 is frame 1\n"
    )
    # There are no slices any more after a projection along Z.
    said = reading_line(reading_of(project_stack(stack, "Z", "max")))
    assert "is frame 1 of the input" in said
    assert "slice 0" not in said


@pytest.mark.parametrize("is_tried", [False, True])
def test_a_command_says_it_at_the_start_and_at_the_end(
    cache, weights, capsys, tmp_path, is_tried
):
    np.save("movie.npy", DATA[:2, :, :2])
    command = ["track", "movie.npy", "out.zarr", "--axes", "TCZYX", "--project", "max"]
    options = ["--model", str(weights), "--json", "a.json", "--no-repair"]
    assert main([*command, *options, *["--dry-run"] * is_tried]) == 0
    written = capsys.readouterr()
    first = written.err.splitlines()[0]
    assert first.startswith("image read as TCZYX, 2 × 2 × 2 × 16 × 20; channel 0 of 2")
    assert first.endswith("projected: max along Z")
    assert written.out.splitlines()[0] == first
    summary = json.loads((tmp_path / "a.json").read_text())
    assert summary["axes"] == "TYX"
    assert summary["reading"]["axes"] == "TCZYX"
    assert summary["reading"]["channels"] == [0]
    assert summary["reading"]["projection"] == "max along Z"


def test_which_of_several_images_is_used_is_said(
    cache, weights, capsys, recwarn, tmp_path
):
    with tifffile.TiffWriter("two.tif") as file:
        file.write(np.zeros((16, 20), np.uint8))
        file.write(np.zeros((24, 20), np.uint8))
    words = ["segment", "two.tif", "out.zarr", "--model", str(weights), "--dry-run"]
    assert main([*words, "--json", "a.json"]) == 0
    first = capsys.readouterr().err.splitlines()[0]
    assert first == (
        "image read as YX, 16 × 20; image 0 of 2 in the file is used, "
        "--series N takes another"
    )
    assert not [one for one in recwarn if "holds 2 images" in str(one.message)]
    assert main([*words, "--json", "a.json", "--series", "1"]) == 0
    assert "24 × 20; image 1 of 2 in" in capsys.readouterr().err.splitlines()[0]
    reading = json.loads((tmp_path / "a.json").read_text())["reading"]
    assert (reading["series"], reading["n_series"]) == (1, 2)
    assert main([*words, "--series", "2"]) == 2
    assert "use 0 to 1" in capsys.readouterr().err
    assert "series" not in line()
