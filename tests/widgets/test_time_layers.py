"""Labels and paths of tracked objects as layers, in memory and on disk."""

import numpy as np
import pytest
import zarr
from napari.layers import Labels
from qtpy.QtWidgets import QLabel

from dividing_movie import N_FRAMES, dividing_movie
from napari_segment_anything.errors import StorageError
from napari_segment_anything.models import load
from napari_segment_anything.storage.ctc import read_ctc
from napari_segment_anything.storage.write_behind_array import WriteBehindArray
from napari_segment_anything.widgets import (
    empty_labels,
    time_corrector,
)
from napari_segment_anything.widgets.time_dock import TimeDock
from time_dock_user import add_deep_movie, picture, settle, track

pytestmark = pytest.mark.gui


@pytest.fixture(autouse=True)
def _bright_model(monkeypatch, predictor):
    monkeypatch.setattr(load, "load_model", lambda name, device=None: predictor)


@pytest.fixture
def dock(viewer_model, qtbot):
    viewer_model.add_image(
        picture(dividing_movie()), name="cells", axis_labels=tuple("tyx")
    )
    viewer_model.dims.set_point(0, 0)
    dock = TimeDock(viewer_model)
    yield dock
    settle(dock, qtbot)
    dock.close()
    dock.deleteLater()


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Nothing fits into memory: labels are in this folder."""
    monkeypatch.setattr(empty_labels, "user_data_path", lambda *_, **__: tmp_path)
    monkeypatch.setattr(empty_labels, "fits_memory", lambda shape: False)
    monkeypatch.setattr(empty_labels, "show_info", lambda text: None)
    return tmp_path / "labels"


def on_disk(labels):
    labels.flush()
    return np.asarray(zarr.open(str(labels.path), mode="r")["labels/masks/0"])


def test_labels_that_do_not_fit_are_written_to_disk_alone(dock, qtbot, folder):
    corrector = track(dock, qtbot)
    labels = corrector.layers.labels.data
    assert isinstance(labels, WriteBehindArray)
    found = on_disk(labels)
    assert ((found > 0) == (dividing_movie() > 0)).mean() > 0.98
    # Nothing else was put there, for prompts say.
    assert [path.name for path in folder.iterdir()] == [labels.path.name]
    # Corrections and what is painted go there, too.
    wanderer = int(np.bincount(found[0][dividing_movie()[0] == 1]).argmax())
    corrector.tracks.apply(corrector.tracks.cut(wanderer, 3))
    layer = corrector.layers.labels
    layer.data_setitem((np.array([0]), np.array([90]), np.array([90])), wanderer)
    again = on_disk(labels)
    assert again[0, 90, 90] == wanderer
    assert wanderer not in again[3]


def test_what_was_only_for_the_eye_leaves_nothing_on_disk(dock, qtbot, folder):
    dock.form.preview.click()
    settle(dock, qtbot)
    (preview,) = folder.iterdir()
    track(dock, qtbot)
    labels = dock.corrector.layers.labels.data
    qtbot.waitUntil(lambda: not preview.exists(), timeout=30_000)
    assert [path.name for path in folder.iterdir()] == [labels.path.name]
    dock.worker.progressed.connect(lambda _: dock.worker.cancel())
    dock.form.track.click()
    settle(dock, qtbot)
    assert "Cancelled" in dock.form.job.status.text()
    qtbot.waitUntil(lambda: len(list(folder.iterdir())) == 1, timeout=30_000)


def convert(layer, dtype):
    """As napari does, in the menu of the layer."""
    layer.data = layer.data.astype(dtype)


@pytest.mark.parametrize("most_quick_bytes", [2**26, 0])
def test_corrections_strokes_and_files_are_of_labels_that_were_converted(
    dock, qtbot, tmp_path, monkeypatch, most_quick_bytes
):
    monkeypatch.setattr(time_corrector, "_MOST_QUICK_BYTES", most_quick_bytes)
    corrector = track(dock, qtbot)
    layer, tracks = corrector.layers.labels, corrector.tracks
    wanderer = int(np.bincount(layer.data[0][dividing_movie()[0] == 1]).argmax())
    convert(layer, np.int64)
    before = layer.data.copy()
    corrector.picker.pick(wanderer)
    corrector._viewer.dims.set_point(0, 3)
    dock.form.review.buttons["cut"].click()
    settle(dock, qtbot)
    assert layer.data.dtype == np.int64
    assert tracks.frames_of(wanderer) == [0, 1, 2]
    assert (layer.data != before).any(axis=(1, 2)).tolist() == [0, 0, 0, 1, 1, 1]
    cut = layer.data.copy()
    with qtbot.waitSignal(corrector.changed, timeout=30_000):
        layer.data_setitem((np.array([0]), np.array([90]), np.array([90])), wanderer)
    settle(dock, qtbot)
    dock.files.save_to(corrector, tmp_path / "tracks", "ctc", "_RES")
    settle(dock, qtbot)
    saved = np.asarray(read_ctc(tmp_path / "tracks_RES").labels)
    assert saved[0, 90, 90] == wanderer
    np.testing.assert_array_equal(saved, layer.data)
    dock.steps.undo()
    settle(dock, qtbot)
    np.testing.assert_array_equal(layer.data, cut)
    dock.steps.undo()
    settle(dock, qtbot)
    np.testing.assert_array_equal(layer.data, before)


def test_labels_that_are_converted_before_they_are_filled_are_those_of_the_tracks(
    dock, qtbot, viewer_model
):
    def convert_labels(event):
        if isinstance(event.value, Labels):
            convert(event.value, np.int64)

    viewer_model.layers.events.inserted.connect(convert_labels)
    corrector = track(dock, qtbot)
    layer, tracks = corrector.layers.labels, corrector.tracks
    assert layer.data.dtype == np.int64
    assert ((layer.data > 0) == (dividing_movie() > 0)).mean() > 0.98
    for frame in range(N_FRAMES):
        here = {one for one in tracks.tracks if frame in tracks.frames_of(one)}
        assert set(np.unique(layer.data[frame])) - {0} == here


def test_labels_on_disk_are_not_converted(dock, qtbot, folder):
    layer = track(dock, qtbot).layers.labels
    labels = layer.data
    with pytest.raises(StorageError, match="convert a saved copy"):
        convert(layer, np.int64)
    assert layer.data is labels


def test_a_preview_gives_way_unless_somebody_has_worked_on_it(
    dock, qtbot, viewer_model
):
    def names():
        return [layer.name for layer in viewer_model.layers]

    dock.form.preview.click()
    settle(dock, qtbot)
    assert names() == ["cells", "cells preview", "cells tracks"]
    dock.form.preview.click()
    settle(dock, qtbot)
    assert [name for name in names() if "preview" in name] == ["cells preview [1]"]
    corrector = dock.corrector
    corrector.picker.pick(corrector.tracks.tracks[0])
    dock.form.review.buttons["lock"].click()
    track(dock, qtbot)
    assert "cells preview [1]" in names()
    assert not corrector.layers.labels.visible
    assert not corrector.layers.tracks.visible
    assert dock.corrector.layers.labels.visible


def test_paths_have_properties_and_keep_how_they_are_shown(dock, qtbot, viewer_model):
    corrector = track(dock, qtbot)
    layer = corrector.layers.tracks
    wanted = {"track_id", "area", "confidence", "is_repaired", "parent_id"}
    assert set(layer.properties) == wanted
    sizes = layer.properties["area"]
    assert sizes.min() > 100
    assert set(layer.properties["parent_id"]) - {0} == {
        p for (p,) in layer.graph.values()
    }
    layer.color_by, layer.tail_length = "confidence", 3
    n_tracks = len(np.unique(layer.data[:, 0]))
    viewer_model.dims.set_point(0, 3)
    corrector.picker.pick(corrector.tracks.tracks[0])
    dock.form.review.buttons["cut"].click()
    settle(dock, qtbot)
    assert corrector.layers.tracks is layer
    assert len(np.unique(layer.data[:, 0])) == n_tracks + 1
    assert (layer.color_by, layer.tail_length) == ("confidence", 3)


def test_a_preview_looks_at_the_slice_that_is_shown_only(qtbot, viewer_model):
    add_deep_movie(viewer_model)
    viewer_model.dims.set_point(0, 3)
    dock = TimeDock(viewer_model)
    dock.form.preview.click()
    settle(dock, qtbot)
    found = dock.corrector.layers.labels.data
    assert [bool(frame.any()) for frame in found[:, 1]] == [0, 0, 1, 1, 1, 0]
    assert not found[:, 0].any()
    assert list(dock.corrector.found.movies) == [(1,)]
    assert "in 3 frames" in dock.form.job.status.text()
    assert {doubt.position for doubt in dock.corrector.tour.doubts} <= {(1,)}
    # The scores are those of this slice.
    assert (dock.corrector.layers.tracks.properties["confidence"] < 1).all()
    settle(dock, qtbot)
    dock.close()
    dock.deleteLater()


def test_objects_are_followed_through_depth_at_each_time(qtbot, viewer_model):
    labels = dividing_movie()
    data = np.stack([picture(labels), picture(labels[:, ::-1])])
    viewer_model.add_image(data, name="deep", axis_labels=tuple("tzyx"))
    viewer_model.dims.set_point(0, 1)
    dock = TimeDock(viewer_model)
    dock.form.along.setCurrentIndex(dock.form.along.findData("Z"))
    dock.form.along.activated.emit(dock.form.along.currentIndex())
    assert dock.form.frames == range(N_FRAMES)
    names = {label.text() for label in dock.form.findChildren(QLabel)}
    assert {"First slice", "Last slice"} <= names
    corrector = track(dock, qtbot)
    assert list(corrector.found.movies) == [(0,), (1,)]
    assert all(tracks.parents for tracks in corrector.found.movies.values())
    # napari has no paths along another axis than the first.
    assert corrector.layers.tracks is None
    assert "paths along the first axis only" in dock.form.job.status.text()
    viewer_model.dims.set_point(1, 3)
    tracks = corrector.tracks
    assert tracks is corrector.found.movies[1,]
    every = list(range(N_FRAMES))
    corrector.picker.pick(
        next(one for one in tracks.tracks if tracks.frames_of(one) == every)
    )
    before = corrector.layers.labels.data.copy()
    dock.form.review.buttons["cut"].click()
    changed = np.argwhere(before != corrector.layers.labels.data)
    assert set(changed[:, 0]) == {1}
    assert set(changed[:, 1]) == {3, 4, 5}
    settle(dock, qtbot)
    # Planes along depth are slices wherever they are spoken of.
    review, form = dock.form.review, dock.form
    spoken = [form.job.status.text(), review.selected.text(), review.summary.text()]
    spoken += [form.preview.text(), form.hidden.suffix(), form.estimate.text()]
    spoken += [review.list.item(n).text() for n in range(review.list.count())]
    spoken += [button.toolTip() for button in review.buttons.values()]
    assert any("slice" in text for text in spoken)
    assert not [text for text in spoken if "frame" in text or "movie" in text]
    dock.close()
    dock.deleteLater()


@pytest.fixture
def channels(qtbot, viewer_model):
    """A dock with a movie of two slices and two channels; the second one is shown."""
    labels = dividing_movie()
    deep = np.stack([picture(labels), picture(labels[:, ::-1])], axis=1)
    data = np.stack([np.full_like(deep, 100), deep], axis=1)
    viewer_model.add_image(data, name="cells", axis_labels=tuple("tczyx"))
    viewer_model.dims.current_step = (0, 1, 0, 0, 0)
    dock = TimeDock(viewer_model)
    yield dock
    settle(dock, qtbot)
    dock.close()
    dock.deleteLater()


def test_labels_are_seen_in_every_channel(channels, qtbot, viewer_model):
    corrector = track(channels, qtbot)
    labels = corrector.layers.labels
    assert labels.data.shape == (N_FRAMES, 1, 2, 96, 96)
    assert set(corrector.found.movies) == {(0,), (1,)}
    # napari's Tracks end at four dimensions.
    assert corrector.layers.tracks is None
    assert "at most 4 dimensions" in channels.form.job.status.text()
    for channel in (0, 1):
        viewer_model.dims.set_current_step(1, channel)
        viewer_model.dims.set_current_step(0, 4)
        assert corrector.shown.frame == 4
        value = labels.get_value(
            (4, channel, 0, 20, 16), dims_displayed=[3, 4], world=True
        )
        assert value in corrector.tracks.tracks
    channels.steps.step(1)
    assert viewer_model.dims.current_step[1] == 1
    lines = corrector.sight.lines.layer
    if lines is not None:
        assert (lines.scale == labels.scale).all()


def test_a_projection_of_the_channel_that_is_shown(channels, qtbot, viewer_model):
    form = channels.form
    form.slices.setCurrentIndex(form.slices.findData("max"))
    corrector = track(channels, qtbot)
    projected = viewer_model.layers["cells max"]
    assert projected.data.shape == (N_FRAMES, 1, 1, 96, 96)
    assert projected.data.max() > 1000
    assert corrector.layers.image is projected
    assert len(corrector.tracks.tracks) > 2


def test_planes_across_slices_are_followed(qtbot, viewer_model):
    labels = dividing_movie()[:, None, :, :]
    # An object in z and x, the same in each row.
    data = np.repeat(picture(labels).transpose(0, 2, 1, 3), 2, axis=2)
    viewer_model.add_image(data, name="across", axis_labels=tuple("tzyx"))
    viewer_model.dims.order = (0, 2, 1, 3)
    viewer_model.dims.set_current_step(2, 1)
    dock = TimeDock(viewer_model)
    corrector = track(dock, qtbot)
    assert corrector.found.request.plane.plane_axes == ("Z", "X")
    assert set(corrector.found.movies) == {(0,), (1,)}
    found = corrector.layers.labels.data
    assert ((found[:, :, 1] > 0) == (dividing_movie() > 0)).mean() > 0.98
    table = corrector.found.result.table
    assert set(table["y"]) == {0, 1}
    assert table["z"].max() > 50
    confidence = corrector.layers.tracks.properties["confidence"]
    assert (confidence < 1).all()
    dock.close()
    dock.deleteLater()
