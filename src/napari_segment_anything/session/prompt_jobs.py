"""Many prompts at once, each an object of its own."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from napari_segment_anything.batch.progress import Progress
from napari_segment_anything.errors import InvalidPromptError
from napari_segment_anything.session.answers import answer_with
from napari_segment_anything.session.neighbours import others_of_each
from napari_segment_anything.session.objects import no_points
from napari_segment_anything.session.requests import MaskRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

    import numpy as np
    import numpy.typing as npt

    from napari_segment_anything.engine.mask_set import MaskSet
    from napari_segment_anything.engine.predictor import MaskPredictor
    from napari_segment_anything.session.answers import AnswerSettings
    from napari_segment_anything.session.drawing import Drawing
    from napari_segment_anything.session.objects import AcceptedObject
    from napari_segment_anything.session.planes import PlaneId, PlaneSource
    from napari_segment_anything.storage.embedding_store import EmbeddingStore

    Points = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class PromptedPlane:
    """Masks of prompts on one plane.

    Parameters
    ----------
    plane : PlaneId
        The plane.
    masks : MaskSet
        One mask a drawing.
    drawings : tuple of Drawing
        What each mask was asked for with.
    others : tuple of ndarray
        For each of them points (K, 2) of other objects that counted as outside.
    settings : AnswerSettings
        How masks were chosen and cleaned.
    model_digest : str
        Digest of the weights.
    n_without : int
        How many drawings gave no mask.
    """

    plane: PlaneId
    masks: MaskSet
    drawings: tuple[Drawing, ...]
    others: tuple[Points, ...]
    settings: AnswerSettings
    model_digest: str
    n_without: int = 0


def layer_job(
    collect: Callable[[], Mapping[PlaneId, Sequence[Drawing]]],
    known: Mapping[PlaneId, Sequence[AcceptedObject]],
    source: PlaneSource,
    predictor: MaskPredictor,
    store: EmbeddingStore,
    settings: AnswerSettings,
) -> Generator[Progress, None, list[PromptedPlane]]:
    """As `prompt_many_job`, after collecting what is drawn.

    Where the settings say that others are outside, these are the objects that are
    ``known`` on a plane, and the other prompts there.
    """
    yield Progress("prompt", 0, 0, "Reading the prompts …")
    drawn, others = collect(), {}
    if settings.others_are_out:
        others = {
            plane: others_of_each(known.get(plane, ()), drawings)
            for plane, drawings in drawn.items()
        }
    job = prompt_many_job(source, drawn, predictor, store, settings, others)
    return (yield from job)


def prompt_many_job(
    source: PlaneSource,
    drawn: Mapping[PlaneId, Sequence[Drawing]],
    predictor: MaskPredictor,
    store: EmbeddingStore,
    settings: AnswerSettings,
    others: Mapping[PlaneId, Sequence[Points]] | None = None,
) -> Generator[Progress, None, list[PromptedPlane]]:
    """Ask for an object for each of many drawings.

    A drawing outside of its plane, or one that gives no mask, is left out. ``others``
    has points of other objects for each drawing of a plane.

    Yields
    ------
    Progress
        Stage ``"prompt"``, one step a drawing.

    Raises
    ------
    SegmentAnythingError
        When a plane cannot be read.
    """
    from napari_segment_anything.engine.mask_set import MaskSet

    total = sum(len(drawings) for drawings in drawn.values())
    done, planes = 0, []
    for plane, drawings in drawn.items():
        masks, kept = [MaskSet.empty(source.plane_shape(plane))], []
        outside = (others or {}).get(plane) or [no_points()] * len(drawings)
        for asked in zip(drawings, outside, strict=True):
            yield Progress("prompt", done, total)
            done += 1
            prompts = replace(asked[0].prompts, others=asked[1])
            request = MaskRequest(0, source, plane, prompts)
            try:
                answer = answer_with(request, predictor, store, settings)
            except InvalidPromptError:
                continue
            if answer.masks is not None and answer.masks.areas.any():
                masks.append(answer.masks)
                kept.append(asked)
        planes.append(
            PromptedPlane(
                plane,
                MaskSet.concatenate(masks),
                tuple(drawing for drawing, _ in kept),
                tuple(points for _, points in kept),
                settings,
                predictor.model_digest,
                len(drawings) - len(kept),
            )
        )
    yield Progress("prompt", total, total)
    return planes
