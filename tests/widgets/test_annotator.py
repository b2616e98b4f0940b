import numpy as np
import pytest
from scipy import ndimage

from napari_segment_anything.engine.plane_predictor import PlanePredictor
from napari_segment_anything.engine.prompts import Prompts

pytestmark = pytest.mark.gui


@pytest.fixture
def settle(qtbot, annotator):
    """Wait until every prompt is answered."""

    def wait():
        qtbot.waitUntil(lambda: not annotator.is_thinking, timeout=5000)

    wait()
    return wait


@pytest.fixture
def masks(disks_image, movie, predictor):
    """What the engine itself predicts for each disk of the first frame."""
    low, high = np.percentile(movie, (0.1, 99.9))
    plane = PlanePredictor(predictor, movie[0], intensity_range=(low, high))
    masks = {}
    for number, centre in enumerate(disks_image.centres, start=1):
        prompts = Prompts.from_points([centre], [1])
        mask = plane.answer(prompts, multimask=False).full_mask(0)
        truth = disks_image.labels == number
        assert (mask & truth).sum() > 0.8 * (mask | truth).sum()
        masks[number] = mask
    return masks


@pytest.fixture
def disk(masks):
    """Mask of disk 3, at (24, 104), in the first frame."""
    return masks[3]


def test_a_point_previews_the_mask_it_lies_in(annotator, settle, disk):
    annotator.layers.prompts.points.add([0, 24, 104])
    settle()
    preview = annotator.layers.preview.layer
    filled = ndimage.binary_fill_holes(preview.data[0])[np.newaxis]
    assert filled.sum() == disk.sum()
    # The preview lies on the disk: its pixels have the disk's world positions.
    pixels = np.argwhere(filled)
    shown = np.array([preview.data_to_world(pixel) for pixel in pixels])
    image = annotator.layers.image
    expected = [image.data_to_world([0, *pixel]) for pixel in np.argwhere(disk)]
    np.testing.assert_allclose(shown, expected)


def test_accepting_paints_exactly_the_mask_and_clears_the_prompts(
    annotator, settle, disk
):
    annotator.layers.prompts.points.add([0, 24, 104])
    settle()
    annotator.accept()
    labels = annotator.layers.results.layer.data
    np.testing.assert_array_equal(labels[0] == 1, disk)
    assert not labels[1:].any()
    assert len(annotator.layers.prompts.points.data) == 0
    assert not annotator.layers.preview.layer.data.any()
    assert not annotator.session.can_accept


def test_an_accept_before_the_answer_waits_for_it(annotator, settle, disk):
    annotator.layers.prompts.points.add([0, 24, 104])
    annotator.accept()
    assert not annotator.layers.results.layer.data.any()
    settle()
    np.testing.assert_array_equal(annotator.layers.results.layer.data[0] == 1, disk)


def test_an_accept_outlives_the_slider(annotator, settle, viewer_model, disk):
    said = []
    annotator.said.connect(said.append)
    annotator.layers.prompts.points.add([0, 24, 104])
    annotator.accept()
    viewer_model.dims.set_point(0, 2)
    annotator.layers.prompts.polarity = "outside"
    settle()
    labels = annotator.layers.results.layer.data
    np.testing.assert_array_equal(labels[0] == 1, disk)
    assert not labels[1:].any()
    assert "T 0: Accepted object 1." in said
    assert len(annotator.layers.prompts.points.data) == 0
    # What the user does elsewhere goes on.
    assert viewer_model.dims.current_step[0] == 2
    assert annotator.layers.prompts.polarity == "outside"
    annotator.undo()
    assert not labels.any()
    np.testing.assert_array_equal(annotator.layers.prompts.points.data, [[0, 24, 104]])


def test_accepts_on_several_planes_are_all_due(annotator, settle, viewer_model):
    for t in range(3):
        viewer_model.dims.set_point(0, t)
        annotator.layers.prompts.points.add([t, 24 + 2 * t, 104 + 5 * t])
        annotator.accept()
    viewer_model.dims.set_point(0, 0)
    settle()
    labels = annotator.layers.results.layer.data
    # In the order in which they were accepted.
    assert [np.unique(plane).tolist() for plane in labels] == [[0, 1], [0, 2], [0, 3]]
    assert len(annotator.layers.prompts.points.data) == 0


def test_nothing_of_an_image_that_is_gone_is_accepted(annotator, settle, viewer_model):
    annotator.layers.prompts.points.add([0, 24, 104])
    annotator.accept()
    annotator.layers.image.data = annotator.layers.image.data[:, ::-1].copy()
    viewer_model.dims.set_point(0, 1)
    settle()
    assert not annotator.layers.results.layer.data.any()
    assert not annotator.acceptance.is_due
    assert len(annotator.layers.prompts.points.data) == 1


def test_an_accept_takes_what_was_drawn_before_it_alone(annotator, settle, masks):
    points = annotator.layers.prompts.points
    for number, (y, x) in enumerate([(24, 104), (20, 20)], start=1):
        points.add([0, y, x])
        annotator.accept()
        assert annotator.acceptance.is_due
        assert len(points.data) == number
    settle()
    labels = annotator.layers.results.layer.data[0]
    np.testing.assert_array_equal(labels == 1, masks[3])
    np.testing.assert_array_equal(labels == 2, masks[1])
    assert len(points.data) == 0


def test_a_box_drawn_after_an_accept_waits_for_its_own(annotator, settle, masks):
    annotator.layers.prompts.points.add([0, 24, 104])
    annotator.accept()
    annotator.layers.prompts.boxes.add_rectangles(
        [[[0, 10, 10], [0, 10, 30], [0, 30, 30], [0, 30, 10]]]
    )
    settle()
    labels = annotator.layers.results.layer.data[0]
    np.testing.assert_array_equal(labels == 1, masks[3])
    assert labels.max() == 1
    assert annotator.session.can_accept
    annotator.accept()
    np.testing.assert_array_equal(labels == 2, masks[1])


@pytest.mark.parametrize("take_back", ["clear", "undo"])
def test_an_accept_does_not_outlive_what_it_was_of(annotator, settle, take_back):
    annotator.layers.prompts.points.add([0, 24, 104])
    annotator.accept()
    getattr(annotator, take_back)()
    annotator.layers.prompts.points.add([0, 20, 20])
    settle()
    assert not annotator.layers.results.layer.data.any()
    assert not annotator.acceptance.is_due
    assert len(annotator.layers.prompts.points.data) == 1


def test_ground_between_objects_that_are_due_stays_drawn(annotator, settle, masks):
    points = annotator.layers.prompts.points
    for place in [(24, 104), (2, 2), (20, 20)]:
        points.add([0, *place])
        annotator.accept()
    settle()
    labels = annotator.layers.results.layer.data[0]
    np.testing.assert_array_equal(labels == 1, masks[3])
    np.testing.assert_array_equal(labels == 2, masks[1])
    np.testing.assert_array_equal(points.data, [[0, 2, 2]])


def test_what_was_taken_back_is_not_accepted_elsewhere(annotator, settle, viewer_model):
    annotator.layers.prompts.points.add([0, 24, 104])
    annotator.accept()
    viewer_model.dims.set_point(0, 2)
    annotator.undo()
    settle()
    assert not annotator.layers.results.layer.data.any()


def test_ground_that_is_accepted_before_the_slider_moves_stays_drawn(
    annotator, settle, viewer_model
):
    said = []
    annotator.said.connect(said.append)
    annotator.layers.prompts.points.add([0, 2, 2])
    annotator.accept()
    viewer_model.dims.set_point(0, 2)
    settle()
    assert not annotator.layers.results.layer.data.any()
    assert "T 0: The model sees no object here; add a point or a box." in said
    assert len(annotator.layers.prompts.points.data) == 1


def test_boxes_become_one_object_each(annotator, settle, masks):
    annotator.layers.prompts.boxes.add_rectangles(
        [
            [[0, 10, 90], [0, 10, 118], [0, 38, 118], [0, 38, 90]],
            [[0, 10, 10], [0, 10, 30], [0, 30, 30], [0, 30, 10]],
        ]
    )
    settle()
    annotator.accept()
    labels = annotator.layers.results.layer.data[0]
    np.testing.assert_array_equal(labels == 1, masks[3])
    np.testing.assert_array_equal(labels == 2, masks[1])


def test_prompts_belong_to_their_plane(annotator, settle, qtbot, viewer_model):
    annotator.layers.prompts.points.add([0, 24, 104])
    settle()
    viewer_model.dims.set_point(0, 1)
    assert not annotator.session.can_accept
    annotator.accept()
    assert not annotator.layers.results.layer.data.any()
    viewer_model.dims.set_point(0, 0)
    qtbot.waitUntil(lambda: annotator.session.can_accept, timeout=5000)
    annotator.accept()
    assert annotator.layers.results.layer.data[0].any()


def test_other_objects_and_strokes_are_kept(annotator, settle, disk):
    layer = annotator.layers.results.layer
    layer.selected_label = 7
    layer.data_setitem((np.array([0, 0]), np.array([24, 25]), np.array([104, 104])), 7)
    annotator.layers.prompts.points.add([0, 24, 104])
    settle()
    annotator.accept()
    assert (layer.data == 7).sum() == 2
    # The id of the stroke is not used again.
    assert set(np.unique(layer.data)) == {0, 7, 8}
    assert (layer.data == 8).sum() == disk.sum() - 2


def test_overwriting_takes_pixels_of_others_when_asked(annotator, settle, disk):
    layer = annotator.layers.results.layer
    layer.selected_label = 7
    layer.data_setitem((np.array([0]), np.array([24]), np.array([104])), 7)
    annotator.acceptance.may_overwrite = True
    annotator.layers.prompts.points.add([0, 24, 104])
    settle()
    annotator.accept()
    np.testing.assert_array_equal(layer.data[0] == 8, disk)


def test_undo_gives_strokes_then_pixels_then_prompts_back(
    annotator, settle, viewer_model
):
    layer = annotator.layers.results.layer
    annotator.layers.prompts.points.add([0, 24, 104])
    settle()
    annotator.accept()
    layer.data_setitem((np.array([0]), np.array([24]), np.array([104])), 9)
    viewer_model.dims.set_point(0, 2)
    accepted = layer.data[0, 25, 104]
    annotator.undo()
    assert layer.data[0, 24, 104] == accepted
    annotator.undo()
    settle()
    assert not layer.data.any()
    assert annotator.layers.prompts.points.data.tolist() == [[0, 24, 104]]
    assert viewer_model.dims.point[0] == 0
    annotator.undo()
    assert annotator.layers.prompts.are_empty
    assert not annotator.session.can_undo


def test_an_accept_is_one_step_of_the_layers_own_undo(annotator, settle, disk):
    layer = annotator.layers.results.layer
    annotator.layers.prompts.points.add([0, 24, 104])
    settle()
    annotator.accept()
    layer.undo()
    assert not layer.data.any()
    layer.redo()
    assert layer.data.astype(bool).sum() == disk.sum()


def test_a_changed_image_is_encoded_again(annotator, settle, qtbot, disk):
    image = annotator.layers.image
    annotator.layers.prompts.points.add([0, 24, 104])
    settle()
    # In place: napari says nothing, but the next answer must know.
    image.data[0] = np.where(disk, image.data[0].min(), image.data[0])
    annotator.layers.prompts.points.add([0, 25, 104])
    settle()
    assert not annotator.session.can_accept


def test_results_lie_on_the_image(annotator):
    image = annotator.layers.image
    for layer in (annotator.layers.results.layer, *annotator.layers.prompts.layers):
        np.testing.assert_allclose(layer.scale, image.scale)
        np.testing.assert_allclose(layer.translate, image.translate)
        assert layer.units == image.units
    np.testing.assert_allclose(image.scale, (1, 0.5, 0.5))


def test_deleted_layers_come_back_with_their_content(annotator, settle, viewer_model):
    annotator.layers.prompts.points.add([0, 24, 104])
    settle()
    viewer_model.layers.remove(annotator.layers.prompts.points)
    assert not annotator.layers.are_shown
    annotator.start()
    assert annotator.layers.prompts.points in viewer_model.layers
    assert len(annotator.layers.prompts.points.data) == 1


def test_a_point_outside_of_the_image_is_told_and_harmless(annotator, settle, disk):
    told = []
    annotator.failed.connect(told.append)
    annotator.layers.prompts.points.add([0, 24, 500])
    settle()
    assert len(told) == 1
    assert "plane" in str(told[0])
    annotator.clear()
    annotator.layers.prompts.points.add([0, 24, 104])
    settle()
    annotator.accept()
    np.testing.assert_array_equal(annotator.layers.results.layer.data[0] == 1, disk)


def test_a_new_shape_asks_for_a_new_start(annotator, settle, movie):
    said = []
    annotator.said.connect(said.append)
    annotator.layers.image.data = movie[:, :50]
    assert "shape" in said[-1]
    assert not annotator.layers.fit_image


def test_where_no_single_plane_is_shown_it_says_what_to_do(
    annotator, settle, viewer_model
):
    said = []
    annotator.said.connect(said.append)
    viewer_model.dims.ndisplay = 3
    assert "switch to 2-D" in said[-1]
    viewer_model.dims.ndisplay = 2
    settle()
