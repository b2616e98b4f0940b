import numpy as np
import torch

from napari_segment_anything.engine.embedding import ImageEmbedding
from napari_segment_anything.engine.geometry import FrameGeometry
from napari_segment_anything.engine.mask_set import MaskSet


def embedding_of_positions(plane_shape):
    """Features that hold the row and the column of their token."""
    rows, columns = torch.meshgrid(torch.arange(8.0), torch.arange(8.0), indexing="ij")
    features = torch.stack([rows, columns])[None]
    return ImageEmbedding(features, FrameGeometry(plane_shape, 64), (0.0, 1.0))


def test_pooled_feature_is_the_mean_over_the_tokens_below():
    embedding = embedding_of_positions((64, 64))
    mask = np.zeros((64, 64), bool)
    mask[8:24, 32:40] = True  # tokens (1, 4) and (2, 4)
    np.testing.assert_allclose(embedding.pool(mask), [1.5, 4])


def test_tokens_weigh_as_much_as_the_mask_covers_them():
    embedding = embedding_of_positions((64, 64))
    mask = np.zeros((64, 64), bool)
    mask[0:2, 0:8] = True  # 16 pixels of row 0
    mask[8:14, 0:8] = True  # 48 pixels of row 1
    np.testing.assert_allclose(embedding.pool(mask), [0.75, 0])


def test_cropped_masks_and_other_scales():
    embedding = embedding_of_positions((16, 32))  # 2 frame pixels a pixel
    pooled = embedding.pool(np.ones((4, 4), bool), box=(12, 28, 16, 32))
    np.testing.assert_allclose(pooled, [3, 7])


def test_masks_of_a_set_are_pooled_together():
    embedding = embedding_of_positions((64, 64))
    labels = np.zeros((64, 64), int)
    labels[:8, :8] = 1
    labels[56:, 56:] = 2
    pooled = embedding.pool_masks(MaskSet.from_labels(labels))
    np.testing.assert_allclose(pooled, [[0, 0], [7, 7]])


def test_moving_to_the_same_device_copies_nothing():
    embedding = embedding_of_positions((64, 64))
    assert embedding.to("cpu") is embedding
    assert embedding.nbytes == 2 * 64 * 4
