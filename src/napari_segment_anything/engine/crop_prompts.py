"""Where a crop of a plane is prompted in the search for objects."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_segment_anything.engine.automatic_settings import AutomaticSettings
from napari_segment_anything.engine.embedding import ImageEmbedding
from napari_segment_anything.engine.point_grid import build_layer_grids, points_in_plane
from napari_segment_anything.engine.predictor import MaskPredictor
from napari_segment_anything.engine.searched_plane import Crop

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class CropPrompts:
    """Points (n, 2) at which a crop is prompted, as (y, x) in plane pixels.

    With a proposal head, ``foreground`` (l_h, l_w) is its probability of objects at
    low resolution.
    """

    points: FloatArray
    foreground: FloatArray | None = None

    @classmethod
    def create(
        cls,
        embedding: ImageEmbedding,
        crop: Crop,
        predictor: MaskPredictor,
        settings: AutomaticSettings,
    ) -> "CropPrompts":
        """Prompt what the proposal head sees, or the grid of the crop's layer."""
        proposals = predictor.propose(embedding) if settings.use_proposals else None
        foreground = None
        if proposals is not None:
            points = proposals.prompt_points(settings.proposal_thresh)
            foreground = proposals.foreground
        else:
            grid = build_layer_grids(
                settings.points_per_side,
                crop.layer,
                settings.crop_n_points_downscale_factor,
            )[crop.layer]
            points = points_in_plane(grid, embedding.plane_shape).astype(np.float32)
        corner = np.asarray(crop.box[:2], np.float32)
        return cls(points + corner, foreground)

    def __len__(self) -> int:
        return len(self.points)

    def select(self, index: slice | npt.NDArray[np.bool_]) -> "CropPrompts":
        """Return some of the prompts."""
        return CropPrompts(self.points[index], self.foreground)
