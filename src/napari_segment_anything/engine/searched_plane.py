"""The plane in which objects are sought, and the crops of it that are searched."""

from dataclasses import dataclass

import numpy.typing as npt

from napari_segment_anything.engine import image as image_module
from napari_segment_anything.engine.automatic_settings import AutomaticSettings
from napari_segment_anything.engine.banded_plane import BandedPlane
from napari_segment_anything.engine.contrast import percentile_range
from napari_segment_anything.engine.embedding import ImageEmbedding
from napari_segment_anything.engine.geometry import Box
from napari_segment_anything.engine.point_grid import crop_boxes
from napari_segment_anything.engine.predictor import IntensityRange, MaskPredictor
from napari_segment_anything.engine.tiling import tile_boxes
from napari_segment_anything.engine.working_scale import (
    SEARCHED_DIAMETER,
    estimate_scale,
    scale_for_diameter,
    window_side,
)
from napari_segment_anything.errors import InvalidImageError

# SAM drops masks whose box ends this close to an edge of a crop, in pixels.
_CROP_EDGE_TOLERANCE = 20.0
_TILE_EDGE_TOLERANCE = 2.0


@dataclass(frozen=True)
class Crop:
    """A half-open box of a plane, 0 for its layer when it is the whole plane."""

    box: Box
    layer: int
    edge_tolerance: float = 0.0


def plan_crops(
    shape: tuple[int, int],
    frame_size: int,
    settings: AutomaticSettings,
    scale: float | None = None,
) -> list[Crop]:
    """Crops to search: tiles at a scale, or SAM's layers of crops.

    Parameters
    ----------
    shape : tuple of int
        (H, W) of the plane.
    frame_size : int
        Side of the model frame.
    settings : AutomaticSettings
        Of the search.
    scale : float, optional
        Frame pixels per plane pixel, as from `SearchedPlane.scale`. By default, and
        where the plane as a whole has this scale, the plane is not tiled.
    """
    side = window_side(scale, frame_size) if scale else max(shape)
    if settings.tile and side < max(shape):
        boxes = tile_boxes(shape, side, int(settings.tile_overlap * side))
        return [Crop(box, 1, _TILE_EDGE_TOLERANCE) for box in boxes]
    layered = crop_boxes(shape, settings.crop_n_layers, settings.crop_overlap_ratio)
    return [Crop(box, layer, _CROP_EDGE_TOLERANCE) for box, layer in layered]


@dataclass(frozen=True, eq=False)
class SearchedPlane:
    """The plane in which objects are sought, as pixels, embedding or both.

    ``seen`` are the embeddings that are at hand, by the boxes of what they show.
    """

    pixels: image_module.Plane | None
    seen: dict[Box, ImageEmbedding]
    shape: tuple[int, int]
    intensity_range: IntensityRange

    @classmethod
    def create(
        cls,
        image: npt.ArrayLike | BandedPlane | None,
        embedding: ImageEmbedding | None,
        intensity_range: IntensityRange | None,
    ) -> "SearchedPlane":
        """Check that image and embedding fit, and settle the intensity range.

        Raises
        ------
        InvalidImageError
            When both are missing or they are of different planes.
        """
        pixels = None if image is None else image_module.check_plane(image)
        if pixels is None and embedding is None:
            raise InvalidImageError(
                "There is neither an image nor an embedding to search; pass one."
            )
        shapes: list[tuple[int, int]] = []
        if pixels is not None:
            shapes.append((int(pixels.shape[0]), int(pixels.shape[1])))
        if embedding is not None:
            shapes.append(embedding.plane_shape)
            intensity_range = intensity_range or embedding.intensity_range
        if len(set(shapes)) > 1:
            raise InvalidImageError(
                f"The image has {shapes[0]} pixels, but the embedding is of a plane of "
                f"{shapes[1]}; embed this image."
            )
        if intensity_range is None and pixels is not None:
            intensity_range = percentile_range(pixels)
        shape = shapes[0]
        seen = {} if embedding is None else {(0, 0, *shape): embedding}
        return cls(pixels, seen, shape, intensity_range or (0.0, 1.0))

    def scale(
        self, predictor: MaskPredictor, settings: AutomaticSettings
    ) -> float | None:
        """Frame pixels per plane pixel at which objects are sought.

        None where the settings or missing pixels allow the whole plane only.
        """
        if self.pixels is None or not settings.tile:
            return None
        if settings.object_diameter > 0:
            return scale_for_diameter(
                settings.object_diameter,
                self.shape,
                predictor.frame_size,
                SEARCHED_DIAMETER,
            )
        return estimate_scale(
            self.pixels,
            predictor,
            self.intensity_range,
            seen=self.seen,
            working_diameter=SEARCHED_DIAMETER,
        )

    def embed(self, crop: Crop, predictor: MaskPredictor) -> ImageEmbedding:
        """Return the embedding of a crop, which may be at hand."""
        if crop.box in self.seen:
            return self.seen[crop.box]
        return predictor.embed(self.part(crop), intensity_range=self.intensity_range)

    def part(self, crop: Crop) -> image_module.Plane:
        """Return the pixels of a crop.

        Raises
        ------
        InvalidImageError
            When there is an embedding only.
        """
        if self.pixels is None:
            raise InvalidImageError(
                "Crops and tiles are searched in the image itself, not in its "
                "embedding; pass the image as well."
            )
        y0, x0, y1, x1 = crop.box
        if (y1 - y0, x1 - x0) == self.shape:
            return self.pixels
        return self.pixels[y0:y1, x0:x1]
