"""Find the objects of one plane, or remember them from an earlier run."""

import hashlib
import json
from collections.abc import Generator
from dataclasses import asdict, replace

from napari_segment_anything.batch.progress import Progress
from napari_segment_anything.batch.side_by_side import parts_at_once
from napari_segment_anything.batch.stored_predictor import StoredPredictor
from napari_segment_anything.engine.automatic import AutomaticMaskGenerator
from napari_segment_anything.engine.automatic_settings import AutomaticSettings
from napari_segment_anything.engine.image import Plane
from napari_segment_anything.engine.labels import beside, disjoint_masks
from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.engine.parts import in_turn
from napari_segment_anything.engine.searched_plane import SearchedPlane
from napari_segment_anything.stacks.intensity import IntensityRange
from napari_segment_anything.storage.candidate_store import CandidateStore

# They choose among candidates, so that a change of them needs no model.
_FILTER_SETTINGS = (
    "box_nms_thresh",
    "crop_nms_thresh",
    "mask_nms_thresh",
    "min_mask_region_area",
    "one_mask_per_point",
)
# So do these, as long as they lie above the floor that all candidates have passed.
_THRESHOLD_SETTINGS = ("pred_iou_thresh", "stability_score_thresh")
_HIGHEST_FLOOR = 0.3
# A mask that shares more of itself with objects is another reading of them.
FAINT_SHARED = 0.2


class Detector:
    """Everything mode on planes of one stack.

    Parameters
    ----------
    predictor : StoredPredictor
        Encodes and decodes; its stopwatch counts the seconds of ``decoding``.
    settings : AutomaticSettings
        What counts as an object.
    intensity_range : IntensityRange
        Of the whole stack.
    candidates : CandidateStore, optional
        Where candidates are kept; what is there is not computed again.
    n_planes : int
        Planes that are to be worked on at once, by `copies`. Of a single one, several
        prompts are.

    Attributes
    ----------
    predictor : StoredPredictor
        The one that was given.
    n_resumed : int
        Planes whose candidates an earlier run has left; a plane that looks like one of
        this run (blank ones do) is not among them.
    """

    def __init__(
        self,
        predictor: StoredPredictor,
        settings: AutomaticSettings,
        intensity_range: IntensityRange,
        candidates: CandidateStore | None = None,
        *,
        n_planes: int = 1,
    ) -> None:
        self.predictor = predictor
        self.n_planes = n_planes
        self._generator = AutomaticMaskGenerator(
            predictor,
            settings,
            run_parts=parts_at_once(predictor) if n_planes == 1 else in_turn,
        )
        self._intensity_range = intensity_range
        self._candidates = candidates
        self._watch = predictor.watch
        self._settings_key = _settings_key(settings)
        self._of_this_run: set[str] = set()
        self.n_resumed = 0

    def copies(self) -> "list[Detector]":
        """Return this detector and others like it, one for each plane at once."""
        detectors = [self]
        for _ in range(self.n_planes - 1):
            own = Detector(
                self.predictor.beside(),
                self._generator.settings,
                self._intensity_range,
                self._candidates,
                n_planes=self.n_planes,
            )
            own._of_this_run = self._of_this_run
            detectors.append(own)
        return detectors

    def detect(
        self, plane: Plane, progress: Progress
    ) -> Generator[Progress, None, MaskSet]:
        """Return the objects of a plane, (H, W) or (H, W, 3); none overlap.

        The masks are run-length coded.

        Yields the progress given between batches of prompts, so that a job can be
        cancelled in the middle of a plane.
        """
        found, _ = yield from self.detect_faint(plane, progress, share=1.0)
        return found

    def detect_faint(
        self, plane: Plane, progress: Progress, *, share: float
    ) -> Generator[Progress, None, tuple[MaskSet, MaskSet]]:
        """Return the objects of a plane, and masks that may be objects.

        The latter reach a share of the thresholds; they overlap neither each other nor,
        by much, the objects.
        """
        candidates = yield from self._candidates_of(plane, progress)
        with self._watch.timing("decoding"):
            masks = self._generator.filter(candidates)
            unsure = MaskSet.empty(masks.shape)
            if share < 1.0:
                settings = self._generator.settings
                lower = replace(
                    settings,
                    pred_iou_thresh=share * settings.pred_iou_thresh,
                    stability_score_thresh=share * settings.stability_score_thresh,
                )
                generator = AutomaticMaskGenerator(self.predictor, lower)
                unsure = generator.filter(candidates)
            # On a large plane they take more memory than all else.
            del candidates
            found = disjoint_masks(masks)
            return found, disjoint_masks(beside(unsure, found, FAINT_SHARED))

    def knows(self, plane: Plane) -> bool:
        """Whether an earlier run has found the candidates of a plane."""
        return self._candidates is not None and self._key(plane) in self._candidates

    def _candidates_of(
        self, plane: Plane, progress: Progress
    ) -> Generator[Progress, None, MaskSet]:
        if self._candidates is None:
            return (yield from self._compute(plane, progress))
        with self._watch.timing("storing"):
            key = self._key(plane)
            found = self._candidates.get(key)
        if found is not None:
            self.n_resumed += key not in self._of_this_run
            return found
        masks = yield from self._compute(plane, progress)
        # Noted first: another thread may find what is put at once.
        self._of_this_run.add(key)
        with self._watch.timing("storing"):
            self._candidates.put(key, masks)
        return masks

    def _compute(
        self, plane: Plane, progress: Progress
    ) -> Generator[Progress, None, MaskSet]:
        searched = SearchedPlane.create(plane, None, self._intensity_range)
        steps = self._generator.steps(searched, keep_candidates=True)
        while True:
            # Time that passes while the caller shows progress is not ours.
            with self._watch.timing("decoding"):
                try:
                    next(steps)
                except StopIteration as stop:
                    masks: MaskSet = stop.value
                    return masks
            yield progress

    def _key(self, plane: Plane) -> str:
        plane_key = self.predictor.key(plane, self._intensity_range)
        both = f"{plane_key} {self._settings_key}".encode()
        return hashlib.blake2b(both, digest_size=16).hexdigest()


def _settings_key(settings: AutomaticSettings) -> str:
    relevant = {
        name: value
        for name, value in asdict(settings).items()
        if name not in _FILTER_SETTINGS
    }
    for name in _THRESHOLD_SETTINGS:
        relevant[name] = min(relevant[name], _HIGHEST_FLOOR)
    return json.dumps(relevant, sort_keys=True)
