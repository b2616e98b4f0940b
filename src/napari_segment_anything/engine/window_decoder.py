"""What one window of a plane answers to prompts."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from torch import Tensor

from napari_segment_anything.engine.corrections import Corrections
from napari_segment_anything.engine.embedding import ImageEmbedding
from napari_segment_anything.engine.geometry import Box
from napari_segment_anything.engine.mask_logits import stable_mask_in_plane
from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.engine.predictor import MaskPredictor
from napari_segment_anything.engine.promising import weighed_with_foreground
from napari_segment_anything.engine.prompt_bounds import within_window
from napari_segment_anything.engine.prompts import INSIDE, Prompts
from napari_segment_anything.engine.rough_prompts import with_rough_masks
from napari_segment_anything.engine.second_look import Answer
from napari_segment_anything.engine.single_thread import single_thread

# Probability of the proposal head below which a point lies on ground.
_OBJECT = 0.3
_EMPTY = np.zeros((0, 0), bool)


@dataclass(frozen=True, eq=False)
class Question:
    """Prompts of N objects of a plane, and how they are asked.

    The fields are the arguments of `PlanePredictor.answer`.
    """

    prompts: Prompts
    multimask: bool
    rough: MaskSet | None = None
    n_clicks: int = 0

    def select(self, index: npt.NDArray[np.intp]) -> "Question":
        """Return the question about some of the objects."""
        rough = None if self.rough is None else self.rough.select(index)
        prompts = self.prompts.select(index)
        return Question(prompts, self.multimask, rough, self.n_clicks)


class WindowDecoder:
    """Answers prompts in one window of a plane.

    Parameters
    ----------
    predictor : MaskPredictor
        Decodes.
    proposal_weight : float
        As for `PlanePredictor`.
    """

    def __init__(self, predictor: MaskPredictor, proposal_weight: float) -> None:
        self._predictor = predictor
        self._corrections = Corrections(predictor)
        self._proposal_weight = proposal_weight

    def answers(
        self, asked: Question, embedding: ImageEmbedding, window: Box, is_whole: bool
    ) -> list[list[Answer]]:
        """Return the alternatives for each object, in pixels of the plane.

        Parameters
        ----------
        asked : Question
            In pixels of the plane.
        embedding : ImageEmbedding
            Of the window.
        window : tuple of int
            Where it lies in the plane.
        is_whole : bool
            Whether it is the whole plane.
        """
        y0, x0, y1, x1 = window
        prompts, n_clicks = asked.prompts, asked.n_clicks
        if not is_whole:
            prompts = within_window(prompts.shift(-y0, -x0), (y1 - y0, x1 - x0))
        if asked.rough is not None:
            low_res_size = self._predictor.config.low_res_size
            prompts = with_rough_masks(
                prompts, asked.rough, window, embedding.geometry, low_res_size
            )
            n_clicks = 0
        with single_thread(prompts.n_objects, self._predictor.device):
            logits, iou = self._corrections.decode(
                embedding, prompts, asked.multimask, n_clicks
            )
            weight = self._proposal_weight
            iou = _weighed(iou, logits, embedding, self._predictor, weight)
            return _in_plane(logits, iou, embedding, (y0, x0))

    def sees(
        self, prompts: Prompts, embedding: ImageEmbedding | None, window: Box
    ) -> bool:
        """Whether the proposal head, if that can be told, sees an object at a point.

        Parameters
        ----------
        prompts : Prompts
            Points alone, in pixels of the plane.
        embedding : ImageEmbedding, optional
            Of a window that shows all of them, if it is at hand.
        window : tuple of int
            Where it lies in the plane.
        """
        proposals = None if embedding is None else self._predictor.propose(embedding)
        if (
            embedding is None
            or proposals is None
            or prompts.points is None
            or prompts.point_labels is None
        ):
            return True
        inside = prompts.points[prompts.point_labels == INSIDE] - window[:2]
        side = proposals.low_res_size
        y, x = np.rint(embedding.geometry.points_to_low_res(inside, side)).T
        height, width = proposals.foreground.shape
        y, x = y.clip(0, height - 1).astype(int), x.clip(0, width - 1).astype(int)
        return bool((proposals.foreground[y, x] >= _OBJECT).any())


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
