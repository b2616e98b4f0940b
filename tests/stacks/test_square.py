import numpy as np
import pytest

from napari_segment_anything.engine.stretch import Stretch
from napari_segment_anything.session.planes import PlaneId, PlaneSource
from napari_segment_anything.stacks import square
from napari_segment_anything.stacks.intensity import estimate_intensity_range
from napari_segment_anything.stacks.square import stretch_of, with_square_pixels
from napari_segment_anything.stacks.stack import Stack

DATA = np.random.default_rng(0).integers(0, 4000, (2, 6, 8, 10)).astype(np.uint16)
THICK = {"T": 60.0, "Z": 2.0, "Y": 0.5, "X": 0.5}


def stack_of(plane_axes="ZX", scale=THICK, units=None):
    return Stack(DATA, "TZYX", plane_axes=plane_axes, scale=scale, units=units)


@pytest.mark.parametrize(
    ("options", "stretch"),
    [
        ({}, Stretch(4, 1)),
        ({"plane_axes": "XZ"}, Stretch(1, 4)),
        ({"plane_axes": "YX"}, Stretch()),
        # Time has no length.
        ({"plane_axes": "TX"}, Stretch()),
        ({"scale": {}}, Stretch()),
        ({"scale": {"Z": 4.0}}, Stretch()),
        ({"scale": {**THICK, "Z": -2.0}}, Stretch(4, 1)),
        ({"units": {"Z": "micrometer", "X": "micrometer"}}, Stretch(4, 1)),
        ({"units": {"Z": "micrometer", "X": "pixel"}}, Stretch()),
    ],
)
def test_planes_in_space_with_known_sizes_are_stretched(options, stretch):
    assert stretch_of(stack_of(**options)) == stretch


def test_planes_that_would_be_very_large_stay_as_they_are(monkeypatch):
    monkeypatch.setattr(square, "_MOST_VALUES", 6 * 10 * 4)
    assert stretch_of(stack_of()).is_needed
    monkeypatch.setattr(square, "_MOST_VALUES", 6 * 10 * 4 - 1)
    assert not stretch_of(stack_of()).is_needed


def test_planes_and_their_range_are_those_that_the_docks_embed():
    """Embeddings are known by these, so that those of one serve the other."""
    stack = stack_of()
    seen = with_square_pixels(stack)
    source = PlaneSource(DATA, "TZYX", pixel_sizes=tuple(THICK.values()))
    for t, y in [(0, 0), (1, 7)]:
        plane = PlaneId(("Z", "X"), (("T", t), ("Y", y)))
        pixels = source.read_square(plane)
        assert pixels.dtype == seen.read((t, y)).dtype
        np.testing.assert_array_equal(seen.read((t, y)), pixels)
        assert estimate_intensity_range(seen) == source.intensity_range(plane)
    assert seen.plane_shape == (24, 10)


def test_edges_stay_where_they_are_in_the_world():
    stack = Stack(DATA[0], "ZYX", plane_axes="ZX", scale=THICK, translate={"Z": 10.0})
    seen = with_square_pixels(stack)
    assert (seen.scale["Z"], seen.scale["X"]) == (0.5, 0.5)
    before = stack.translate["Z"] - stack.scale["Z"] / 2
    assert seen.translate["Z"] - seen.scale["Z"] / 2 == before
    assert seen.translate.get("X", 0.0) == 0.0


def test_square_pixels_change_nothing():
    stack = stack_of(plane_axes="YX")
    assert with_square_pixels(stack) is stack
    seen = with_square_pixels(stack_of())
    assert with_square_pixels(seen) is seen


def test_colours_are_stretched_too():
    colours = DATA[0, ..., :3].astype(np.uint8)
    seen = with_square_pixels(Stack(colours, "YXS", scale={"Y": 3, "X": 1}))
    assert seen.is_rgb
    assert seen.read().shape == (18, 8, 3)
