import numpy as np
import pytest
import zarr

from napari_segment_anything.stacks.open import open_stack

RED, GREEN, BLUE = "FF0000", "00FF00", "0000FF"
NAMED = [("red", RED), ("green", GREEN), ("blue", BLUE)]


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize(
    ("channels", "is_rgb"),
    [
        (NAMED, True),
        ([(name.title(), colour.lower()) for name, colour in NAMED], True),
        # Fluorescence in these colours stays what it is.
        ([("TRITC", RED), ("FITC", GREEN), ("DAPI", BLUE)], False),
        (NAMED[::-1], False),
        (NAMED[:2], False),
        ([], False),
    ],
)
def test_named_channels_in_three_colours_are_a_picture(
    tmp_path, version, channels, is_rgb
):
    group = zarr.open_group(
        tmp_path / "a.zarr", mode="w", zarr_format=2 if version == "0.4" else 3
    )
    data = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, 4, 5)
    group.create_array("0", shape=data.shape, dtype=data.dtype)[...] = data
    ome = {
        "version": version,
        "multiscales": [{"axes": list("cyx"), "datasets": [{"path": "0"}]}],
        "omero": {"channels": [{"label": n, "color": c} for n, c in channels]},
    }
    group.attrs.update(ome if version == "0.4" else {"ome": ome})
    stack = open_stack(tmp_path / "a.zarr")
    assert stack.is_rgb == is_rgb
    plane = stack.read()
    np.testing.assert_array_equal(plane, data.transpose(1, 2, 0) if is_rgb else data[0])
    # Whoever names a channel gets it.
    one = open_stack(tmp_path / "a.zarr", channel=1)
    np.testing.assert_array_equal(one.read(), data[1])


@pytest.mark.parametrize("omero", [None, [], {"channels": 3}, {"channels": ["red"]}])
def test_nonsense_is_no_picture(tmp_path, omero):
    group = zarr.open_group(tmp_path / "a.zarr", mode="w")
    group.create_array("0", shape=(3, 4, 5), dtype=np.uint8)
    group.attrs["ome"] = {
        "multiscales": [{"axes": list("cyx"), "datasets": [{"path": "0"}]}],
        "omero": omero,
    }
    assert not open_stack(tmp_path / "a.zarr").is_rgb
