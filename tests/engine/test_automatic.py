import numpy as np
import pytest
import torch

from napari_segment_anything.engine import card_masks, crop_search
from napari_segment_anything.engine.automatic import (
    AutomaticMaskGenerator,
    AutomaticSettings,
)
from napari_segment_anything.engine.labels import masks_to_labels
from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.engine.predictor import MaskPredictor
from napari_segment_anything.engine.searched_plane import Crop, SearchedPlane
from napari_segment_anything.engine.working_scale import SEARCHED_DIAMETER
from napari_segment_anything.errors import DeviceError, InvalidImageError

from .fake_sam import FakeSam

FULL_RANGE = (0.0, 255.0)


def predictor_of(**arguments):
    sam = FakeSam(**arguments)
    return MaskPredictor(sam, device="cpu"), sam


def image_of(labels):
    """What `FakeSam` reads its objects from."""
    return (labels * 10).astype(np.uint8)


def matched(found, labels, threshold):
    """Number of true objects that one of the found masks covers to a threshold."""
    iou = found.overlap_matrix(MaskSet.from_labels(labels))
    return int((iou.max(axis=0, initial=0) > threshold).sum())


@pytest.fixture
def large_labels():
    """15 disks in 5 × 3 on 200 × 330 pixels, some across the borders of tiles."""
    labels = np.zeros((200, 330), np.int32)
    y, x = np.indices(labels.shape)
    number = 0
    for cy in (30, 100, 170):
        for cx in (30, 100, 165, 230, 300):
            number += 1
            labels[(y - cy) ** 2 + (x - cx) ** 2 <= 14**2] = number
    return labels


class SmallCard(FakeSam):
    """A device whose memory is enough for a few prompts at once."""

    def __init__(self, most):
        super().__init__(has_proposals=False)
        self.most = most

    def decode(self, embedding, *, points_xy=None, **others):
        if len(points_xy) > self.most:
            raise torch.cuda.OutOfMemoryError
        return super().decode(embedding, points_xy=points_xy, **others)


def test_batches_are_halved_until_they_fit_and_the_user_is_told(disks_image):
    image = image_of(disks_image.labels)
    enough, small = FakeSam(has_proposals=False), SmallCard(most=5)
    expected = AutomaticMaskGenerator(MaskPredictor(enough, device="cpu")).generate(
        image, intensity_range=FULL_RANGE
    )
    with pytest.warns(UserWarning, match="ran out of memory with 8 prompts at once"):
        found = AutomaticMaskGenerator(MaskPredictor(small, device="cpu")).generate(
            image, intensity_range=FULL_RANGE
        )
    np.testing.assert_array_equal(found.boxes, expected.boxes)
    assert small.n_prompts == enough.n_prompts


def test_a_single_prompt_that_does_not_fit_is_an_error(disks_image):
    generator = AutomaticMaskGenerator(MaskPredictor(SmallCard(most=0), device="cpu"))
    with (
        pytest.warns(UserWarning, match="going on with 1 at once"),
        pytest.raises(DeviceError, match="ran out of memory"),
    ):
        generator.generate(image_of(disks_image.labels), intensity_range=FULL_RANGE)


@pytest.mark.parametrize("has_proposals", [False, True])
def test_every_object_is_found_once(disks_image, has_proposals):
    predictor, _ = predictor_of(has_proposals=has_proposals)
    found = AutomaticMaskGenerator(predictor, AutomaticSettings()).generate(
        image_of(disks_image.labels), intensity_range=FULL_RANGE
    )
    assert len(found) == disks_image.n_disks
    # The truth is known at half resolution only.
    assert matched(found, disks_image.labels, 0.8) == disks_image.n_disks


def test_proposals_need_far_fewer_prompts(disks_image):
    image = image_of(disks_image.labels)
    n_prompts = {}
    for has_proposals in (False, True):
        predictor, sam = predictor_of(has_proposals=has_proposals)
        AutomaticMaskGenerator(predictor, AutomaticSettings()).generate(
            image, intensity_range=FULL_RANGE
        )
        n_prompts[has_proposals] = sam.n_prompts
    assert n_prompts == {False: 1024, True: disks_image.n_disks}


def test_batches_do_not_change_the_result(disks_image):
    predictor, _ = predictor_of(has_proposals=False)
    image = image_of(disks_image.labels)
    results = [
        AutomaticMaskGenerator(
            predictor, AutomaticSettings(points_per_batch=size, points_per_side=16)
        ).generate(image, intensity_range=FULL_RANGE)
        for size in (7, 256)
    ]
    np.testing.assert_array_equal(results[0].boxes, results[1].boxes)


def test_filtered_candidates_equal_the_generated_masks(disks_image):
    predictor, _ = predictor_of()
    image = image_of(disks_image.labels)
    strict = AutomaticMaskGenerator(predictor, AutomaticSettings())
    candidates = strict.candidates(image, intensity_range=FULL_RANGE)
    # Two of the three answers are above the floor.
    assert len(candidates) == 2 * disks_image.n_disks
    generated = strict.generate(image, intensity_range=FULL_RANGE)
    filtered = strict.filter(candidates)
    np.testing.assert_array_equal(filtered.boxes, generated.boxes)
    np.testing.assert_array_equal(filtered.points, generated.points)


def test_other_thresholds_need_no_model(disks_image):
    predictor, sam = predictor_of()
    strict = AutomaticMaskGenerator(predictor, AutomaticSettings())
    candidates = strict.candidates(
        image_of(disks_image.labels), intensity_range=FULL_RANGE
    )
    n_prompts = sam.n_prompts
    loose_settings = AutomaticSettings(
        pred_iou_thresh=0.3, stability_score_thresh=0.3, box_nms_thresh=1.0
    )
    loose = AutomaticMaskGenerator(predictor, loose_settings).filter(candidates)
    assert len(loose) == 2 * disks_image.n_disks
    nothing_settings = AutomaticSettings(pred_iou_thresh=0.99)
    nothing = AutomaticMaskGenerator(predictor, nothing_settings).filter(candidates)
    assert len(nothing) == 0
    assert sam.n_prompts == n_prompts


def test_the_best_mask_of_a_prompt(disks_image):
    predictor, _ = predictor_of(predicted_iou=(0.7, 0.9, 0.1))
    settings = AutomaticSettings(
        pred_iou_thresh=0.5,
        stability_score_thresh=0.3,
        box_nms_thresh=1.0,
        one_mask_per_point=True,
        proposal_weight=0,
    )
    found = AutomaticMaskGenerator(predictor, settings).generate(
        image_of(disks_image.labels), intensity_range=FULL_RANGE
    )
    np.testing.assert_allclose(found.predicted_iou, 0.9)
    assert len(found) == disks_image.n_disks


def test_ground_inside_of_a_mask_lowers_its_predicted_iou(disks_image):
    # The decoder prefers the mask that is too wide, the head sees the true outline.
    predictor, _ = predictor_of(predicted_iou=(0.7, 0.8, 0.1))
    image = image_of(disks_image.labels)
    scores = []
    for weight in (0.0, 0.5):
        settings = AutomaticSettings(
            pred_iou_thresh=0.5,
            stability_score_thresh=0.3,
            one_mask_per_point=True,
            proposal_weight=weight,
        )
        found = AutomaticMaskGenerator(predictor, settings).generate(
            image, intensity_range=FULL_RANGE
        )
        assert len(found) == disks_image.n_disks
        scores.append(found.predicted_iou)
    np.testing.assert_allclose(scores[0], 0.8, atol=1e-6)
    # Mixed with the share of the disk in the wider mask.
    is_object = disks_image.labels > 0
    shares = [
        is_object[y0:y1, x0:x1][mask].mean()
        for (y0, x0, y1, x1), mask in zip(found.boxes, found.masks, strict=True)
    ]
    np.testing.assert_allclose(scores[1], np.add(0.8, shares) / 2, atol=0.03)


def test_pieces_of_better_masks_are_dropped(disks_image):
    predictor, _ = predictor_of(predicted_iou=(0.9, 0.8, 0.1))
    loose = {"pred_iou_thresh": 0.5, "stability_score_thresh": 0.3}
    image = image_of(disks_image.labels)
    all_masks = AutomaticMaskGenerator(
        predictor, AutomaticSettings(**loose, box_nms_thresh=1.0)
    ).generate(image, intensity_range=FULL_RANGE)
    wholes = AutomaticMaskGenerator(
        predictor, AutomaticSettings(**loose, box_nms_thresh=1.0, mask_nms_thresh=0.5)
    ).generate(image, intensity_range=FULL_RANGE)
    assert len(all_masks) == 2 * disks_image.n_disks
    assert len(wholes) == disks_image.n_disks


def test_large_planes_are_searched_in_tiles_at_their_own_resolution(large_labels):
    predictor, sam = predictor_of()
    image = image_of(large_labels)
    # Objects of this diameter need neither enlarging nor shrinking.
    settings = AutomaticSettings(
        tile=True, tile_overlap=0.3, object_diameter=SEARCHED_DIAMETER
    )
    found = AutomaticMaskGenerator(predictor, settings).generate(
        image, intensity_range=FULL_RANGE
    )
    assert sam.n_encoded > 1
    assert len(found) == 15
    assert matched(found, large_labels, 0.9) == 15
    np.testing.assert_array_equal(
        masks_to_labels(found, fill_holes=False) > 0, masks_to_labels(found) > 0
    )


@pytest.mark.parametrize("tile", [False, True])
def test_masks_are_the_same_where_a_card_finds_them(tile, monkeypatch, large_labels):
    """Also in tiles, and where the memory of the card is too little."""
    predictor, _ = predictor_of()
    settings = AutomaticSettings(
        tile=tile,
        tile_overlap=0.3,
        object_diameter=SEARCHED_DIAMETER if tile else 0,
        max_area_fraction=0.05,
        points_per_batch=8,
    )
    generator = AutomaticMaskGenerator(predictor, settings)

    def candidates():
        image = image_of(large_labels)
        return generator.candidates(image, intensity_range=FULL_RANGE)

    def out_of_memory(*_, **__):
        raise torch.cuda.OutOfMemoryError

    expected = candidates()
    monkeypatch.setattr(crop_search, "upscales_on", lambda device: True)
    found = candidates()
    monkeypatch.setattr(card_masks, "stable_masks_on_card", out_of_memory)
    without_memory = candidates()
    assert len(expected) >= 15
    for masks in (found, without_memory):
        np.testing.assert_array_equal(masks.boxes, expected.boxes)
        np.testing.assert_array_equal(masks.masks.counts, expected.masks.counts)
        np.testing.assert_array_equal(masks.masks.n_runs, expected.masks.n_runs)
        np.testing.assert_array_equal(masks.points, expected.points)
        np.testing.assert_allclose(masks.stability_score, expected.stability_score)
        np.testing.assert_array_equal(masks.predicted_iou, expected.predicted_iou)


def test_windows_that_the_size_of_objects_is_told_from_are_encoded_once(large_labels):
    predictor, sam = predictor_of()
    plane = SearchedPlane.create(image_of(large_labels), None, FULL_RANGE)
    plane.scale(predictor, AutomaticSettings(tile=True))
    n_seen = sam.n_encoded
    assert n_seen == len(plane.seen) >= 1
    for box in plane.seen:
        assert plane.embed(Crop(box, 1), predictor) is plane.seen[box]
    assert sam.n_encoded == n_seen


def test_an_object_larger_than_the_overlap_is_found_in_the_whole_plane(large_labels):
    predictor, _ = predictor_of()
    labels = np.where(large_labels > 5, large_labels, 0)
    labels[20:60, 20:310] = 20
    settings = AutomaticSettings(tile=True, tile_overlap=0.3)
    found = AutomaticMaskGenerator(predictor, settings).generate(
        image_of(labels), intensity_range=FULL_RANGE
    )
    assert len(found) == 11
    assert matched(found, labels, 0.85) == 11


def test_layers_of_crops_find_each_object_once(disks_image):
    predictor, sam = predictor_of(has_proposals=False)
    settings = AutomaticSettings(
        crop_n_layers=1, points_per_side=16, crop_nms_thresh=0.5
    )
    found = AutomaticMaskGenerator(predictor, settings).generate(
        image_of(disks_image.labels), intensity_range=FULL_RANGE
    )
    assert sam.n_encoded == 5
    assert len(found) == disks_image.n_disks


def test_an_embedding_replaces_the_image(disks_image):
    predictor, sam = predictor_of()
    embedding = predictor.embed(
        image_of(disks_image.labels), intensity_range=FULL_RANGE
    )
    found = AutomaticMaskGenerator(predictor, AutomaticSettings()).generate(
        None, embedding=embedding
    )
    assert len(found) == disks_image.n_disks
    assert sam.n_encoded == 1


def test_masks_larger_than_allowed_are_dropped(disks_image):
    predictor, _ = predictor_of()
    labels = disks_image.labels.copy()
    labels[labels == 0] = 20
    image = image_of(labels)
    n_found = [
        len(
            AutomaticMaskGenerator(
                predictor, AutomaticSettings(max_area_fraction=fraction)
            ).generate(image, intensity_range=FULL_RANGE)
        )
        for fraction in (1.0, 0.5)
    ]
    assert n_found == [disks_image.n_disks + 1, disks_image.n_disks]


def test_steps_tell_how_far_they_are_and_can_be_closed(disks_image):
    predictor, sam = predictor_of(has_proposals=False)
    generator = AutomaticMaskGenerator(predictor, AutomaticSettings())
    plane = SearchedPlane.create(image_of(disks_image.labels), None, FULL_RANGE)
    parts = list(generator.steps(plane))
    np.testing.assert_allclose(parts, np.arange(1, 129) / 128)
    n_prompts = sam.n_prompts
    steps = generator.steps(plane)
    next(steps)
    steps.close()
    assert sam.n_prompts == n_prompts + 8


def test_small_regions_are_cleaned(disks_image):
    predictor, _ = predictor_of()
    image = image_of(disks_image.labels)
    image[19:22, 19:22] = 0
    holes = AutomaticMaskGenerator(predictor, AutomaticSettings()).generate(
        image, intensity_range=FULL_RANGE
    )
    cleaned = AutomaticMaskGenerator(
        predictor, AutomaticSettings(min_mask_region_area=40)
    ).generate(image, intensity_range=FULL_RANGE)
    assert cleaned.areas.sum() > holes.areas.sum()
    assert matched(cleaned, disks_image.labels, 0.8) == disks_image.n_disks


@pytest.mark.parametrize("shape", [(1, 1), (5, 300), (128, 128)])
def test_planes_without_objects(shape):
    predictor, _ = predictor_of()
    for settings in (AutomaticSettings(), AutomaticSettings(tile=True)):
        generator = AutomaticMaskGenerator(predictor, settings)
        found = generator.generate(np.zeros(shape, np.uint8))
        assert len(found) == 0
        assert found.shape == shape
        assert len(generator.filter(generator.candidates(np.zeros(shape)))) == 0


def test_a_real_network_of_random_weights_runs(tiny_predictor, disks_image):
    settings = AutomaticSettings(
        pred_iou_thresh=0,
        stability_score_thresh=0,
        points_per_side=4,
        use_proposals=False,
    )
    candidates = AutomaticMaskGenerator(tiny_predictor, settings).candidates(
        disks_image.image
    )
    for i, box in enumerate(candidates.boxes):
        assert candidates.masks[i].shape == (box[2] - box[0], box[3] - box[1])
        assert candidates.masks[i].any()


def test_missing_and_mismatched_input_is_refused(disks_image):
    predictor, _ = predictor_of()
    generator = AutomaticMaskGenerator(predictor, AutomaticSettings())
    with pytest.raises(InvalidImageError, match="pass one"):
        generator.generate(None)
    embedding = predictor.embed(disks_image.image)
    with pytest.raises(InvalidImageError, match="embed this image"):
        generator.generate(disks_image.image.T, embedding=embedding)
