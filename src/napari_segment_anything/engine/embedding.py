"""The image embedding of one plane, as a value."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt
import torch

from napari_segment_anything.engine.geometry import Box, FrameGeometry
from napari_segment_anything.engine.mask_set import MaskSet

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class ImageEmbedding:
    """Features of one plane, from which any number of prompts is decoded.

    Parameters
    ----------
    features : torch.Tensor
        (1, C, h, w) output of the image encoder.
    geometry : FrameGeometry
        How the plane lies in the model frame.
    intensity_range : tuple of float
        Intensities that were mapped to black and white.
    model_digest : str
        Digest of the weights that made the features; empty when unknown.
    """

    features: torch.Tensor
    geometry: FrameGeometry
    intensity_range: tuple[float, float]
    model_digest: str = ""

    @property
    def plane_shape(self) -> tuple[int, int]:
        """(H, W) of the plane in pixels."""
        return self.geometry.plane_shape

    @property
    def nbytes(self) -> int:
        """Memory of the features in bytes."""
        return self.features.numel() * self.features.element_size()

    def to(self, device: torch.device | str) -> Self:
        """Return the embedding with its features on a device."""
        features = self.features.to(device)
        return self if features is self.features else replace(self, features=features)

    def pool(self, mask: npt.NDArray[np.bool_], box: Box | None = None) -> FloatArray:
        """Mean feature (C,) under a mask.

        Parameters
        ----------
        mask : ndarray
            Boolean, of the shape of the plane or of ``box``.
        box : tuple of int, optional
            Half-open (y0, x0, y1, x1) of a cropped mask in plane pixels.
        """
        y0, x0, y1, x1 = box if box is not None else (0, 0, *mask.shape)
        masks = MaskSet.from_masks(
            self.plane_shape,
            [(y0, x0, y1, x1)],
            [mask],
            points=np.zeros((1, 2)),
        )
        pooled: FloatArray = self.pool_masks(masks)[0]
        return pooled

    def pool_masks(self, masks: MaskSet) -> FloatArray:
        """Mean feature (n, C) under each mask of a set; zeros for an empty mask."""
        from scipy import sparse  # loading a model needs none of it

        height, width = self.features.shape[-2:]
        rows = self._token_of_pixels(0)
        columns = self._token_of_pixels(1)
        weights = sparse.lil_array((len(masks), height * width), dtype=np.float32)
        for i, mask in enumerate(masks.masks):
            row_slice, column_slice = masks.slices(i)
            in_y, in_x = np.nonzero(mask)
            tokens = rows[row_slice][in_y] * width + columns[column_slice][in_x]
            used, counts = np.unique(tokens, return_counts=True)
            weights[i, used] = counts / max(1, len(tokens))
        flat = self.features[0].reshape(self.features.shape[1], -1)
        features = flat.float().cpu().numpy().T
        pooled: FloatArray = (weights.tocsr() @ features).astype(np.float32)
        return pooled

    def _token_of_pixels(self, axis: int) -> npt.NDArray[np.intp]:
        """Index of the embedding's token that each plane row or column lies in."""
        n_tokens = self.features.shape[2 + axis]
        n_pixels = self.geometry.plane_shape[axis]
        scale = self.geometry.scaled_shape[axis] / n_pixels
        per_frame_pixel = n_tokens / self.geometry.frame_size
        tokens = (np.arange(n_pixels) + 0.5) * scale * per_frame_pixel
        return np.minimum(tokens.astype(np.intp), n_tokens - 1)
