"""Clicks that correct a mask: each starts from the logits that it corrects.

Source: Kirillov et al., "Segment Anything", 2023, section A "Training algorithm": a
correction gets the unthresholded logits of the mask before it, not the mask.

Logits replace the rough mask that a proposal head makes of all clicks. A model with one
is therefore asked both ways, and the mean of both answers counts: better than either,
and than the surer one, on validation images.
"""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import replace
from weakref import WeakKeyDictionary

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from napari_segment_anything.engine.embedding import ImageEmbedding
from napari_segment_anything.engine.predictor import MaskPredictor
from napari_segment_anything.engine.prompts import INSIDE, Prompts

FloatArray = npt.NDArray[np.float32]

# Beyond it a logit says no more: one answer shall not outvote the other by far.
_SURE_LOGIT = 6.0


class Corrections:
    """Answers prompts of one object, each click from the logits before it.

    The answer depends on the prompts alone, so that the same clicks give the same mask
    again. Logits are remembered, so that one more click is one more answer.

    Parameters
    ----------
    predictor : MaskPredictor
        Decodes.
    n_kept : int
        Answers that are remembered for each embedding.
    """

    def __init__(self, predictor: MaskPredictor, n_kept: int = 64) -> None:
        self._predictor = predictor
        self._n_kept = n_kept
        self._kept = WeakKeyDictionary[ImageEmbedding, OrderedDict[bytes, FloatArray]]()

    def decode(
        self,
        embedding: ImageEmbedding,
        prompts: Prompts,
        multimask: bool,
        n_clicks: int,
    ) -> tuple[Tensor, Tensor]:
        """Answer the last click from the logits of the answer before it.

        Parameters
        ----------
        embedding : ImageEmbedding
            Of what the prompts lie in.
        prompts : Prompts
            Of one object and without a mask prompt, if there are clicks.
        multimask : bool
            As for `MaskPredictor.decode`.
        n_clicks : int
            How many of the points, from the first, are clicks in their order. The
            others were there from the beginning.

        Returns
        -------
        logits : Tensor, (N, M, L, L)
        predicted_iou : Tensor, (N, M)
        """
        if not n_clicks:
            return self._predictor.decode(embedding, prompts, multimask)
        asked = self.with_logits(embedding, prompts, n_clicks)
        answer = self._answer(embedding, prompts, multimask, asked.masks)
        if multimask == _is_ambiguous(prompts, n_clicks):
            # The next click starts from it.
            self._keep(embedding, prompts, n_clicks, answer)
        return answer

    def with_logits(
        self, embedding: ImageEmbedding, prompts: Prompts, n_clicks: int
    ) -> Prompts:
        """Return prompts with the logits of the answer before the last click.

        Arguments as for `decode`.
        """
        kept = self._kept.setdefault(embedding, OrderedDict())
        logits: FloatArray | None = None
        for earlier, n in _before(prompts, n_clicks):
            key = _key_of(earlier, n)
            if key not in kept:
                is_ambiguous = _is_ambiguous(earlier, n)
                answer = self._answer(embedding, earlier, is_ambiguous, logits)
                self._keep(embedding, earlier, n, answer)
            kept.move_to_end(key)
            logits = kept[key]
        return prompts if logits is None else replace(prompts, masks=logits)

    def _keep(
        self,
        embedding: ImageEmbedding,
        prompts: Prompts,
        n_clicks: int,
        answer: tuple[Tensor, Tensor],
    ) -> None:
        logits, iou = answer
        best = logits[0, int(iou[0].argmax())]
        kept = self._kept.setdefault(embedding, OrderedDict())
        kept[_key_of(prompts, n_clicks)] = best.float().cpu().numpy()[np.newaxis]
        if len(kept) > self._n_kept:
            kept.popitem(last=False)

    def _answer(
        self,
        embedding: ImageEmbedding,
        prompts: Prompts,
        multimask: bool,
        logits: FloatArray | None,
    ) -> tuple[Tensor, Tensor]:
        if logits is None:
            return self._predictor.decode(embedding, prompts, multimask)
        corrected = self._predictor.decode(
            embedding, replace(prompts, masks=logits), multimask
        )
        if not self._predictor.has_proposals:
            return corrected
        anew = self._predictor.decode(embedding, prompts, multimask)
        return _mean(corrected, anew)


def _mean(
    one: tuple[Tensor, Tensor], other: tuple[Tensor, Tensor]
) -> tuple[Tensor, Tensor]:
    """Mean logits of two answers, with the predicted IoU of the surer one."""
    logits = [x.clamp(-_SURE_LOGIT, _SURE_LOGIT) for x, _ in (one, other)]
    return (logits[0] + logits[1]) / 2, torch.maximum(one[1], other[1])


def _is_ambiguous(prompts: Prompts, n_clicks: int) -> bool:
    """Whether all that names the object is a single click inside."""
    if prompts.boxes is not None or prompts.point_labels is None:
        return False
    n_inside = int(np.count_nonzero(prompts.point_labels == INSIDE))
    return n_clicks == n_inside == 1


def _before(prompts: Prompts, n_clicks: int) -> Iterator[tuple[Prompts, int]]:
    """Yield the prompts as they were before each click, and the number of clicks.

    They are those that name an object: a box, or a point inside.
    """
    points, labels = prompts.points, prompts.point_labels
    if points is None or labels is None:
        return
    n_points = points.shape[1]
    for n in range(n_clicks):
        chosen = np.r_[0:n, n_clicks:n_points]
        n_inside = np.count_nonzero(labels[0, chosen] == INSIDE)
        if prompts.boxes is None and n_inside == 0:
            continue
        earlier = replace(
            prompts,
            points=points[:, chosen] if len(chosen) else None,
            point_labels=labels[:, chosen] if len(chosen) else None,
        )
        yield earlier, n


def _key_of(prompts: Prompts, n_clicks: int) -> bytes:
    arrays = (prompts.points, prompts.point_labels, prompts.boxes)
    parts = [b"" if a is None else a.tobytes() for a in arrays]
    return b"|".join([str(n_clicks).encode(), *parts])
