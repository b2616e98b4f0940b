"""What the model thinks of the objects of planes that are finished."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from napari_segment_anything.batch.detect import Detector
from napari_segment_anything.batch.progress import Progress, run
from napari_segment_anything.stacks.large_plane import plane_of
from napari_segment_anything.stacks.stack import Stack


@dataclass(frozen=True, eq=False)
class PlaneScores:
    """Looks up scores among the candidates that a job has kept.

    Parameters
    ----------
    stack : Stack
        What was segmented, as the model saw it.
    detector : Detector
        As that of the job.
    """

    stack: Stack
    detector: Detector

    def of(self, index: tuple[int, ...]) -> dict[str, npt.NDArray[np.float32]] | None:
        """Return the scores of a plane's objects, in the order of their labels.

        Returns
        -------
        dict or None
            (n,) ``predicted_iou`` and ``stability_score``; None where the candidates
            were not kept: the model is not asked again.
        """
        plane = plane_of(self.stack, index)
        if not self.detector.knows(plane):
            return None
        masks = run(self.detector.detect(plane, Progress("measure", 0, 0)))
        return {
            "predicted_iou": masks.predicted_iou,
            "stability_score": masks.stability_score,
        }
