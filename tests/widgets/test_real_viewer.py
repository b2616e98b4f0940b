"""The dock as a user meets it: opened from the menu of a viewer with a window."""

from types import SimpleNamespace

import numpy as np
import pytest
from napari.utils import interactions
from wrapt import ObjectProxy

from napari_segment_anything.models import load
from napari_segment_anything.widgets.segment_dock import SegmentDock

pytestmark = pytest.mark.gui


class Mouse:
    """Clicks and drags on the active layer, through napari's own callbacks."""

    def __init__(self, viewer):
        self.viewer = viewer

    def _event(self, kind, world, button, canvas):
        dims = self.viewer.dims
        event = SimpleNamespace(
            type=kind,
            button=button,
            position=tuple(world),
            pos=np.array(canvas, float),
            modifiers=(),
            view_direction=None,
            up_direction=None,
            dims_displayed=list(dims.displayed),
            dims_point=list(dims.point),
            is_dragging=kind == "mouse_move",
            handled=False,
        )
        # napari exchanges the event inside of its proxy while a drag goes on.
        return ObjectProxy(event)

    def drag(self, start, end, button=1):
        layer = self.viewer.layers.selection.active
        far = (0.0, 0.0) if start == end else (100.0, 100.0)
        press = self._event("mouse_press", start, button, (0, 0))
        interactions.mouse_press_callbacks(layer, press)
        if start != end:
            for part in (0.5, 1.0):
                world = np.add(start, np.multiply(part, np.subtract(end, start)))
                move = self._event("mouse_move", world, button, far)
                interactions.mouse_move_callbacks(layer, move)
        release = self._event("mouse_release", end, button, far)
        interactions.mouse_release_callbacks(layer, release)

    def click(self, world, button=1):
        self.drag(world, world, button)


@pytest.fixture
def viewer(make_napari_viewer):
    return make_napari_viewer()


@pytest.fixture
def dock(viewer, monkeypatch, predictor, movie, qtbot):
    monkeypatch.setattr(load, "load_model", lambda name, device=None: predictor)
    viewer.add_image(
        movie, name="movie", scale=(1, 2, 2), units=("s", "um", "um"), axis_labels="tyx"
    )
    viewer.dims.set_point(0, 0)
    _, widget = viewer.window.add_plugin_dock_widget(
        "napari-segment-anything", "Segment Anything"
    )
    assert isinstance(widget, SegmentDock)
    widget.form.start.click()
    settle(qtbot, widget)
    yield widget
    settle(qtbot, widget)


def settle(qtbot, dock):
    def is_idle():
        annotator = dock.annotator
        thinks = annotator is not None and annotator.is_thinking
        return not (dock.jobs.worker.is_busy or dock._model_list.is_busy or thinks)

    qtbot.wait(200)
    qtbot.waitUntil(is_idle, timeout=20_000)


def test_clicks_boxes_accept_scroll_and_undo(dock, viewer, qtbot, disks_image):
    mouse = Mouse(viewer)
    layers = dock.annotator.layers
    labels = layers.results.layer
    # One left click on disk 3, one right click beside it; the scale is 2.
    mouse.click((0, 48, 208))
    mouse.click((0, 48, 160), button=2)
    settle(qtbot, dock)
    polarities = layers.prompts.points.features["polarity"]
    assert polarities.tolist() == ["inside", "outside"]
    assert layers.preview.layer.data.any()
    dock.form.accept.click()
    disk = disks_image.labels == 3
    assert (labels.data[0][disk] == 1).mean() > 0.9
    # A box around disk 1, on another frame, where it lies 2 lower and 5 to the right.
    viewer.dims.set_point(0, 1)
    dock.form.box.click()
    mouse.drag((1, 20, 26), (1, 68, 74))
    settle(qtbot, dock)
    assert len(layers.prompts.boxes.data) == 1
    dock.form.accept.click()
    assert labels.data[1, 22, 25] == 2
    assert not (labels.data[0] == 2).any()
    # The accept and the box are taken back, then the accept on the frame before.
    dock.form.undo.click()
    settle(qtbot, dock)
    assert np.unique(labels.data).tolist() == [0, 1]
    assert len(layers.prompts.boxes.data) == 1
    dock.form.undo.click()
    dock.form.undo.click()
    settle(qtbot, dock)
    assert viewer.dims.point[0] == 0
    assert not labels.data.any()
    assert len(layers.prompts.points.data) == 2
    for _ in range(3):
        dock.form.redo.click()
        settle(qtbot, dock)
    assert np.unique(labels.data).tolist() == [0, 1, 2]
    assert viewer.dims.point[0] == 1
    assert labels.units == viewer.layers["movie"].units


def test_points_are_moved_sizes_cycled_objects_opened_and_layers_deleted(
    dock, viewer, qtbot
):
    mouse = Mouse(viewer)
    layers = dock.annotator.layers
    mouse.click((0, 48, 208))
    settle(qtbot, dock)
    first = layers.preview.layer.data.sum()
    # Move the point from disk 3 to disk 5.
    layers.prompts.points.mode = "select"
    mouse.drag((0, 48, 208), (0, 136, 132))
    settle(qtbot, dock)
    np.testing.assert_allclose(layers.prompts.points.data, [[0, 68, 66]])
    assert layers.preview.layer.data.sum() > first
    for _ in range(4):
        dock.commands.by_key["K"]()
        settle(qtbot, dock)
        assert layers.preview.layer.data.any()
    dock.form.accept.click()
    layers.draw_points()
    mouse.click((0, 140, 130))
    settle(qtbot, dock)
    np.testing.assert_allclose(layers.prompts.points.data, [[0, 68, 66]])
    assert dock.form.delete.isEnabled()
    dock.form.clear.click()
    viewer.layers.remove("SAM objects")
    dock.form.start.click()
    settle(qtbot, dock)
    assert viewer.layers["SAM objects"].data[0, 68, 66] == 1


def test_a_stroke_by_hand_is_undone_with_the_usual_key(dock, viewer, qtbot):
    labels = dock.annotator.layers.results.layer
    viewer.layers.selection.active = labels
    labels.mode = "paint"
    labels.selected_label = 5
    Mouse(viewer).drag((0, 20, 20), (0, 20, 60))
    painted = labels.data.copy()
    assert (painted == 5).sum() > 5
    dock.form.undo.click()
    assert not labels.data.any()
    dock.form.redo.click()
    np.testing.assert_array_equal(labels.data, painted)


def test_the_embeddings_dock_embeds_what_is_scrolled_to(dock, viewer, qtbot):
    _, embeddings = viewer.window.add_plugin_dock_widget(
        "napari-segment-anything", "Embeddings"
    )
    # Two docks of one viewer, opened through napari, share model and store.
    assert embeddings.workbench is dock.workbench
    embeddings.form.embed_all.click()
    qtbot.waitUntil(lambda: embeddings.form.strips["T"].is_ready.all(), timeout=20_000)
    viewer.dims.set_point(0, 2)
    settle(qtbot, dock)
    embeddings.embedder.worker.cancel()
    qtbot.waitUntil(lambda: not embeddings.embedder.worker.is_busy, timeout=10_000)
    qtbot.waitUntil(lambda: not embeddings._sizes.is_busy, timeout=10_000)


def test_everything_through_time_and_closing_meanwhile(dock, viewer, qtbot):
    dock.form.everything_time.click()
    settle(qtbot, dock)
    assert "movie tracked" in viewer.layers
    qtbot.waitUntil(lambda: "movie tracks" in viewer.layers, timeout=10_000)
    tracks = viewer.layers["movie tracks"]
    np.testing.assert_allclose(tracks.scale, viewer.layers["movie"].scale)
    # The viewer is closed by the fixture while this runs.
    dock.form.everything_time.click()
    dock.jobs.worker.cancel()


def test_a_dock_that_is_closed_leaves_the_layers_alone(dock, viewer, qtbot):
    viewer.window.remove_dock_widget(dock.parent())
    qtbot.wait(100)
    viewer.dims.set_point(0, 2)
    assert "SAM objects" in viewer.layers
    viewer.add_image(np.zeros((5, 5)))


def test_z_and_t_are_scrolled_and_the_window_closed_while_a_plane_is_encoded(
    viewer, monkeypatch, slow_predictor, movie, qtbot
):
    monkeypatch.setattr(load, "load_model", lambda name, device=None: slow_predictor)
    viewer.add_image(np.stack([movie, movie]), name="volume", axis_labels="tzyx")
    for axis in (0, 1):
        viewer.dims.set_point(axis, 0)
    _, dock = viewer.window.add_plugin_dock_widget(
        "napari-segment-anything", "Segment Anything"
    )
    dock.form.start.click()
    settle(qtbot, dock)
    mouse, labels = Mouse(viewer), dock.annotator.layers.results.layer
    # The disk moves by (2, 5) a slice.
    for t, z in ((0, 0), (0, 2), (1, 1)):
        viewer.dims.set_point(0, t)
        viewer.dims.set_point(1, z)
        mouse.click((t, z, 24 + 2 * z, 104 + 5 * z))
        settle(qtbot, dock)
        dock.form.accept.click()
    assert labels.data[0, 0, 24, 104] == 1
    assert labels.data[0, 2, 28, 114] == 2
    assert labels.data[1, 1, 26, 109] == 3
    # Closed by the fixture while this plane is being encoded; nothing may hang.
    viewer.dims.set_point(1, 0)
    qtbot.waitUntil(lambda: dock.annotator.is_thinking, timeout=5000)


def test_what_was_found_is_filtered_and_reviewed(dock, viewer, qtbot):
    labels = dock.annotator.layers.results.layer
    dock.form.everything_plane.click()
    settle(qtbot, dock)
    n_found = len(np.unique(labels.data[0])) - 1
    area = dock.form.review.area
    area.setValue((300, area.maximum()))
    qtbot.waitUntil(lambda: not dock.reviewer.is_busy, timeout=5000)
    sizes = np.bincount(labels.data[0].ravel())[1:]
    assert 0 < np.count_nonzero(sizes) < n_found
    assert sizes[sizes > 0].min() >= 300
    dock.form.review.next.click()
    settle(qtbot, dock)
    assert dock.annotator.layers.preview.layer.data.any()
    dock.form.accept.click()
    settle(qtbot, dock)
    assert "to see" in dock.form.job.status.text()
