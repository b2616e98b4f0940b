"""Who answers when a track breaks, when an answer is believed, what is said of it."""

from dataclasses import dataclass
from typing import Protocol, Self

from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.engine.prompts import Prompts
from napari_segment_anything.errors import InvalidSettingsError


class FramePredictor(Protocol):
    """Whoever can decode prompts on any frame of a movie."""

    def predict(self, frame: int, prompts: Prompts) -> MaskSet:
        """Decode the prompts of N objects on a frame.

        Returns
        -------
        MaskSet
            3 N masks: the alternatives of the first object, then of the second …
        """
        ...


@dataclass(frozen=True)
class RepairSettings:
    """When an answer of the decoder is believed.

    Attributes
    ----------
    min_predicted_iou, min_stability : float
        The model's own confidence in the mask; lower than that of everything mode,
        because the neighbours in time speak for it, too.
    min_overlap : float
        Intersection over union with the mask expected from the neighbouring frame.
    max_growth : float
        Factor by which its area may differ from the expected one, up or down.
    max_shared : float
        Part of it that may lie on other objects; that part is cut off.
    min_kept : float
        Part of the replaced masks that the answers must cover.
    max_rounds : int
        How often linking and repair alternate at most.
    max_carried : int or None
        For how many frames a track is carried on beyond its end or before its start in
        each round; None for as far as it goes.
    max_loss : float
        By how much an answer may be less sure than the masks that it replaces, where
        the model has scored those. (Predicted IoU; without the decoder's answer the
        overlap with what is expected.) What joins fragments may not be less sure.
    min_gain : float
        By how much more an answer must overlap with what is expected than the mask
        that it replaces, where that one has only changed its area.
    faint_share : float
        Masks that reach only this share of the thresholds of everything mode count,
        too, where they last; 1 for none.
    faint_frames : int
        For how many frames in a row they must last, at least 2.
    carry : bool
        Whether masks are divided, joined and carried over gaps as their neighbours in
        time have them where the decoder has no believable answer.

    Raises
    ------
    InvalidSettingsError
        If a value is out of its range.
    """

    min_predicted_iou: float = 0.4
    min_stability: float = 0.7
    min_overlap: float = 0.5
    max_growth: float = 1.7
    max_shared: float = 0.25
    min_kept: float = 0.6
    max_rounds: int = 3
    max_carried: int | None = 3
    max_loss: float = 0.1
    min_gain: float = 0.3
    faint_share: float = 0.8
    faint_frames: int = 3
    carry: bool = True

    def __post_init__(self) -> None:
        for name in (
            "min_predicted_iou",
            "min_stability",
            "min_overlap",
            "max_shared",
            "min_kept",
            "max_loss",
            "min_gain",
            "faint_share",
        ):
            if not 0 <= getattr(self, name) <= 1:
                raise InvalidSettingsError(
                    f"{name} is {getattr(self, name)}, but must lie in 0..1."
                )
        if self.max_growth < 1 or self.max_rounds < 0 or self.faint_frames < 2:
            raise InvalidSettingsError(
                f"max_growth ({self.max_growth}) must be at least 1, max_rounds "
                f"({self.max_rounds}) not negative and faint_frames "
                f"({self.faint_frames}) at least 2."
            )


@dataclass(frozen=True)
class Repair:
    """Why a mask was made, and how sure it is.

    Attributes
    ----------
    word : str
        ``filled``, ``split``, ``joined`` or ``redrawn``.
    by_model : bool
        Whether the decoder has drawn it; otherwise its neighbours in time did.
    confidence : float
        Predicted IoU times the overlap with what was expected, 0..1.
    """

    word: str
    by_model: bool
    confidence: float


@dataclass(frozen=True)
class RepairedMask:
    """A mask that repair has made, told by where it is.

    Attributes
    ----------
    frame : int
        Which frame.
    y, x : float
        Centroid, in pixels.
    area : int
        In pixels.
    predicted_iou, stability_score : float
        What the decoder says of it.
    repair : Repair
        Why it was made.
    """

    frame: int
    y: float
    x: float
    area: int
    predicted_iou: float
    stability_score: float
    repair: Repair

    @classmethod
    def of(cls, frame: int, masks: MaskSet, number: int, repair: Repair) -> Self:
        """Tell one of several masks."""
        y, x = map(float, masks.centroids[number])
        return cls(
            frame,
            y,
            x,
            int(masks.areas[number]),
            float(masks.predicted_iou[number]),
            float(masks.stability_score[number]),
            repair,
        )
