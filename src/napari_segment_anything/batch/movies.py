"""The movies of a stack, each detected, linked, repaired and written for itself."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import TypeVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from napari_segment_anything.batch.detect import FAINT_SHARED, Detector
from napari_segment_anything.batch.frame_decoder import FrameDecoder
from napari_segment_anything.batch.output import ArrayOutput
from napari_segment_anything.batch.progress import Progress
from napari_segment_anything.batch.read_ahead import read_ahead
from napari_segment_anything.batch.side_by_side import card_of, side_by_side
from napari_segment_anything.batch.stopwatch import Stopwatch
from napari_segment_anything.batch.stored_predictor import StoredPredictor
from napari_segment_anything.batch.track_progress import FrameProgress
from napari_segment_anything.batch.track_result import Position
from napari_segment_anything.batch.track_start import StartedFrames, StartLabels
from napari_segment_anything.batch.tracks_table import mean_intensities, tracks_table
from napari_segment_anything.engine.automatic_settings import AutomaticSettings
from napari_segment_anything.engine.image import Plane
from napari_segment_anything.engine.labels import beside
from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.engine.packed_masks import packed
from napari_segment_anything.stacks.intensity import IntensityRange
from napari_segment_anything.stacks.stack import Stack
from napari_segment_anything.storage.label_store import LabelStore
from napari_segment_anything.tracking.faint import lasting
from napari_segment_anything.tracking.followed import only_followed
from napari_segment_anything.tracking.paint import paint_tracks
from napari_segment_anything.tracking.propagation import TrackingResult, track_masks
from napari_segment_anything.tracking.repair_settings import RepairSettings
from napari_segment_anything.tracking.settings import LinkingSettings
from napari_segment_anything.tracking.words import MotionWords

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Movies:
    """The movies of a stack, one for each position beside the tracked axis.

    Parameters
    ----------
    stack : Stack
        Read plane by plane.
    axis : str
        The one that is tracked along.
    predictor : StoredPredictor
        Answers prompts where tracks break; its stopwatch counts the seconds.
    settings : AutomaticSettings
        What is an object.
    limits : IntensityRange
        Of the whole stack.
    detectors : sequence of Detector
        Find objects, or remember them, in as many frames at once.
    linking : LinkingSettings, MotionWords or None
        How objects may move.
    repair : RepairSettings or None
        When answers are believed where the model is prompted again; None: it is not.
    start : StartLabels or None
        Labels that exist already.
    forwards, backwards : bool
        Whether tracks are carried on beyond their end, and before their start.
    target : LabelStore or ArrayOutput
        Where labels are written.
    """

    stack: Stack
    axis: str
    predictor: StoredPredictor
    settings: AutomaticSettings
    limits: IntensityRange
    detectors: Sequence[Detector]
    linking: LinkingSettings | MotionWords | None
    repair: RepairSettings | None
    target: LabelStore | ArrayOutput
    start: StartLabels | None = None
    forwards: bool = True
    backwards: bool = True

    @property
    def n_frames(self) -> int:
        """Frames of each movie."""
        return self._lengths[self.axis]

    @property
    def _lengths(self) -> Mapping[str, int]:
        stack = self.stack
        return dict(zip(stack.index_axes, stack.index_shape, strict=True))

    @property
    def _other_axes(self) -> str:
        return self.stack.index_axes.replace(self.axis, "")

    def positions(self) -> Iterator[Position]:
        """Iterate over the positions on the other axes."""
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
        started = StartedFrames(self.start)
        faint: list[MaskSet] = []
        share = self.repair.faint_share if self.repair else 1.0
        progress = Progress("detect", start, total)
        searches = [
            partial(self._search, detector, started, share, progress)
            for detector in self.detectors
        ]
        with (
            closing(read_ahead(self.stack, indices)) as planes,
            closing(side_by_side(searches, planes, card_of(self.predictor))) as steps,
        ):
            for done in steps:
                if done is None:
                    yield progress
                    continue
                watch.add("reading", done.waited)
                found, unsure = done.result
                started.add(done.index, self.stack.plane_shape, found)
                free = beside(unsure, started.frames[-1], FAINT_SHARED)
                faint.append(packed(free))
                progress = progress.next()
                yield FrameProgress(
                    progress.stage,
                    progress.done,
                    total,
                    index=done.index,
                    found=started.frames,
                )
        if self.repair:
            started.add_faint(
                lasting(faint, started.frames, min_frames=self.repair.faint_frames)
            )
            del faint
        decoder = FrameDecoder(
            self.stack, indices, self.predictor, self.settings, self.limits
        )
        job = track_masks(
            started.frames,
            decoder if self.repair else None,
            self.linking,
            repair=self.repair,
            known=started.known,
            forwards=self.forwards,
            backwards=self.backwards,
        )
        result = yield from _timed(job, watch)
        if self.start is not None and self.start.search == "followed":
            return only_followed(result, started.labelled)
        return result

    def _search(
        self,
        detector: Detector,
        started: StartedFrames,
        share: float,
        progress: Progress,
        index: tuple[int, ...],
        plane: Plane,
    ) -> Generator[Progress, None, tuple[MaskSet | None, MaskSet]]:
        """Find the objects of a frame and what may be some, if it is to be searched."""
        if not started.must_search(index[self.stack.index_axes.index(self.axis)]):
            return None, MaskSet.empty(self.stack.plane_shape)
        return (yield from detector.detect_faint(plane, progress, share=share))

    def write(
        self, position: Position, number: int, result: TrackingResult
    ) -> Generator[Progress, None, pd.DataFrame]:
        """Write the labels of one movie and return its table."""
        start, total = number * self.n_frames, self.stack.n_planes
        intensities = []
        for frame, index in enumerate(self.indices(position)):
            with self.predictor.watch.timing("writing"):
                plane = self.stack.read(index)
                intensities.append(mean_intensities(result.frames[frame], plane))
                self._write_frame(frame, index, plane, result)
            yield Progress("write", start + frame + 1, total)
        return tracks_table(
            result.frames,
            result.lineage,
            axis=self.axis,
            position=dict(zip(self._other_axes, position, strict=True)),
            repairs=result.repairs,
            scale=self.stack.scale,
            units=self.stack.units,
            translate=self.stack.translate,
            intensities=intensities,
            plane_axes=self.stack.plane_axes,
        )

    def _write_frame(
        self,
        frame: int,
        index: tuple[int, ...],
        plane: npt.NDArray[np.generic],
        result: TrackingResult,
    ) -> None:
        masks = result.frames[frame]
        ids = [result.lineage.track_of(frame, i) for i in range(len(masks))]
        labels = paint_tracks(masks, np.array(ids, np.int32), self.stack.plane_shape)
        if isinstance(self.target, LabelStore) and self.target.image is not None:
            self.target.write_image_plane(index, plane)
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
