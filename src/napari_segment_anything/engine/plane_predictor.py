"""Prompts on a plane of any size, answered in windows at the scale of its objects."""

from collections import OrderedDict
from functools import cached_property

import numpy as np
import numpy.typing as npt
from torch import Tensor

from napari_segment_anything.engine import image as image_module
from napari_segment_anything.engine.contrast import percentile_range
from napari_segment_anything.engine.corrections import Corrections
from napari_segment_anything.engine.embedding import ImageEmbedding
from napari_segment_anything.engine.geometry import Box
from napari_segment_anything.engine.mask_logits import stable_mask_in_plane
from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.engine.predictor import IntensityRange, MaskPredictor
from napari_segment_anything.engine.promising import weighed_with_foreground
from napari_segment_anything.engine.prompt_bounds import within_plane, within_window
from napari_segment_anything.engine.prompt_windows import PromptWindows
from napari_segment_anything.engine.prompts import Prompts
from napari_segment_anything.engine.rough_prompts import with_rough_masks
from napari_segment_anything.engine.second_look import Answer, Answers
from napari_segment_anything.engine.working_scale import estimate_scale, window_side

_BATCH = 64
# Models without a proposal head encode too slowly to look closer at small boxes.
_N_CLOSER = 2
_EMPTY = np.zeros((0, 0), bool)


class PlanePredictor:
    """Answers prompts on one plane.

    A plane whose objects would be small in the model frame is looked at in windows.
    Windows overlap, so that each prompt has one that shows its surroundings; they are
    encoded when a prompt first needs them. An object that its window cuts is looked at
    again from farther away, at last in the frame of the whole plane; so is what points
    show a model with a proposal head when it is unsure of its answer.

    Parameters
    ----------
    predictor : MaskPredictor
        Encodes and decodes. One that looks into a store keeps the windows there.
    image : array-like
        (H, W) or (H, W, 3).
    intensity_range : tuple of float, optional
        As for `MaskPredictor.embed`; one range serves all windows.
    embedding : ImageEmbedding, optional
        Of the whole plane, if it is at hand.
    scale : float, optional
        Frame pixels per plane pixel in the finest windows; by default estimated.
    overlap : float
        Overlap of neighbouring windows as part of their side. With one half, each
        point lies in the middle half of a window.
    n_kept : int
        Embeddings that are kept in memory, 2 at least; the whole plane's stays.
    proposal_weight : float
        Weight of what the proposal head says in predicted IoUs, as in
        `AutomaticSettings`, so that they compare with those of everything mode.

    Raises
    ------
    InvalidImageError
        When the image is empty or not made of real numbers.
    """

    def __init__(
        self,
        predictor: MaskPredictor,
        image: npt.ArrayLike,
        *,
        intensity_range: IntensityRange | None = None,
        embedding: ImageEmbedding | None = None,
        scale: float | None = None,
        overlap: float = 0.5,
        n_kept: int = 32,
        proposal_weight: float = 0.0,
    ) -> None:
        self._predictor = predictor
        self._corrections = Corrections(predictor)
        self._pixels = image_module.check_plane(image)
        self._range = intensity_range or percentile_range(self._pixels)
        self._scale = scale
        self._overlap = overlap
        self._n_kept = n_kept
        self._proposal_weight = proposal_weight
        self._kept: OrderedDict[Box, ImageEmbedding] = OrderedDict()
        if embedding is not None:
            self._kept[0, 0, *self.plane_shape] = embedding

    @property
    def plane_shape(self) -> tuple[int, int]:
        """(H, W) of the plane in pixels."""
        return int(self._pixels.shape[0]), int(self._pixels.shape[1])

    @cached_property
    def scale(self) -> float:
        """Frame pixels per plane pixel in the finest windows."""
        if self._scale is not None:
            return self._scale
        kept = self._kept  # what is looked at may be prompted next
        return estimate_scale(self._pixels, self._predictor, self._range, seen=kept)

    @cached_property
    def windows(self) -> PromptWindows:
        """The windows, of which each is encoded when a prompt first needs it."""
        side = window_side(self.scale, self._predictor.frame_size)
        n_closer = _N_CLOSER if self._predictor.has_proposals else 0
        return PromptWindows(self.plane_shape, side, self._overlap, n_closer)

    def answer(
        self,
        prompts: Prompts,
        *,
        multimask: bool = True,
        may_encode: bool = True,
        rough: MaskSet | None = None,
        n_clicks: int = 0,
    ) -> MaskSet:
        """Predict the masks of N prompted objects.

        Parameters
        ----------
        prompts : Prompts
            Points and boxes in plane pixels. Mask prompts are logits of the whole
            plane's frame and are answered there.
        multimask : bool
            Three alternatives per object, good for a single point; otherwise one.
        may_encode : bool
            Whether windows are encoded for the prompts. Otherwise each is answered in
            the finest window that is there, or in the frame of the whole plane.
        rough : MaskSet, optional
            A mask prompt for each of the N objects, in pixels of the plane.
        n_clicks : int, optional
            Of a single object: how many of its points, from the first, are clicks that
            each start from the logits of the mask that they correct.

        Returns
        -------
        MaskSet
            M N masks: the M alternatives of the first object, then those of the second
            …; an alternative without pixels has an empty box and scores of 0.

        Raises
        ------
        InvalidPromptError
            When a point or a whole box lies outside of the plane.
        """
        prompts = within_plane(prompts, self.plane_shape)
        # Without a proposal head each further look takes too long.
        may_doubt = self._predictor.has_proposals and rough is None
        given = Answers(prompts, self.plane_shape, may_doubt=may_doubt)
        windows = self.windows if may_encode else self._known_windows()
        level_of = windows.first_levels(prompts)
        for level in range(len(windows.sides)):
            todo = np.flatnonzero(level_of == level)
            for window, members in windows.assign(level, prompts, todo):
                is_there = window in self._kept or self._is_whole(window)
                if not (may_encode or is_there):
                    level_of[members] = level + 1
                    continue
                embedding = self._embed(window)
                for start in range(0, len(members), _BATCH):
                    batch = members[start : start + _BATCH]
                    answers = self._decode(
                        embedding,
                        window,
                        prompts.select(batch),
                        multimask,
                        None if rough is None else rough.select(batch),
                        n_clicks if prompts.n_objects == 1 else 0,
                    )
                    for i, alternatives in zip(batch.tolist(), answers, strict=True):
                        if given.take(i, alternatives, window):
                            level_of[i] = level + 1
        return given.masks()

    def _known_windows(self) -> PromptWindows:
        """Return the windows, or the whole plane alone while its scale is unknown."""
        if "scale" in self.__dict__:
            return self.windows
        return PromptWindows(self.plane_shape, max(self.plane_shape), self._overlap)

    def _is_whole(self, window: Box) -> bool:
        return window == (0, 0, *self.plane_shape)

    def _embed(self, window: Box) -> ImageEmbedding:
        embedding = self._kept.get(window)
        if embedding is None:
            y0, x0, y1, x1 = window
            embedding = self._predictor.embed(
                self._pixels[y0:y1, x0:x1], intensity_range=self._range
            )
            self._kept[window] = embedding
            if len(self._kept) > self._n_kept:
                del self._kept[next(w for w in self._kept if not self._is_whole(w))]
        self._kept.move_to_end(window)
        return embedding

    def _decode(
        self,
        embedding: ImageEmbedding,
        window: Box,
        prompts: Prompts,
        multimask: bool,
        rough: MaskSet | None,
        n_clicks: int,
    ) -> list[list[Answer]]:
        y0, x0, y1, x1 = window
        if not self._is_whole(window):
            prompts = within_window(prompts.shift(-y0, -x0), (y1 - y0, x1 - x0))
        if rough is not None:
            low_res_size = self._predictor.config.low_res_size
            prompts = with_rough_masks(
                prompts, rough, window, embedding.geometry, low_res_size
            )
            n_clicks = 0
        logits, iou = self._corrections.decode(embedding, prompts, multimask, n_clicks)
        weight = self._proposal_weight
        iou = _weighed(iou, logits, embedding, self._predictor, weight)
        return _in_plane(logits, iou, embedding, (y0, x0))


def _weighed(
    iou: Tensor,
    logits: Tensor,
    embedding: ImageEmbedding,
    predictor: MaskPredictor,
    weight: float,
) -> Tensor:
    """Mix what the proposal head says into predicted IoU, where there is a head."""
    proposals = predictor.propose(embedding) if weight else None
    if proposals is None:
        return iou
    return weighed_with_foreground(iou, logits, proposals.foreground, weight)


def _in_plane(
    logits: Tensor,
    scores: Tensor,
    embedding: ImageEmbedding,
    corner: tuple[int, int],
) -> list[list[Answer]]:
    """Masks of N objects, M alternatives each, of a window with this first pixel."""
    y0, x0 = corner
    answers = []
    low_res = logits.float().cpu().numpy()
    for three, three_scores in zip(low_res, scores.tolist(), strict=True):
        row: list[Answer] = []
        for one, score in zip(three, three_scores, strict=True):
            found = stable_mask_in_plane(one, embedding.geometry)
            if found is None:
                row.append(((0, 0, 0, 0), _EMPTY, 0.0, 0.0))
                continue
            (top, left, bottom, right), mask, stability = found
            box = (top + y0, left + x0, bottom + y0, right + x0)
            row.append((box, mask, score, stability))
        answers.append(row)
    return answers
