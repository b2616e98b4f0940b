"""Everything mode over all planes of a stack."""

from collections.abc import Generator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from napari_segment_anything.batch.detect import Detector
from napari_segment_anything.batch.output import ArrayOutput, fingerprint, open_output
from napari_segment_anything.batch.progress import Progress
from napari_segment_anything.batch.stored_predictor import StoredPredictor
from napari_segment_anything.engine.automatic_settings import AutomaticSettings
from napari_segment_anything.engine.labels import masks_to_labels
from napari_segment_anything.engine.predictor import MaskPredictor
from napari_segment_anything.stacks.intensity import (
    IntensityRange,
    estimate_intensity_range,
)
from napari_segment_anything.stacks.stack import Stack
from napari_segment_anything.storage.candidate_store import CandidateStore
from napari_segment_anything.storage.embedding_store import EmbeddingStore
from napari_segment_anything.storage.label_store import LabelStore
from napari_segment_anything.storage.memory_store import MemoryEmbeddingStore


@dataclass(frozen=True)
class SegmentResult:
    """What `segment_stack` found.

    Attributes
    ----------
    labels : LabelStore or numpy.ndarray
        Objects of each plane, numbered from 1 in every plane anew: the OME-Zarr that
        was asked for, or (*index axes, H, W) int32.
    n_planes, n_objects : int
        Planes, and objects summed over them.
    n_resumed : int
        Planes that an earlier run had finished or found the candidates of.
    intensity_range : IntensityRange
        Intensities that were mapped to black and white.
    seconds : mapping of str to float
        Time by activity: reading, encoding, decoding, storing, writing.
    """

    labels: LabelStore | npt.NDArray[np.int32]
    n_planes: int
    n_objects: int
    n_resumed: int
    intensity_range: IntensityRange
    seconds: Mapping[str, float]


def segment_stack(
    stack: Stack,
    predictor: MaskPredictor,
    *,
    settings: AutomaticSettings | None = None,
    intensity_range: tuple[float, float] | None = None,
    store: EmbeddingStore | None = None,
    output: LabelStore | str | Path | None = None,
    candidates: CandidateStore | None = None,
    overwrite: bool = False,
) -> Generator[Progress, None, SegmentResult]:
    """Find all objects of each plane.

    A job that was interrupted and has an `output` continues when it is run once more;
    planes that are done are not touched.

    Parameters
    ----------
    stack : Stack
        Read plane by plane.
    predictor : MaskPredictor
        The model.
    settings : AutomaticSettings, optional
        By default those that suit the model.
    intensity_range : tuple of float, optional
        Intensities that become black and white; by default estimated over the stack.
    store : EmbeddingStore, optional
        Embeddings are looked up and kept here; by default in memory.
    output : LabelStore or path, optional
        OME-Zarr to be made or continued; by default labels stay in memory.
    candidates : CandidateStore, optional
        Masks before thresholds, so that other thresholds need no model. By default in
        a folder next to the output.
    overwrite : bool
        Whether an output of other input or settings may be replaced.

    Yields
    ------
    Progress
        Stage ``"segment"``, one step a plane.

    Raises
    ------
    UnreadableInputError
        A plane cannot be read.
    StorageError
        The output is another job's, or cannot be written.
    """
    progress = Progress("segment", 0, stack.n_planes)
    yield progress
    settings = settings or AutomaticSettings.for_model(predictor.config)
    limits = IntensityRange(*(intensity_range or estimate_intensity_range(stack)))
    record = {
        "job": "segment",
        "model": predictor.model_digest,
        "settings": asdict(settings),
        "intensity_range": list(limits),
        "image": fingerprint(stack),
    }
    target = open_output(output, stack, record=record, overwrite=overwrite)
    stored = StoredPredictor(predictor, store or MemoryEmbeddingStore())
    candidates = candidates or candidates_beside(target)
    detector = Detector(stored, settings, limits, candidates)
    watch = stored.watch
    n_objects = n_done_before = 0
    for number, index in enumerate(stack.indices(), start=1):
        if target.done(index):
            n_done_before += 1
            n_objects += int(target.read_plane(index).max())
        else:
            with watch.timing("reading"):
                plane = stack.read(index)
            labels = masks_to_labels((yield from detector.detect(plane, progress)))
            with watch.timing("writing"):
                if isinstance(target, LabelStore) and target.image is not None:
                    target.write_image_plane(index, plane)
                target.write_plane(index, labels)
                target.mark_done(index)
            n_objects += int(labels.max())
        progress = Progress("segment", number, stack.n_planes)
        yield progress
    return SegmentResult(
        labels=target.array if isinstance(target, ArrayOutput) else target,
        n_planes=stack.n_planes,
        n_objects=n_objects,
        n_resumed=n_done_before + detector.n_resumed,
        intensity_range=limits,
        seconds=watch.seconds,
    )


def candidates_beside(target: LabelStore | ArrayOutput) -> CandidateStore | None:
    """Return the store of candidates next to an OME-Zarr; None for an array."""
    if isinstance(target, ArrayOutput):
        return None
    name = target.path.name.removesuffix(".zarr").removesuffix(".ome")
    return CandidateStore(target.path.with_name(f"{name}.candidates"))
