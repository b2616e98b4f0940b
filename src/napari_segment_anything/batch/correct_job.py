"""Corrections of tracks that belong together, carried out as a job: all, or none."""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass

from napari_segment_anything.batch.progress import Progress
from napari_segment_anything.tracking.correction import EditableTracks, Step
from napari_segment_anything.tracking.correction_steps import Correction, PlaneChange

TakesBack = tuple[EditableTracks, Correction]


@dataclass(frozen=True, eq=False)
class Corrected:
    """What has been carried out on label images, and how it is taken back.

    Attributes
    ----------
    drafts : mapping of EditableTracks to EditableTracks
        Lineages as they are now, by the tracks that still have the one of before.
    undo : tuple of (EditableTracks, Correction)
        What takes the corrections back, the last one last.
    """

    drafts: Mapping[EditableTracks, EditableTracks]
    undo: tuple[TakesBack, ...]

    def settle(self) -> None:
        """Give all tracks the lineages that belong to their label images now."""
        for tracks, draft in self.drafts.items():
            tracks.adopt(draft)


def correct_job(
    steps: Sequence[tuple[EditableTracks, Step]],
) -> Generator[Progress, None, Corrected]:
    """Carry out corrections that belong together, frame by frame.

    Only label images are changed, so that another thread may ask for the lineages
    meanwhile; `Corrected.settle` changes those. When the job is closed, or a step is
    not possible, the label images become what they were.

    Parameters
    ----------
    steps : sequence of (EditableTracks, callable)
        Each returns a correction of tracks as they are after those before.

    Yields
    ------
    Progress
        One for each frame that is about to be changed.

    Raises
    ------
    SegmentAnythingError
        If one of the steps is not possible, or a frame is not read or written.
    """
    drafts: dict[EditableTracks, EditableTracks] = {}
    undo: list[TakesBack] = []
    painted: list[tuple[EditableTracks, PlaneChange]] = []
    try:
        for tracks, step in steps:
            yield Progress("correct", 0, 0)
            if tracks not in drafts:
                drafts[tracks] = tracks.draft()
            draft = drafts[tracks]
            correction = step(draft)
            for done, change in enumerate(correction.changes):
                yield Progress("correct", done, len(correction.changes))
                draft.paint(change)
                painted.append((draft, change))
            undo.append((tracks, draft.conclude(correction)))
    except BaseException:
        # Also GeneratorExit: somebody has cancelled.
        for draft, change in reversed(painted):
            draft.paint(change.inverse)
        raise
    return Corrected(drafts, tuple(undo))
