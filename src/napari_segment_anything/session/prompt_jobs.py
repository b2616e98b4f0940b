"""Many prompts at once, each an object of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_segment_anything.batch.progress import Progress
from napari_segment_anything.errors import InvalidPromptError
from napari_segment_anything.session.answers import answer_with
from napari_segment_anything.session.requests import MaskRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Mapping, Sequence

    from napari_segment_anything.engine.mask_set import MaskSet
    from napari_segment_anything.engine.predictor import MaskPredictor
    from napari_segment_anything.session.answers import AnswerSettings
    from napari_segment_anything.session.drawing import Drawing
    from napari_segment_anything.session.planes import PlaneId, PlaneSource
    from napari_segment_anything.storage.embedding_store import EmbeddingStore


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
    settings : AnswerSettings
        How masks were chosen and cleaned.
    model_digest : str
        Digest of the weights.
    """

    plane: PlaneId
    masks: MaskSet
    drawings: tuple[Drawing, ...]
    settings: AnswerSettings
    model_digest: str


def layer_job(
    collect: Callable[[], Mapping[PlaneId, Sequence[Drawing]]],
    source: PlaneSource,
    predictor: MaskPredictor,
    store: EmbeddingStore,
    settings: AnswerSettings,
) -> Generator[Progress, None, list[PromptedPlane]]:
    """As `prompt_many_job`, after collecting what is drawn."""
    yield Progress("prompt", 0, 0, "Reading the prompts …")
    return (yield from prompt_many_job(source, collect(), predictor, store, settings))


def prompt_many_job(
    source: PlaneSource,
    drawn: Mapping[PlaneId, Sequence[Drawing]],
    predictor: MaskPredictor,
    store: EmbeddingStore,
    settings: AnswerSettings,
) -> Generator[Progress, None, list[PromptedPlane]]:
    """Ask for an object for each of many drawings.

    A drawing outside of its plane, or one that gives no mask, is left out.

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
        for drawing in drawings:
            yield Progress("prompt", done, total)
            done += 1
            request = MaskRequest(0, source, plane, drawing.prompts)
            try:
                answer = answer_with(request, predictor, store, settings)
            except InvalidPromptError:
                continue
            if answer.masks is not None and answer.masks.areas.any():
                masks.append(answer.masks)
                kept.append(drawing)
        planes.append(
            PromptedPlane(
                plane,
                MaskSet.concatenate(masks),
                tuple(kept),
                settings,
                predictor.model_digest,
            )
        )
    yield Progress("prompt", total, total)
    return planes
