"""Work on single planes, which may be done in any order and in any process."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

from napari_segment_anything.batch.detect import Detector
from napari_segment_anything.batch.output import LabelOutput
from napari_segment_anything.batch.progress import Progress
from napari_segment_anything.batch.square_planes import output_for
from napari_segment_anything.batch.stored_predictor import StoredPredictor
from napari_segment_anything.engine.automatic_settings import AutomaticSettings
from napari_segment_anything.engine.image import Plane
from napari_segment_anything.engine.labels import painted
from napari_segment_anything.engine.predictor import MaskPredictor
from napari_segment_anything.engine.searched_plane import SearchedPlane, plan_crops
from napari_segment_anything.stacks.intensity import IntensityRange
from napari_segment_anything.stacks.stack import Stack
from napari_segment_anything.storage.candidate_store import CandidateStore
from napari_segment_anything.storage.label_store import LabelStore
from napari_segment_anything.storage.zarr_store import ZarrEmbeddingStore

Index = tuple[int, ...]


@dataclass(frozen=True)
class PlaneOutcome:
    """What came of one plane.

    Attributes
    ----------
    n_objects : int
        Objects that were found.
    n_encoded : int
        Images (planes, tiles) that had to be encoded.
    is_resumed : bool
        Whether an earlier run had found the candidates.
    seconds : mapping of str to float
        Time by activity.
    """

    n_objects: int = 0
    n_encoded: int = 0
    is_resumed: bool = False
    seconds: Mapping[str, float] = field(default_factory=dict)


class PlaneWork(Protocol):
    """What is done with one plane, independently of all others."""

    def do(
        self,
        index: Index,
        plane: Plane,
        progress: Progress,
        *,
        is_embedded: bool = False,
    ) -> Generator[Progress, None, PlaneOutcome]:
        """Work on a plane that was read; yields the progress given now and then.

        `is_embedded` says that the store was given all embeddings of the plane.
        """


@dataclass(frozen=True, eq=False)
class EmbedWork:
    """Encodes a plane into the store of a predictor.

    Parameters
    ----------
    predictor : StoredPredictor
        Encodes and stores.
    limits : IntensityRange
        Of the whole stack.
    settings : AutomaticSettings, optional
        Of the everything mode whose tiles are to be encoded; by default the plane is
        encoded as a whole.
    looked_at : tuple of int, optional
        Index of a plane that the job has encoded before, in part at least.
    """

    predictor: StoredPredictor
    limits: IntensityRange
    settings: AutomaticSettings | None = None
    looked_at: Index | None = None

    def do(
        self,
        index: Index,
        plane: Plane,
        progress: Progress,
        *,
        is_embedded: bool = False,
    ) -> Generator[Progress, None, PlaneOutcome]:
        """Encode one plane, unless the store has it."""
        before = self.predictor.n_encoded
        earlier = self.predictor.watch.seconds
        if is_embedded:
            pass  # to look it up would be to read all that was just written
        elif self.settings is None:
            self.predictor.embed(plane, intensity_range=self.limits)
        else:
            searched = SearchedPlane.create(plane, None, self.limits)
            scale = searched.scale(self.predictor, self.settings)
            side = self.predictor.frame_size
            for crop in plan_crops(searched.shape, side, self.settings, scale):
                searched.embed(crop, self.predictor)
                yield progress
        return PlaneOutcome(
            n_encoded=self.predictor.n_encoded - before + (index == self.looked_at),
            seconds=since(earlier, self.predictor.watch.seconds),
        )


@dataclass(frozen=True, eq=False)
class DetectWork:
    """Finds the objects of a plane, and writes them if there is an output.

    Parameters
    ----------
    detector : Detector
        Everything mode; keeps candidates.
    output : LabelOutput, optional
        Where labels are written.
    """

    detector: Detector
    output: LabelOutput | None = None

    def do(
        self,
        index: Index,
        plane: Plane,
        progress: Progress,
        *,
        is_embedded: bool = False,
    ) -> Generator[Progress, None, PlaneOutcome]:
        """Find the objects of one plane."""
        predictor = self.detector.predictor
        watch = predictor.watch
        earlier, n_encoded = watch.seconds, predictor.n_encoded
        n_resumed = self.detector.n_resumed
        masks = yield from self.detector.detect(plane, progress)
        if self.output is not None:
            labels = painted(masks)
            output = self.output
            with watch.timing("writing"):
                if isinstance(output, LabelStore) and output.image is not None:
                    output.write_image_plane(index, plane)
                output.write_plane(index, labels)
                output.mark_done(index)
        return PlaneOutcome(
            n_objects=len(masks),
            n_encoded=predictor.n_encoded - n_encoded,
            is_resumed=self.detector.n_resumed > n_resumed,
            seconds=since(earlier, watch.seconds),
        )


@dataclass(frozen=True, kw_only=True)
class PlaneRecipe:
    """All that another process needs to work on the planes of a stack.

    Parameters
    ----------
    stack : Stack
        As the model sees it, see `with_square_pixels`. Travels as it is: a file or zarr
        as its path, an array with its pixels.
    limits : IntensityRange
        Of the whole stack.
    store : Path
        Folder of embeddings.
    settings : AutomaticSettings, optional
        Of everything mode.
    candidates : Path, optional
        Folder of candidates; without it, planes are only encoded.
    output : tuple of Path and str, optional
        OME-Zarr and name of the labels; without it, candidates are all that is kept.
    quota_bytes : int, optional
        Most that the embeddings may take on disk.
    looked_at : tuple of int, optional
        Index of a plane that the job has encoded before, see `EmbedWork`.
    """

    stack: Stack
    limits: IntensityRange
    store: Path
    settings: AutomaticSettings | None = None
    candidates: Path | None = None
    output: tuple[Path, str] | None = None
    quota_bytes: int | None = None
    looked_at: Index | None = None

    def begin(self, predictor: MaskPredictor) -> EmbedWork | DetectWork:
        """Open the stores and return the work, in the process that is to do it."""
        store = ZarrEmbeddingStore(self.store, self.quota_bytes)
        stored = StoredPredictor(predictor, store)
        if self.candidates is None or self.settings is None:
            return EmbedWork(stored, self.limits, self.settings, self.looked_at)
        candidates = CandidateStore(self.candidates)
        detector = Detector(stored, self.settings, self.limits, candidates)
        if self.output is None:
            return DetectWork(detector)
        path, name = self.output
        output = output_for(self.stack, LabelStore(path, name=name))
        return DetectWork(detector, output)


def with_reading(outcome: PlaneOutcome, seconds: float) -> PlaneOutcome:
    """Count the time of reading a plane to its outcome."""
    return replace(outcome, seconds={"reading": seconds, **outcome.seconds})


def joined(outcome: PlaneOutcome, prepared: PlaneOutcome) -> PlaneOutcome:
    """Add what was done for a plane before its turn."""
    seconds = dict(outcome.seconds)
    for activity, spent in prepared.seconds.items():
        seconds[activity] = seconds.get(activity, 0.0) + spent
    n_encoded = outcome.n_encoded + prepared.n_encoded
    return replace(outcome, n_encoded=n_encoded, seconds=seconds)


def since(
    earlier: Mapping[str, float], now: Mapping[str, float]
) -> Mapping[str, float]:
    """Seconds by activity between two looks at a stopwatch."""
    return {name: total - earlier.get(name, 0.0) for name, total in now.items()}
