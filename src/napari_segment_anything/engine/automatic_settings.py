"""Settings of automatic mask generation, under the names that SAM gave them."""

from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from typing import Any, Self

from napari_segment_anything.errors import InvalidSettingsError
from napari_segment_anything.networks.config import SamConfig


@dataclass(frozen=True)
class AutomaticSettings:
    """What automatic mask generation looks for, and what of it is kept.

    The defaults are SAM's, for SAM's own weights: with them a smaller model, such as
    the bundled one, finds nothing. `for_model` gives those that suit a model.

    Parameters
    ----------
    points_per_side : int
        Points along each side of the grid of prompts.
    points_per_batch : int
        Prompts that are decoded together; more is faster and needs more memory.
    pred_iou_thresh : float
        Least predicted IoU of a mask, 0..1.
    stability_score_thresh : float
        Least stability score of a mask, 0..1.
    stability_score_offset : float
        How far the threshold is moved up and down for the stability score, in logits.
    box_nms_thresh : float
        IoU of boxes above which two masks count as the same object.
    crop_n_layers : int
        Layers of crops that are searched beside the whole plane; layer i has 4ⁱ crops.
    crop_nms_thresh : float
        As ``box_nms_thresh``, between crops.
    crop_overlap_ratio : float
        Overlap of crops as part of the plane's shorter side.
    crop_n_points_downscale_factor : int
        The grid of layer i is thinner by this factor to the power of i.
    min_mask_region_area : int
        Holes and islands with fewer pixels than this are removed from masks.
    use_proposals : bool
        Prompt where the model's proposal head sees objects, if it has one, instead of
        on the grid.
    proposal_thresh : float
        Least probability of a proposed object centre, 0..1.
    proposal_weight : float
        Weight of what the proposal head says in the predicted IoU of a prompt's masks,
        the mean probability of an object inside of the surest of them; the rest is the
        decoder's own prediction.
    tile : bool
        Search planes whose objects would be small in the model frame in tiles.
    object_diameter : float
        Usual diameter of objects in pixels, from which the size of tiles follows; 0
        estimates it from each plane.
    tile_overlap : float
        Least overlap of neighbouring tiles as part of a tile's side.
    max_area_fraction : float
        Drop masks that cover more of the plane than this, usually its ground.
    one_mask_per_point : bool
        Keep only the best of the three masks of a prompt.
    mask_nms_thresh : float
        Drop a mask when a better one shares more than this part of the smaller of the
        two: it is a piece of an object, or a clump. At 1 nothing is dropped.

    Raises
    ------
    InvalidSettingsError
        When a value is out of its range.
    """

    points_per_side: int = 32
    points_per_batch: int = 64
    pred_iou_thresh: float = 0.88
    stability_score_thresh: float = 0.95
    stability_score_offset: float = 1.0
    box_nms_thresh: float = 0.7
    crop_n_layers: int = 0
    crop_nms_thresh: float = 0.7
    crop_overlap_ratio: float = 512 / 1500
    crop_n_points_downscale_factor: int = 1
    min_mask_region_area: int = 0
    use_proposals: bool = True
    proposal_thresh: float = 0.3
    proposal_weight: float = 0.5
    tile: bool = False
    object_diameter: float = 0.0
    tile_overlap: float = 0.25
    max_area_fraction: float = 1.0
    one_mask_per_point: bool = False
    mask_nms_thresh: float = 1.0

    def __post_init__(self) -> None:
        for name in (
            "pred_iou_thresh",
            "stability_score_thresh",
            "box_nms_thresh",
            "crop_nms_thresh",
            "proposal_thresh",
            "proposal_weight",
            "max_area_fraction",
            "mask_nms_thresh",
        ):
            self._check(name, 0, 1)
        for name in (
            "points_per_side",
            "points_per_batch",
            "crop_n_points_downscale_factor",
        ):
            self._check(name, 1, 4096)
        self._check("crop_n_layers", 0, 4)
        self._check("crop_overlap_ratio", 0, 0.95)
        self._check("tile_overlap", 0, 0.75)
        self._check("stability_score_offset", 0, 100)
        self._check("min_mask_region_area", 0, float("inf"))
        self._check("object_diameter", 0, float("inf"))

    def _check(self, name: str, low: float, high: float) -> None:
        value = getattr(self, name)
        if not low <= value <= high:
            raise InvalidSettingsError(
                f"{name} is {value}; choose a value from {low} to {high:g}."
            )

    @classmethod
    def for_model(cls, config: SamConfig, **changes: Any) -> Self:
        """Return what suits a model, with changes.

        The defaults of SAM were chosen for photographs and SAM's own weights; a model
        with a proposal head prompts fewer and better places and is less sure of itself.

        Parameters
        ----------
        config : SamConfig
            Of the model, such as ``predictor.config``.
        **changes
            Settings that are to be different, such as ``min_mask_region_area=50``.

        Raises
        ------
        InvalidSettingsError
            When there is no such setting, or a value is out of its range.
        """
        known = [setting.name for setting in fields(cls)]
        for name in changes:
            if name not in known:
                near = get_close_matches(name, known, 1) or [", ".join(known)]
                raise InvalidSettingsError(
                    f"There is no setting {name!r}; did you mean {near[0]}?"
                )
        if not config.has_proposal_head:
            return replace(cls(), **changes)
        suited = cls(
            pred_iou_thresh=0.65,
            stability_score_thresh=0.7,
            proposal_thresh=0.5,
            min_mask_region_area=10,
            tile=True,
            max_area_fraction=0.5,
            one_mask_per_point=True,
            mask_nms_thresh=0.3,
        )
        return replace(suited, **changes)
