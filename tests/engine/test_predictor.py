import numpy as np
import pytest
import torch
from torch.nn import functional

from napari_segment_anything.engine.predictor import MaskPredictor
from napari_segment_anything.engine.prompts import Prompts
from napari_segment_anything.errors import InvalidImageError, InvalidPromptError
from napari_segment_anything.networks.config import CONFIGS
from napari_segment_anything.networks.sam import build_sam


@pytest.fixture(scope="module")
def embedding(tiny_predictor, disks_image):
    return tiny_predictor.embed(disks_image.image)


def test_shapes_and_types(tiny_predictor, embedding, disks_image):
    prompts = Prompts.stack(
        [Prompts.from_points([centre], [1]) for centre in disks_image.centres[:2]]
    )
    prediction = tiny_predictor.predict(embedding, prompts)
    low_res_size = tiny_predictor.config.low_res_size
    assert prediction.masks.shape == (2, 3, *disks_image.image.shape)
    assert prediction.masks.dtype == bool
    assert prediction.iou_predictions.shape == (2, 3)
    assert prediction.iou_predictions.dtype == np.float32
    assert prediction.low_res_masks.shape == (2, 3, low_res_size, low_res_size)
    single = tiny_predictor.predict(embedding, prompts, multimask=False)
    assert single.masks.shape == (2, 1, *disks_image.image.shape)


def test_masks_are_the_two_step_bilinear_upscaling(tiny_predictor, embedding):
    prompts = Prompts.from_boxes([[5, 5, 60, 90], [30, 30, 70, 40]])
    prediction = tiny_predictor.predict(embedding, prompts)
    height, width = embedding.geometry.scaled_shape
    side = tiny_predictor.frame_size
    frame = functional.interpolate(
        torch.from_numpy(prediction.low_res_masks),
        size=(side, side),
        mode="bilinear",
        align_corners=False,
    )[..., :height, :width]
    plane = functional.interpolate(
        frame, size=embedding.plane_shape, mode="bilinear", align_corners=False
    )
    expected = plane.numpy() > 0
    assert expected.any()
    np.testing.assert_array_equal(prediction.masks, expected)


def test_objects_are_decoded_independently(tiny_predictor, embedding, disks_image):
    each = [Prompts.from_points([centre], [1]) for centre in disks_image.centres]
    together = tiny_predictor.predict(embedding, Prompts.stack(each))
    for i, prompts in enumerate(each):
        alone = tiny_predictor.predict(embedding, prompts)
        np.testing.assert_allclose(
            together.low_res_masks[i], alone.low_res_masks[0], atol=1e-4
        )


def test_padded_points_change_nothing(tiny_predictor, embedding):
    short = Prompts.one(points=[[20, 20]], box=[0, 0, 40, 40])
    longer = Prompts.one(points=[[20, 20], [3, 3]], labels=[1, -1], box=[0, 0, 40, 40])
    one = tiny_predictor.predict(embedding, short)
    two = tiny_predictor.predict(embedding, longer)
    # A padding point is a token of its own in SAM, so only its place must not matter.
    moved = Prompts.one(points=[[20, 20], [9, 9]], labels=[1, -1], box=[0, 0, 40, 40])
    three = tiny_predictor.predict(embedding, moved)
    np.testing.assert_array_equal(two.low_res_masks, three.low_res_masks)
    assert one.masks.shape == two.masks.shape


def test_a_low_res_mask_is_accepted_back(tiny_predictor, embedding):
    first = tiny_predictor.predict(embedding, Prompts.one(points=[[20, 20]]))
    refined = Prompts.one(points=[[20, 20]], mask=first.low_res_masks[0, first.best[0]])
    second = tiny_predictor.predict(embedding, refined)
    assert not np.array_equal(first.low_res_masks, second.low_res_masks)
    with pytest.raises(InvalidPromptError, match="low_res_masks"):
        tiny_predictor.predict(embedding, Prompts.one(mask=np.zeros((7, 7))))


def test_batches_equal_single_planes(tiny_predictor, disks_image):
    planes = [disks_image.image, disks_image.image[::-1].copy()]
    limits = (150.0, 1800.0)
    for plane, batched in zip(
        planes, tiny_predictor.embed_batch(planes, limits), strict=True
    ):
        alone = tiny_predictor.embed(plane, intensity_range=limits)
        torch.testing.assert_close(alone.features, batched.features)
        assert batched.intensity_range == limits
        assert batched.model_digest == tiny_predictor.model_digest


def test_embedding_does_not_depend_on_dtype_or_gain(tiny_predictor, disks_image):
    plain = tiny_predictor.embed(disks_image.image)
    scaled = tiny_predictor.embed(disks_image.image.astype(np.float64) * 3 - 7)
    torch.testing.assert_close(plain.features, scaled.features)


@pytest.mark.parametrize("shape", [(1, 1), (1, 200), (200, 1), (7, 300)])
def test_odd_planes_are_predicted(tiny_predictor, shape):
    embedding = tiny_predictor.embed(np.zeros(shape))
    prediction = tiny_predictor.predict(embedding, Prompts.one(points=[[0, 0]]))
    assert prediction.masks.shape == (1, 3, *shape)


@pytest.mark.parametrize(
    "image", [np.full((40, 40), np.nan), np.full((40, 40), 5), np.ones((9, 9), bool)]
)
def test_planes_without_contrast_give_finite_features(tiny_predictor, image):
    assert torch.isfinite(tiny_predictor.embed(image).features).all()


def test_planes_of_different_shapes_are_not_batched(tiny_predictor):
    with pytest.raises(InvalidImageError, match="one shape"):
        tiny_predictor.embed_batch([np.zeros((4, 4)), np.zeros((4, 5))])
    assert tiny_predictor.embed_batch([]) == []


def test_prompts_outside_of_the_plane(tiny_predictor, embedding):
    for prompts in (
        Prompts.one(points=[[96, 0]]),
        Prompts.one(points=[[0, -1]]),
        Prompts.one(box=[200, 200, 210, 210]),
    ):
        with pytest.raises(InvalidPromptError, match="outside"):
            tiny_predictor.predict(embedding, prompts)


def test_boxes_that_reach_over_are_clipped(tiny_predictor, embedding):
    over = tiny_predictor.predict(embedding, Prompts.one(box=[-20, 50, 40, 500]))
    clipped = tiny_predictor.predict(embedding, Prompts.one(box=[-0.5, 50, 40, 127.5]))
    np.testing.assert_array_equal(over.low_res_masks, clipped.low_res_masks)


def test_embeddings_of_another_model_are_refused(embedding):
    other = MaskPredictor(build_sam(CONFIGS["tiny"]), device="cpu", model_digest="f")
    with pytest.raises(InvalidPromptError, match="another model"):
        other.predict(embedding, Prompts.one(points=[[1, 1]]))


def test_half_precision_embeddings_are_decoded(tiny_predictor, embedding):
    from dataclasses import replace

    half = replace(embedding, features=embedding.features.half())
    full = tiny_predictor.predict(embedding, Prompts.one(points=[[20, 20]]))
    stored = tiny_predictor.predict(half, Prompts.one(points=[[20, 20]]))
    spread = full.low_res_masks.std()
    error = np.abs(full.low_res_masks - stored.low_res_masks).max()
    assert error < 0.02 * spread


def test_proposals_cover_the_plane_alone(tiny_predictor, embedding):
    proposals = tiny_predictor.propose(embedding)
    assert proposals.foreground.shape == (48, 64)  # 96 × 128 at a stride of 2
    assert proposals.offsets.shape == (2, 48, 64)
    for probability in (proposals.foreground, proposals.boundary, proposals.centre):
        assert (probability >= 0).all()
        assert (probability <= 1).all()


def test_proposals_of_an_embedding_are_made_once(tiny_predictor, embedding):
    assert tiny_predictor.propose(embedding) is tiny_predictor.propose(embedding)
