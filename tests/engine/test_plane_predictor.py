"""Prompts in windows, answered by a model that knows the truth."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import ndimage

from napari_segment_anything.engine.plane_predictor import PlanePredictor
from napari_segment_anything.engine.prompts import Prompts
from napari_segment_anything.errors import InvalidPromptError
from napari_segment_anything.models.load import load_model
from napari_segment_anything.stacks.simulated import simulate_cells

from .test_automatic import FULL_RANGE, image_of, predictor_of

RADIUS = 14
CENTRES = [(cy, cx) for cy in (30, 100, 170) for cx in (30, 100, 165, 230, 300)]


@pytest.fixture
def labels():
    labels = np.zeros((200, 330), np.int32)
    y, x = np.indices(labels.shape)
    for number, (cy, cx) in enumerate(CENTRES, start=1):
        labels[(y - cy) ** 2 + (x - cx) ** 2 <= RADIUS**2] = number
    return labels


def plane_predictor_of(labels, **arguments):
    predictor, sam = predictor_of()
    plane = PlanePredictor(
        predictor, image_of(labels), intensity_range=FULL_RANGE, **arguments
    )
    return plane, sam


def click(points):
    points = np.asarray(points, np.float32)[:, np.newaxis]
    return Prompts(points, np.ones(points.shape[:2], np.int64))


def iou(masks, i, truth):
    whole = np.zeros(truth.shape, bool)
    y0, x0, y1, x1 = masks.boxes[i]
    whole[y0:y1, x0:x1] = masks.masks[i]
    return (whole & truth).sum() / (whole | truth).sum()


def test_each_prompt_is_answered_in_the_order_of_the_prompts(labels):
    plane, _ = plane_predictor_of(labels, scale=2.0)
    order = np.random.default_rng(0).permutation(len(CENTRES))
    answered = plane.answer(click(np.array(CENTRES)[order]))
    assert len(answered) == 3 * len(CENTRES)
    for row, number in enumerate(order):
        assert iou(answered, 3 * row, labels == number + 1) > 0.85
        assert len(answered.masks[3 * row + 2]) == 0  # the fake's third is empty
        assert answered.predicted_iou[3 * row] == pytest.approx(0.95)


def test_windows_are_finer_than_the_whole_plane(labels):
    fine, _ = plane_predictor_of(labels, scale=2.0)
    whole, _ = plane_predictor_of(labels, scale=128 / 330)
    assert fine.windows.sides == [16, 32, 64, 128, 256, 330]
    assert whole.windows.sides == [82, 165, 330]
    points = click(CENTRES[6:7])
    truth = labels == 7
    in_window = fine.answer(points, multimask=False)
    assert iou(in_window, 0, truth) > iou(
        whole.answer(points, multimask=False), 0, truth
    )


def test_a_point_lies_in_the_middle_half_of_its_window(labels):
    plane, _ = plane_predictor_of(labels, scale=2.0)
    side = 64
    for y in range(0, 200, 7):
        for x in range(0, 330, 7):
            prompts = click([(y, x)])
            ((box, _),) = plane.windows.assign(2, prompts, np.array([0]))
            for at, low, high, length in (
                (y, box[0], box[2], 200),
                (x, box[1], box[3], 330),
            ):
                assert at - low >= side // 4 - 1 or low == 0
                assert high - at >= side // 4 - 1 or high == length


def test_only_windows_that_are_needed_are_encoded_and_once(labels):
    plane, sam = plane_predictor_of(labels, scale=2.0)
    plane.answer(click([CENTRES[0]]))
    assert sam.n_encoded == 1
    plane.answer(click([CENTRES[0]]))
    assert sam.n_encoded == 1


def test_an_object_that_a_window_cuts_is_looked_at_from_farther_away(labels):
    labels[90:110, 20:310] = 20
    plane, sam = plane_predictor_of(labels, scale=2.0)
    answered = plane.answer(click([(100, 150)]), multimask=False)
    # The frame of the whole plane shows every third row only.
    assert iou(answered, 0, labels == 20) > 0.75
    assert sam.n_encoded == len(plane.windows.sides) - plane.windows.n_closer


def test_a_large_box_begins_at_a_coarser_window(labels):
    plane, _ = plane_predictor_of(labels, scale=2.0)
    boxes = Prompts.from_boxes([[0, 0, 20, 20], [0, 0, 60, 60], [0, 0, 190, 320]])
    assert plane.windows.first_levels(boxes).tolist() == [2, 3, 5]


def test_a_small_box_is_looked_at_from_closer(labels):
    plane, _ = plane_predictor_of(labels, scale=128 / 330)
    boxes = Prompts.from_boxes([[0, 0, 2, 2], [3, 3, 9, 15], [0, 0, 9, 30]])
    assert plane.windows.first_levels(boxes).tolist() == [0, 1, 2]
    labels[:] = 0
    labels[50:56, 60:66] = 1
    plane, _ = plane_predictor_of(labels, scale=128 / 330)
    point = click([(52, 62)])
    box = replace(point, boxes=np.array([[49.5, 59.5, 55.5, 65.5]], np.float32))
    from_afar, closer = (
        iou(plane.answer(prompts, multimask=False), 0, labels == 1)
        for prompts in (point, box)
    )
    assert closer > from_afar + 0.3


def sure_of_what_it_sees_large(sam):
    """Let the fake predict an IoU that grows with the pixels of its answer."""

    def decode(*arguments, **options):
        logits, iou = type(sam).decode(sam, *arguments, **options)
        n_pixels = (logits[:, :1] > 0).sum((2, 3))
        return logits, iou * n_pixels / (n_pixels + 1)

    sam.decode = decode


def test_what_a_click_shows_small_is_looked_at_from_closer(labels):
    labels[:] = 0
    labels[50:60, 60:70] = 1
    labels[100:160, 100:160] = 2
    found = []
    for looks_closer in (False, True):
        plane, sam = plane_predictor_of(
            labels, scale=128 / 330, looks_closer=looks_closer
        )
        sure_of_what_it_sees_large(sam)
        masks = plane.answer(click([(54, 64)]), multimask=False)
        found.append(iou(masks, 0, labels == 1))
        assert sam.n_encoded == 1 + looks_closer
        plane.answer(click([(130, 130)]))
        assert sam.n_encoded == 1 + looks_closer
    from_afar, closer = found
    assert closer > from_afar + 0.1


def test_nothing_is_encoded_for_a_closer_look_that_may_not_be(labels):
    labels[:] = 0
    labels[50:60, 60:70] = 1
    plane, sam = plane_predictor_of(labels, scale=128 / 330)
    sure_of_what_it_sees_large(sam)
    assert plane.windows.n_closer > 0
    small = click([(54, 64)])
    at_once = plane.answer(small, multimask=False, may_encode=False)
    assert sam.n_encoded == 1
    final = plane.answer(small, multimask=False)
    again = plane.answer(small, multimask=False, may_encode=False)
    assert sam.n_encoded == 2
    truth = labels == 1
    assert iou(at_once, 0, truth) < iou(final, 0, truth) == iou(again, 0, truth)


def test_a_slow_model_does_not_look_closer(labels):
    predictor, _ = predictor_of(has_proposals=False)
    plane = PlanePredictor(
        predictor, image_of(labels), intensity_range=FULL_RANGE, scale=128 / 330
    )
    assert plane.windows.sides == [330]


def test_a_point_beyond_the_plane_is_refused(labels):
    plane, _ = plane_predictor_of(labels, scale=2.0)
    with pytest.raises(InvalidPromptError, match="outside of the plane"):
        plane.answer(click([(100, 400)]))


def test_the_scale_is_that_of_the_objects(labels):
    plane, _ = plane_predictor_of(labels)
    assert 1.0 <= plane.scale <= 2.0


def test_few_windows_stay_in_memory(labels):
    plane, sam = plane_predictor_of(labels, scale=2.0, n_kept=2)
    for centre in (CENTRES[0], CENTRES[4], CENTRES[14], CENTRES[0]):
        plane.answer(click([centre]))
    assert sam.n_encoded == 4


def test_the_embedding_of_the_whole_plane_is_never_dropped(labels):
    predictor, sam = predictor_of()
    image = image_of(labels)
    whole = predictor.embed(image, intensity_range=FULL_RANGE)
    plane = PlanePredictor(
        predictor,
        image,
        intensity_range=FULL_RANGE,
        embedding=whole,
        scale=2.0,
        n_kept=2,
    )
    for centre in (CENTRES[0], CENTRES[4], CENTRES[14]):
        plane.answer(click([centre]))
    n_encoded = sam.n_encoded
    # A box as large as the plane is answered from the whole.
    height, width = labels.shape
    plane.answer(
        Prompts.one(
            points=np.array([CENTRES[7]]),
            labels=np.array([1]),
            box=[0, 0, height - 1, width - 1],
        )
    )
    assert sam.n_encoded == n_encoded


def test_a_click_on_an_object_much_larger_than_its_window_finds_it():
    nano = load_model("nano", device="cpu")
    small = simulate_cells(1, (72, 72), n_cells=3, seed=2)
    truth = small.labels[0].repeat(12, 0).repeat(12, 1)
    smooth = ndimage.gaussian_filter(small.images[0].repeat(12, 0).repeat(12, 1), 12)
    noise = np.random.default_rng(0).normal(0, 40, smooth.shape)
    image = (smooth + noise).clip(0).astype(np.uint16)
    plane = PlanePredictor(nano, image, scale=4.0)
    assert plane.windows.sides[plane.windows.n_closer] == 128
    found = []
    for number in np.unique(truth)[1:]:
        rows, columns = np.nonzero(truth == number)
        centre = (rows.mean(), columns.mean())
        masks = plane.answer(click([centre]))
        best = int(masks.predicted_iou.argmax())
        found.append(iou(masks, best, truth == number))
    assert np.median(found) > 0.8
