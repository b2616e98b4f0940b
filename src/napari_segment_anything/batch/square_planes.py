"""Objects that were found in stretched planes, written in the stack's own pixels."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from napari_segment_anything.batch.output import LabelOutput, Labels
from napari_segment_anything.engine.stretch import Stretch
from napari_segment_anything.stacks.square import Squared
from napari_segment_anything.stacks.stack import Stack
from napari_segment_anything.storage.label_store import LabelStore


class ShrunkOutput:
    """Takes the labels of stretched planes for an output of planes as they are.

    Parameters
    ----------
    output : LabelOutput
        Where labels go, and the image where there is room for it.
    stack : Stack
        The planes as they are; a plane is read again if it is written as well.
    stretch : Stretch
        How they were stretched.
    """

    def __init__(self, output: LabelOutput, stack: Stack, stretch: Stretch) -> None:
        self._output = output
        self._stack = stack
        self._stretch = stretch

    def write_plane(self, index: Sequence[int], labels: Labels) -> None:
        """Replace one plane by labels of the stretched one."""
        output = self._output
        if isinstance(output, LabelStore) and output.image is not None:
            output.write_image_plane(index, self._stack.read(index))
        output.write_plane(index, self._stretch.shrunk_labels(np.asarray(labels)))

    def read_plane(
        self, index: Sequence[int], rows: slice | None = None
    ) -> npt.NDArray[np.int32]:
        """Return the labels of one plane, or of some of its rows, as they are."""
        return self._output.read_plane(index, rows)

    def done(self, index: Sequence[int]) -> bool:
        """Whether a plane needs no more work."""
        return self._output.done(index)

    def mark_done(self, index: Sequence[int]) -> None:
        """Note that a plane needs no more work."""
        self._output.mark_done(index)


def output_for(seen: Stack, output: LabelOutput) -> LabelOutput:
    """Return what takes the labels of a stack as the model sees it."""
    if not isinstance(seen.data, Squared):
        return output
    return ShrunkOutput(output, seen.data.stack, seen.data.stretch)
