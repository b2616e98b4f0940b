import numpy as np
import pytest
import zarr

from napari_segment_anything.errors import UnreadableInputError
from napari_segment_anything.stacks.open import open_stack


def make_plate(path, wells, fields, *, zarr_format):
    """An OME-Zarr 0.4 or 0.5 plate: a group of wells, each a group of images."""
    plate = zarr.open_group(str(path), mode="w", zarr_format=zarr_format)
    put(plate, {"plate": {"wells": [{"path": well} for well in wells]}})
    for number, name in enumerate(wells):
        well = plate.create_group(name)
        put(well, {"well": {"images": [{"path": str(f)} for f in range(fields)]}})
        for f in range(fields):
            image = well.create_group(str(f))
            array = image.create_array("0", shape=(2, 8, 9), dtype="u2")
            array[:] = 10 * number + f
            axes = [{"name": name} for name in "tyx"]
            put(
                image,
                {"multiscales": [{"axes": axes, "datasets": [{"path": "0"}]}]},
            )
    return path


def put(group, attributes):
    is_older = group.metadata.zarr_format == 2
    group.attrs.update(attributes if is_older else {"ome": attributes})


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_plate_names_its_images_and_the_next_step(tmp_path, zarr_format):
    path = make_plate(
        tmp_path / "p.zarr", ["A/1", "A/2", "B/1"], 2, zarr_format=zarr_format
    )
    with pytest.raises(UnreadableInputError) as caught:
        open_stack(path)
    said = str(caught.value)
    assert "a plate with 3 wells" in said
    assert f"{path}/A/1/0." in said
    assert "A/1/0, A/1/1, A/2/0, A/2/1, B/1/0, B/1/1" in said


@pytest.mark.parametrize("zarr_format", [2, 3])
def test_a_field_is_opened_by_its_path(tmp_path, zarr_format):
    path = make_plate(tmp_path / "p.zarr", ["A/1", "B/2"], 2, zarr_format=zarr_format)
    stack = open_stack(path / "B" / "2" / "1")
    assert stack.axes == "TYX"
    assert (stack.read((1,)) == 11).all()


def test_a_well_names_its_images(tmp_path):
    path = make_plate(tmp_path / "p.zarr", ["A/1"], 3, zarr_format=3)
    with pytest.raises(UnreadableInputError, match=r"a well of a plate with 3 images"):
        open_stack(path / "A" / "1")


def test_a_single_well_is_said_in_the_singular(tmp_path):
    path = make_plate(tmp_path / "p.zarr", ["A/1"], 2, zarr_format=3)
    with pytest.raises(UnreadableInputError, match=r"a plate with 1 well; open"):
        open_stack(path)


def test_a_large_plate_is_not_listed_to_its_end(tmp_path):
    wells = [f"A/{n}" for n in range(1, 10)]
    path = make_plate(tmp_path / "p.zarr", wells, 1, zarr_format=3)
    with pytest.raises(UnreadableInputError, match=r"9 wells.*A/6/0, …\.") as caught:
        open_stack(path)
    assert "A/7" not in str(caught.value)


def test_the_only_image_of_a_plate_or_well_is_opened(tmp_path):
    path = make_plate(tmp_path / "p.zarr", ["C/5"], 1, zarr_format=3)
    for place in (path, path / "C" / "5"):
        np.testing.assert_array_equal(open_stack(place).read((0,)), 0)


def test_a_plate_whose_wells_are_missing_says_so(tmp_path):
    group = zarr.open_group(str(tmp_path / "p.zarr"), mode="w")
    put(group, {"plate": {"wells": [{"path": "A/1"}]}})
    with pytest.raises(UnreadableInputError, match="copy is complete"):
        open_stack(tmp_path / "p.zarr")
