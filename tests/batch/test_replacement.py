"""An output at a place from which the job reads, or where others keep something."""

import numpy as np
import pytest
import zarr

from bright_sam import bright_predictor
from dividing_movie import dividing_movie, stack_of
from napari_segment_anything.batch.progress import run
from napari_segment_anything.batch.segment import segment_stack
from napari_segment_anything.batch.track import track_stack
from napari_segment_anything.batch.track_start import StackPlanes, StartLabels
from napari_segment_anything.errors import InvalidAxesError, StorageError
from napari_segment_anything.stacks.open import open_stack
from napari_segment_anything.storage.label_store import LabelStore


@pytest.fixture
def predictor():
    return bright_predictor()


@pytest.fixture
def movie():
    return stack_of(dividing_movie())


@pytest.fixture
def made(movie, predictor, tmp_path):
    """An earlier result that holds its image."""
    path = tmp_path / "a.zarr"
    run(track_stack(movie, predictor, output=path))
    return path


def labels_of(path):
    store = LabelStore.open(path, mode="r")
    return np.stack([store.read_plane((t,)) for t in range(6)])


@pytest.mark.parametrize("place", ["", "0"])
@pytest.mark.parametrize("job", [segment_stack, track_stack])
def test_an_image_that_is_read_stays_and_its_labels_are_new(
    made, movie, predictor, place, job
):
    before = labels_of(made)
    part = LabelStore.open(made)
    part.write_plane((0,), np.zeros(part.plane_shape, np.int32))
    stack = open_stack(made / place, axes="TYX")
    run(job(stack, predictor, output=made, overwrite=True))
    image = np.asarray(zarr.open_array(made / "0", mode="r"))
    assert np.array_equal(image, movie.data)
    assert np.array_equal(labels_of(made) > 0, before > 0)
    # The same again finds it done.
    again = run(job(open_stack(made / place, axes="TYX"), predictor, output=made))
    assert again.n_resumed == 6


def test_an_open_array_is_spared_too(made, movie, predictor):
    stack = open_stack(zarr.open_array(made / "0", mode="r"), axes="TYX")
    run(segment_stack(stack, predictor, output=made, overwrite=True))
    assert np.array_equal(zarr.open_array(made / "0", mode="r")[...], movie.data)


@pytest.mark.parametrize("output", ["", "labels/masks"])
def test_labels_that_are_read_are_not_replaced(made, movie, predictor, output):
    before = labels_of(made)
    labels = open_stack(made / "labels" / "masks", axes="TYX")
    start = StartLabels(StackPlanes(labels), are_tracks=True, search="followed")
    options = {"start": start, "overwrite": True}
    with pytest.raises(StorageError, match="choose another output"):
        run(track_stack(movie, predictor, output=made / output, **options))
    assert np.array_equal(labels_of(made), before)
    # Beside them there is room.
    beside = made / "labels" / "more"
    run(track_stack(movie, predictor, output=beside, **options))
    assert np.array_equal(labels_of(made / "labels" / "masks"), before)
    assert np.array_equal(labels_of(beside) > 0, before > 0)


def test_an_image_that_is_not_ours_is_never_removed(movie, predictor, tmp_path):
    image = tmp_path / "theirs.zarr"
    root = theirs(movie, image)
    run(segment_stack(movie, predictor, output=image / "labels" / "cells"))
    with pytest.raises(StorageError, match=r"give .*labels/cells"):
        run(segment_stack(movie, predictor, output=image, overwrite=True))
    assert np.array_equal(root["0"][...], movie.data)
    # As what is read it keeps its pixels and gets new labels.
    run(segment_stack(open_stack(image), predictor, output=image, overwrite=True))
    assert np.array_equal(root["0"][...], movie.data)


def theirs(movie, path):
    """Write an image as other programs do."""
    root = zarr.open_group(path, mode="w")
    root.create_array("0", data=movie.data, chunks=(1, *movie.plane_shape))
    axes = [{"name": name} for name in "tyx"]
    described = {"version": "0.5", "axes": axes, "datasets": [{"path": "0"}]}
    described["datasets"][0]["coordinateTransformations"] = [
        {"type": "scale", "scale": [1, 1, 1]}
    ]
    root.attrs["ome"] = {"version": "0.5", "multiscales": [described]}
    return root


@pytest.mark.parametrize("job", [segment_stack, track_stack])
@pytest.mark.parametrize("named", [["cells"], ["cells", "masks"], []])
def test_labels_of_another_name_stay(movie, predictor, tmp_path, job, named):
    image = tmp_path / "theirs.zarr"
    theirs(movie, image).create_group("labels/by-hand")
    for name in named:
        run(segment_stack(movie, predictor, output=image / "labels" / name))
        # Whoever replaces them is found out.
        store = LabelStore.open(image / "labels" / name)
        store.write_plane((0,), np.full(store.plane_shape, 77, np.int32))
    for _ in range(2):
        stack = open_stack(image)
        run(job(stack, predictor, output=image, overwrite=True))
        masks = LabelStore.open(image / "labels" / "masks", mode="r")
        assert masks.read_plane((0,)).max() < 77
        if "cells" in named:
            cells = LabelStore.open(image / "labels" / "cells", mode="r")
            assert (cells.read_plane((0,)) == 77).all()
    assert (image / "labels" / "by-hand").is_dir()


def test_masks_of_others_are_not_replaced(movie, predictor, tmp_path):
    image = tmp_path / "theirs.zarr"
    theirs(movie, image).create_group("labels/masks")
    before = sorted(image.rglob("*"))
    job = segment_stack(open_stack(image), predictor, output=image, overwrite=True)
    with pytest.raises(StorageError, match="not made by this package"):
        run(job)
    assert sorted(image.rglob("*")) == before


def test_labels_that_others_added_to_a_result_are_not_removed(made, movie, predictor):
    root = zarr.open_group(made, mode="r+")
    root.create_group("labels/by-hand").create_array("0", data=np.ones((3, 3)))
    with pytest.raises(StorageError, match="the labels by-hand"):
        run(segment_stack(movie, predictor, output=made, overwrite=True))
    assert (made / "labels" / "by-hand" / "0").is_dir()


def test_what_cannot_be_written_leaves_the_earlier_result(made, predictor, monkeypatch):
    before = labels_of(made)
    monkeypatch.setattr(
        "napari_segment_anything.storage.label_store.write_layout", refuse
    )
    stack = stack_of(dividing_movie() + 1)
    with pytest.raises(InvalidAxesError):
        run(segment_stack(stack, predictor, output=made, overwrite=True))
    assert np.array_equal(labels_of(made), before)


def refuse(path, layout):
    raise InvalidAxesError("no")
