import time

import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFileDialog, QMessageBox

from bright_sam import work_of
from napari_segment_anything.models import load
from napari_segment_anything.widgets import dock as dock_module
from napari_segment_anything.widgets.embeddings_dock import EmbeddingsDock
from napari_segment_anything.widgets.segment_dock import SegmentDock

pytestmark = pytest.mark.gui


@pytest.fixture
def stack(disks_image):
    """Four frames of three slices, all different."""
    planes = [np.roll(disks_image.image, 3 * n, axis=1) for n in range(12)]
    return np.stack(planes).reshape(4, 3, 96, 128)


@pytest.fixture(autouse=True)
def notified(monkeypatch, predictor):
    monkeypatch.setattr(load, "load_model", lambda name, device=None: predictor)
    messages = []
    monkeypatch.setattr(dock_module, "show_error", messages.append)
    return messages


@pytest.fixture
def viewer(viewer_model, stack):
    viewer_model.add_image(stack, name="stack", axis_labels=tuple("tzyx"))
    viewer_model.dims.point = (1, 1, 0, 0)
    return viewer_model


@pytest.fixture
def dock(viewer, qtbot):
    dock = EmbeddingsDock(viewer)
    yield dock
    dock.embedder.worker.cancel()
    settle(qtbot, dock)
    dock.close()
    dock.deleteLater()


def is_idle(dock):
    embedder = dock.embedder
    return not (
        embedder.worker.is_busy or embedder._rest.isActive() or dock._sizes.is_busy
    )


def settle(qtbot, dock):
    qtbot.waitUntil(lambda: is_idle(dock), timeout=20_000)


def n_ready(dock):
    return int(dock.embedder.stack.ready().sum())


def test_embed_all_loads_the_model_and_makes_every_plane_ready(dock, qtbot, predictor):
    settle(qtbot, dock)
    # Nothing is loaded or computed only because the dock is open.
    assert work_of(predictor)[0] == 0
    dock.form.embed_all.click()
    settle(qtbot, dock)
    assert n_ready(dock) == 12
    n_encoded = work_of(predictor)[0]
    assert n_encoded >= 12
    assert "12 of 12 planes are ready." in dock.form.summary.text()
    assert [strip.n_planes for strip in dock.form.strips.values()] == [4, 3]
    assert all(strip.is_ready.all() for strip in dock.form.strips.values())
    assert "bright" not in dock.form.model.text()
    assert "on disk" in dock.form.stored.text()
    # Asked once more, nothing is encoded again.
    dock.form.embed_all.click()
    settle(qtbot, dock)
    assert work_of(predictor)[0] == n_encoded


def slow_down(predictor, monkeypatch, seconds=0.05):
    """Let encoding take a moment; return which planes were encoded, by content."""
    encode, order = predictor._sam.encode, []

    def encode_slowly(images):
        time.sleep(seconds)
        order.append(images.float().numpy())
        return encode(images)

    monkeypatch.setattr(predictor._sam, "encode", encode_slowly)
    return order


def test_the_visible_plane_is_first_and_scrolling_moves_the_work(
    dock, viewer, qtbot, predictor, monkeypatch
):
    slow_down(predictor, monkeypatch)
    dock.form.ahead.setChecked(False)
    dock.form.embed_all.click()
    qtbot.waitUntil(lambda: n_ready(dock) >= 1, timeout=10_000)
    assert dock.embedder.stack.ready()[1, 1]
    viewer.dims.point = (3, 1, 0, 0)
    before = n_ready(dock)
    qtbot.waitUntil(lambda: n_ready(dock) >= before + 2, timeout=10_000)
    # Of the two that came next at least one was the plane now shown.
    assert dock.embedder.stack.ready()[3, 1]
    settle(qtbot, dock)
    assert n_ready(dock) == 12


def test_planes_around_the_slider_are_embedded_once_a_model_is_loaded(
    dock, qtbot, predictor, monkeypatch
):
    monkeypatch.setattr("napari_segment_anything.widgets.embedder.N_AHEAD", 2)
    dock.form.ahead.setChecked(False)
    dock.form.ahead.setChecked(True)
    from napari_segment_anything.session.jobs import LoadedModel

    dock.workbench.model = LoadedModel("bright", predictor, "cpu")
    settle(qtbot, dock)
    ready = dock.embedder.stack.ready()
    assert ready.sum() == 3
    assert ready[1, 1]
    assert ready[2, 1]
    assert dock.form.model.text() == "bright on cpu"


def test_pause_and_go_on(dock, qtbot, predictor, monkeypatch):
    slow_down(predictor, monkeypatch)
    dock.form.embed_all.click()
    qtbot.waitUntil(lambda: n_ready(dock) >= 2, timeout=10_000)
    dock.form.pause.click()
    settle(qtbot, dock)
    paused_at = n_ready(dock)
    assert paused_at < 12
    assert dock.form.pause.text() == "Go on"
    qtbot.wait(200)
    assert n_ready(dock) == paused_at
    dock.form.pause.click()
    settle(qtbot, dock)
    assert n_ready(dock) == 12


def test_cancel_keeps_what_is_ready(dock, qtbot, predictor, monkeypatch):
    slow_down(predictor, monkeypatch)
    dock.form.embed_all.click()
    qtbot.waitUntil(lambda: n_ready(dock) >= 2, timeout=10_000)
    dock.form.job.cancel_button.click()
    settle(qtbot, dock)
    assert 2 <= n_ready(dock) < 12
    assert dock.form.embed_all.isEnabled()
    assert "stay" in dock.form.job.status.text()


def test_clear_asks_and_deletes(dock, qtbot, predictor, monkeypatch, cache_folder):
    dock.form.embed_all.click()
    settle(qtbot, dock)
    assert len(list(cache_folder.iterdir())) >= 12
    answers = [QMessageBox.StandardButton.No, QMessageBox.StandardButton.Yes]
    monkeypatch.setattr(QMessageBox, "question", lambda *_: answers.pop(0))
    dock.form.clear.click()
    settle(qtbot, dock)
    assert n_ready(dock) == 12
    dock.form.clear.click()
    settle(qtbot, dock)
    assert n_ready(dock) == 0
    assert not list(cache_folder.iterdir())
    assert "0 kB on disk" in dock.form.stored.text()


def test_another_folder_is_used_from_now_on(
    dock, qtbot, predictor, monkeypatch, tmp_path
):
    dock.form.embed_all.click()
    settle(qtbot, dock)
    monkeypatch.setattr(
        QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path / "other")
    )
    dock.form.ahead.setChecked(False)
    dock.form.change_folder.click()
    settle(qtbot, dock)
    assert n_ready(dock) == 0
    assert "other" in dock.form.folder.text()
    dock.form.embed_all.click()
    settle(qtbot, dock)
    assert len(list((tmp_path / "other").iterdir())) >= 12


def test_a_click_in_the_strip_moves_the_slider(dock, qtbot, viewer):
    strip = dock.form.strips["T"]
    strip.resize(200, 22)
    qtbot.mouseClick(strip, Qt.MouseButton.LeftButton, pos=strip.rect().center() * 1.8)
    assert viewer.dims.point[:2] == (3, 1)


def test_the_main_dock_uses_what_is_ready(dock, qtbot, viewer, predictor):
    dock.form.embed_all.click()
    settle(qtbot, dock)
    main = SegmentDock(viewer)
    assert main.workbench is dock.workbench
    main.form.start.click()
    before = work_of(predictor)[0]

    def is_settled():
        return not (
            main.annotator.is_thinking
            or main.annotator.watch.is_resting
            or main._model_list.is_busy
        )

    for t in (0, 2, 3):
        viewer.dims.set_point(0, t)
        qtbot.waitUntil(is_settled, timeout=10_000)
    assert work_of(predictor)[0] == before
    main.deleteLater()


def test_a_plane_that_a_click_encoded_is_shown_as_ready(dock, qtbot, viewer, predictor):
    dock.form.ahead.setChecked(False)
    main = SegmentDock(viewer)
    main.form.start.click()
    qtbot.waitUntil(lambda: n_ready(dock) == 1, timeout=10_000)
    qtbot.waitUntil(lambda: dock.form.strips["T"].is_ready[1], timeout=10_000)
    qtbot.waitUntil(lambda: not main._model_list.is_busy, timeout=10_000)
    main.deleteLater()


def test_a_changed_image_is_not_ready_any_more(dock, qtbot, viewer, stack):
    dock.form.ahead.setChecked(False)
    dock.form.embed_all.click()
    settle(qtbot, dock)
    viewer.layers["stack"].data = stack[::-1].copy()
    settle(qtbot, dock)
    assert n_ready(dock) == 0


def test_unnamed_axes_are_asked_for_and_shared(qtbot, viewer_model, stack, predictor):
    image = viewer_model.add_image(stack, name="unnamed")
    dock = EmbeddingsDock(viewer_model)
    dock.form.embed_all.click()
    assert not dock.form.question.isHidden()
    assert work_of(predictor)[0] == 0
    words = [button.text() for button in dock.form.question.buttons]
    assert words == ["Time, depth", "Time, channel", "Channel, depth"]
    dock.form.question.buttons[1].click()
    settle(qtbot, dock)
    assert list(dock.form.strips) == ["T"]
    # One channel of each frame.
    assert n_ready(dock) == dock.embedder.stack.n_planes == 4
    assert not dock.workbench.must_ask_axes(image)
    dock.deleteLater()


def test_an_unreadable_plane_is_told_and_ends_the_job(qtbot, notified, stack):
    class Broken:
        shape, dtype, ndim = stack.shape, stack.dtype, stack.ndim

        def __getitem__(self, key):
            if np.ravel(key[0])[0] == 3:
                raise OSError("disk went away")
            return stack[key]

    viewer = ViewerModel()
    viewer.add_image(stack, axis_labels=tuple("tzyx"))
    dock = EmbeddingsDock(viewer)
    dock.embedder.stack.source.data = Broken()
    dock.form.embed_all.click()
    settle(qtbot, dock)
    assert "disk went away" in notified[0]
    assert dock.form.embed_all.isEnabled() or dock.embedder.wants_all
    dock.deleteLater()


def test_two_viewers_have_two_workbenches(qtbot, stack):
    docks = [EmbeddingsDock(ViewerModel()) for _ in range(2)]
    assert docks[0].workbench is not docks[1].workbench
    for dock in docks:
        settle(qtbot, dock)
        dock.deleteLater()
