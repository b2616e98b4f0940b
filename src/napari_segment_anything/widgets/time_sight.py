"""What is seen of the doubt that is shown: both readings, and its place."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal  # type: ignore[attr-defined]

from napari_segment_anything.tracking.readings import Readings, readings_of
from napari_segment_anything.widgets.time_readings import ReadingLines
from napari_segment_anything.widgets.track_points import centres_of
from napari_segment_anything.widgets.workers import LatestWorker

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    from napari.components import ViewerModel

    from napari_segment_anything.tracking.correction import EditableTracks
    from napari_segment_anything.tracking.review import Doubt
    from napari_segment_anything.widgets.time_layers import TimeLayers
    from napari_segment_anything.widgets.time_shown import ShownMovie
    from napari_segment_anything.widgets.time_tour import DoubtTour


@dataclass(frozen=True, eq=False)
class Sight:
    """What is seen of a doubt.

    Attributes
    ----------
    doubt : Doubt
        The doubt.
    readings : Readings
        Both of its readings.
    centre : (2,) array or None
        Where its object is, (y, x) in pixels; None where it is hidden.
    """

    doubt: Doubt
    readings: Readings
    centre: npt.NDArray[np.float64] | None

    @classmethod
    def of(cls, tracks: EditableTracks, doubt: Doubt) -> Sight:
        """Look at a doubt; reads the few label images that it is about."""
        ids, centres = centres_of(tracks.read(doubt.frame))
        here = centres[ids == doubt.track]
        centre = here[0] if len(here) else None
        return cls(doubt, readings_of(tracks, doubt), centre)


class DoubtSight(QObject):
    """Looks at the doubt that is shown, draws its readings, and turns the view to it.

    Label images on disk, or large ones, are read in another thread.

    Parameters
    ----------
    viewer : ViewerModel
        Where readings are drawn.
    layers : TimeLayers
        Where the tracks are seen.
    shown : ShownMovie
        Which movie is shown.
    tour : DoubtTour
        Which doubt is shown.
    is_quick : bool
        Whether nobody waits for label images.

    Attributes
    ----------
    readings : Readings
        Of the doubt; empty until its label images are read.
    """

    changed = Signal()
    """Readings are known that were not known when they were asked for."""

    failed = Signal(object)

    def __init__(
        self,
        viewer: ViewerModel,
        layers: TimeLayers,
        shown: ShownMovie,
        tour: DoubtTour,
        *,
        is_quick: bool,
    ) -> None:
        super().__init__()
        self.readings = Readings()
        self.lines = ReadingLines(viewer, layers)
        self._shown, self._tour, self._is_quick = shown, tour, is_quick
        self._reader = LatestWorker(self)
        self._reader.finished.connect(self._on_seen)
        self._reader.failed.connect(self.failed)
        self._is_closed = False

    @property
    def is_busy(self) -> bool:
        """Whether label images are being read."""
        return self._reader.is_busy

    def show(self) -> None:
        """Look at the doubt that is shown, in place of what was seen before."""
        doubt, tracks = self._tour.doubt, self._shown.tracks
        if self._is_closed:
            return
        if doubt is None or doubt.position != self._shown.position:
            self.hide()
        elif self._is_quick:
            self._show(Sight.of(tracks, doubt))
        else:
            self._reader.drop()
            self.readings = Readings()
            self.lines.clear()
            # Another thread must not see a lineage that changes meanwhile.
            self._reader.submit(partial(Sight.of, tracks.draft(), doubt))

    def hide(self) -> None:
        """Draw nothing, and forget what is being looked at."""
        self._reader.drop()
        self.readings = Readings()
        self.lines.hide()

    def close(self) -> None:
        """Look at nothing more, also where something is still computed again."""
        self._is_closed = True
        self._reader.close()
        self.lines.hide()

    def _on_seen(self, sight: Sight) -> None:
        self._show(sight)
        self.changed.emit()

    def _show(self, sight: Sight) -> None:
        self.readings = sight.readings
        self.lines.show(sight.readings, sight.doubt.frame, self._shown.frames)
        self._tour.look_at(sight.centre)
