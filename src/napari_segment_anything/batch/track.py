"""Everything mode on each frame, and its masks carried through time."""

from collections.abc import Generator, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from itertools import product
from pathlib import Path
from typing import TypeVar

import numpy as np
import pandas as pd

from napari_segment_anything.batch.detect import Detector
from napari_segment_anything.batch.frame_decoder import FrameDecoder
from napari_segment_anything.batch.output import ArrayOutput, fingerprint, open_output
from napari_segment_anything.batch.progress import Progress
from napari_segment_anything.batch.segment import candidates_beside
from napari_segment_anything.batch.stopwatch import Stopwatch
from napari_segment_anything.batch.stored_predictor import StoredPredictor
from napari_segment_anything.batch.track_result import Position, TrackResult
from napari_segment_anything.batch.tracks_table import tracks_table
from napari_segment_anything.engine.automatic_settings import AutomaticSettings
from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.engine.predictor import MaskPredictor
from napari_segment_anything.errors import InvalidAxesError
from napari_segment_anything.stacks.intensity import (
    IntensityRange,
    estimate_intensity_range,
)
from napari_segment_anything.stacks.stack import Stack
from napari_segment_anything.storage.candidate_store import CandidateStore
from napari_segment_anything.storage.embedding_store import EmbeddingStore
from napari_segment_anything.storage.label_store import LabelStore
from napari_segment_anything.storage.memory_store import MemoryEmbeddingStore
from napari_segment_anything.tracking.lineage import Lineage
from napari_segment_anything.tracking.paint import paint_tracks
from napari_segment_anything.tracking.propagation import TrackingResult, track_masks
from napari_segment_anything.tracking.settings import LinkingSettings

__all__ = ["TrackResult", "track_stack"]

T = TypeVar("T")


def track_stack(
    stack: Stack,
    predictor: MaskPredictor,
    *,
    axis: str | None = None,
    settings: AutomaticSettings | None = None,
    linking: LinkingSettings | None = None,
    repair: bool = True,
    intensity_range: tuple[float, float] | None = None,
    store: EmbeddingStore | None = None,
    output: LabelStore | str | Path | None = None,
    candidates: CandidateStore | None = None,
    overwrite: bool = False,
) -> Generator[Progress, None, TrackResult]:
    """Find all objects of each frame and follow them through time.

    Frames along the other axes (the slices of each time point, say) are followed each
    for itself. A job that was interrupted and has an `output` continues when it is run
    once more, with the same result; frames that were searched are not searched again.

    Parameters
    ----------
    stack : Stack
        Read plane by plane.
    predictor : MaskPredictor
        The model.
    axis : str, optional
        Axis to follow objects along; by default T, or Z where there is no T.
    settings : AutomaticSettings, optional
        What is an object; by default what suits the model.
    linking : LinkingSettings, optional
        How objects may move and divide; by default estimated from the masks.
    repair : bool
        Whether the model is prompted again where a track breaks.
    intensity_range : tuple of float, optional
        Intensities that become black and white; by default estimated over the stack.
    store : EmbeddingStore, optional
        Embeddings are looked up and kept here; by default in memory.
    output : LabelStore or path, optional
        OME-Zarr to be made or continued; by default labels stay in memory.
    candidates : CandidateStore, optional
        Masks of each frame before thresholds; by default in a folder next to the
        output.
    overwrite : bool
        Whether an output of other input or settings may be replaced.

    Yields
    ------
    Progress
        Stages ``"detect"``, those of linking and repair, and ``"write"``.

    Raises
    ------
    InvalidAxesError
        The stack has no axis to follow objects along.
    UnreadableInputError
        A plane cannot be read.
    StorageError
        The output is another job's, or cannot be written.
    """
    axis = _checked_axis(stack, axis)
    yield Progress("detect", 0, stack.n_planes)
    settings = settings or AutomaticSettings.for_model(predictor.config)
    limits = IntensityRange(*(intensity_range or estimate_intensity_range(stack)))
    record = {
        "job": "track",
        "axis": axis,
        "model": predictor.model_digest,
        "settings": asdict(settings),
        "linking": asdict(linking) if linking else None,
        "repair": repair,
        "intensity_range": list(limits),
        "image": fingerprint(stack),
    }
    target = open_output(output, stack, record=record, overwrite=overwrite)
    stored = StoredPredictor(predictor, store or MemoryEmbeddingStore())
    candidates = candidates or candidates_beside(target)
    movies = _Movies(
        stack=stack,
        axis=axis,
        predictor=stored,
        settings=settings,
        limits=limits,
        detector=Detector(stored, settings, limits, candidates),
        linking=linking,
        repair=repair,
        target=target,
    )
    found: dict[Position, TrackingResult] = {}
    tables: list[pd.DataFrame] = []
    for number, position in enumerate(movies.positions()):
        result = yield from movies.track(position, number)
        last_id = max(
            (t.id for other in found.values() for t in other.lineage.tracks), default=0
        )
        result = _renumbered(result, last_id)
        tables.append((yield from movies.write(position, number, result)))
        # Masks of positions that are written need no memory any more.
        found[position] = replace(result, frames=[])
    table = pd.concat(tables, ignore_index=True)
    lineages = {position: result.lineage for position, result in found.items()}
    return TrackResult(
        labels=target.array if isinstance(target, ArrayOutput) else target,
        index_axes=stack.index_axes,
        axis=axis,
        lineages=lineages,
        doubts={position: tuple(result.doubts) for position, result in found.items()},
        table=table,
        n_frames=stack.n_planes,
        n_objects=len(table),
        n_tracks=sum(lineage.n_tracks for lineage in lineages.values()),
        n_divisions=sum(len(lineage.divisions) for lineage in lineages.values()),
        n_repaired=int(table["is_repaired"].sum()),
        n_resumed=movies.detector.n_resumed,
        intensity_range=limits,
        seconds=stored.watch.seconds,
    )


@dataclass(frozen=True, eq=False)
class _Movies:
    """The movies of a stack, one for each position beside the tracked axis."""

    stack: Stack
    axis: str
    predictor: StoredPredictor
    settings: AutomaticSettings
    limits: IntensityRange
    detector: Detector
    linking: LinkingSettings | None
    repair: bool
    target: LabelStore | ArrayOutput

    @property
    def n_frames(self) -> int:
        return self._lengths[self.axis]

    @property
    def _lengths(self) -> Mapping[str, int]:
        stack = self.stack
        return dict(zip(stack.index_axes, stack.index_shape, strict=True))

    @property
    def _other_axes(self) -> str:
        return self.stack.index_axes.replace(self.axis, "")

    def positions(self) -> Iterator[Position]:
        return product(*(range(self._lengths[letter]) for letter in self._other_axes))

    def indices(self, position: Position) -> list[tuple[int, ...]]:
        """Index in the stack of each frame of one movie."""
        place = dict(zip(self._other_axes, position, strict=True))
        return [
            tuple({**place, self.axis: frame}[a] for a in self.stack.index_axes)
            for frame in range(self.n_frames)
        ]

    def track(
        self, position: Position, number: int
    ) -> Generator[Progress, None, TrackingResult]:
        """Detect, link and repair one movie."""
        watch = self.predictor.watch
        indices = self.indices(position)
        start, total = number * self.n_frames, self.stack.n_planes
        frames: list[MaskSet] = []
        for done, index in enumerate(indices):
            with watch.timing("reading"):
                plane = self.stack.read(index)
            progress = Progress("detect", start + done, total)
            frames.append((yield from self.detector.detect(plane, progress)))
            yield Progress("detect", start + done + 1, total)
        decoder = FrameDecoder(
            self.stack, indices, self.predictor, self.settings, self.limits
        )
        job = track_masks(frames, decoder if self.repair else None, self.linking)
        return (yield from _timed(job, watch))

    def write(
        self, position: Position, number: int, result: TrackingResult
    ) -> Generator[Progress, None, pd.DataFrame]:
        """Write the labels of one movie and return its table."""
        start, total = number * self.n_frames, self.stack.n_planes
        for frame, index in enumerate(self.indices(position)):
            with self.predictor.watch.timing("writing"):
                self._write_frame(frame, index, result)
            yield Progress("write", start + frame + 1, total)
        return tracks_table(
            result.frames,
            result.lineage,
            axis=self.axis,
            position=dict(zip(self._other_axes, position, strict=True)),
            repaired=result.repaired,
        )

    def _write_frame(
        self, frame: int, index: tuple[int, ...], result: TrackingResult
    ) -> None:
        masks = result.frames[frame]
        ids = [result.lineage.track_of(frame, i) for i in range(len(masks))]
        labels = paint_tracks(masks, np.array(ids, np.int32), self.stack.plane_shape)
        if isinstance(self.target, LabelStore) and self.target.image is not None:
            self.target.write_image_plane(index, self.stack.read(index))
        self.target.write_plane(index, labels)
        self.target.mark_done(index)


def _timed(
    job: Generator[tuple[str, int, int], None, T], watch: Stopwatch
) -> Generator[Progress, None, T]:
    while True:
        with watch.timing("linking"):
            try:
                stage, done, total = next(job)
            except StopIteration as stop:
                result: T = stop.value
                return result
        yield Progress(stage, done, total)


def _renumbered(result: TrackingResult, last_id: int) -> TrackingResult:
    """Add to all track ids, so that no two movies of a stack share one."""
    tracks = tuple(
        replace(
            track,
            id=track.id + last_id,
            parent=track.parent + last_id if track.parent else 0,
        )
        for track in result.lineage.tracks
    )
    doubts = [
        replace(doubt, track=doubt.track + last_id if doubt.track else 0)
        for doubt in result.doubts
    ]
    return replace(result, lineage=Lineage(tracks), doubts=doubts)


def _checked_axis(stack: Stack, axis: str | None) -> str:
    chosen = axis or stack.time_axis
    if chosen is None or chosen not in stack.index_axes:
        wanted = f"no axis {axis}" if axis else "neither T nor Z"
        raise InvalidAxesError(
            f"There is nothing to follow objects along: the stack has the axes "
            f"'{stack.axes}' and {wanted}; name the axes (--axes TYX), or segment "
            "without tracking."
        )
    return chosen
