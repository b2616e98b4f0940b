import pytest

from napari_segment_anything.errors import InvalidAxesError
from napari_segment_anything.storage.ome_metadata import multiscale, ome_order


@pytest.mark.parametrize(
    ("axes", "ordered"),
    [("YX", "YX"), ("ZTYX", "TZYX"), ("XYZCT", "TCZYX"), ("PYX", "PYX")],
)
def test_axes_are_time_then_channel_then_space(axes, ordered):
    assert ome_order(axes) == ordered


@pytest.mark.parametrize("axes", ["YXS", "PCYX"])
def test_axes_that_ome_zarr_cannot_hold_are_refused(axes):
    with pytest.raises(InvalidAxesError, match="OME-Zarr"):
        ome_order(axes)


@pytest.mark.parametrize(
    ("unit", "written"),
    [("µm", "micrometer"), ("um", "micrometer"), ("nanometer", "nanometer")],
)
def test_units_get_the_names_of_the_specification(unit, written):
    described = multiscale("a", "YX", {"X": 0.5}, {"X": unit})
    assert described["axes"][1] == {"name": "x", "type": "space", "unit": written}
    (dataset,) = described["datasets"]
    assert dataset["coordinateTransformations"] == [
        {"type": "scale", "scale": [1.0, 0.5]}
    ]


def test_units_that_the_specification_does_not_know_are_left_out():
    described = multiscale("a", "YX", {}, {"Y": "pixel"})
    assert described["axes"][0] == {"name": "y", "type": "space"}
