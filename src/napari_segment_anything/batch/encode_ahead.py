"""Encodes the next planes on a card while the present ones are decoded.

Four things then happen at once: a thread reads planes, this one has them encoded in
batches on a stream of its own, the caller decodes and upscales masks, and another
thread writes. Queues are bounded: beside the planes that the caller works on there are
two batches at most. Embeddings pass through the store of the predictor.
"""

from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from itertools import islice

import torch

from napari_segment_anything.batch.plane_work import Index, PlaneOutcome, since
from napari_segment_anything.batch.stored_predictor import StoredPredictor
from napari_segment_anything.engine.automatic_settings import AutomaticSettings
from napari_segment_anything.engine.image import Plane
from napari_segment_anything.engine.memory import PeakMemory, fitting
from napari_segment_anything.engine.searched_plane import SearchedPlane, plan_crops
from napari_segment_anything.stacks.intensity import IntensityRange

# Embeddings of so many images wait for the decoder at most; beyond, a plane is encoded
# when it is its turn.
_MOST_IMAGES_AHEAD = 32
_MOST_TOGETHER = 8
N_READ_AHEAD = _MOST_TOGETHER

Prepared = tuple[Index, Plane, PlaneOutcome]


@dataclass(frozen=True, eq=False)
class EncodeAhead:
    """Has the planes of a job encoded before it comes to them.

    Parameters
    ----------
    predictor : StoredPredictor
        One of its own, with the networks and the store of the job's predictor; see
        `beside`.
    limits : IntensityRange
        Of the whole stack.
    settings : AutomaticSettings, optional
        Of the everything mode whose tiles are encoded; by default planes are encoded
        as a whole.
    is_wanted : callable
        Whether a plane has to be encoded at all.
    """

    predictor: StoredPredictor
    limits: IntensityRange
    settings: AutomaticSettings | None = None
    is_wanted: Callable[[Plane], bool] = field(default=lambda plane: True)

    @classmethod
    def beside(
        cls,
        predictor: StoredPredictor,
        limits: IntensityRange,
        settings: AutomaticSettings | None = None,
        is_wanted: Callable[[Plane], bool] = lambda plane: True,
    ) -> "EncodeAhead | None":
        """Encode ahead of a predictor on a card; None on a CPU.

        There, encoder and decoder would only take each other's time.
        """
        if predictor.device.type == "cpu":
            return None
        own = StoredPredictor(predictor, predictor.store)
        return cls(own, limits, settings, is_wanted)

    def over(
        self, planes: Iterable[tuple[Index, Plane]]
    ) -> Generator[Prepared, None, None]:
        """Yield planes in their order, with what it took to encode them.

        Raises
        ------
        UnreadableInputError
            A plane cannot be read; those before it have been yielded.
        """
        coming = iter(planes)
        device = self.predictor.device
        # torch's stubs leave out its types.
        is_card = device.type == "cuda"
        stream = torch.cuda.Stream(device) if is_card else None  # type: ignore[no-untyped-call]
        n_together = 1  # the first shows how much memory one takes
        encoder = ThreadPoolExecutor(1, "encoder")

        def begin() -> "tuple[list[Prepared], Exception | None, int]":
            with _on(stream):
                return self._next_batch(coming, n_together)

        try:
            batch = encoder.submit(begin)
            while True:
                prepared, error, n_together = batch.result()
                if error is None and prepared:
                    batch = encoder.submit(begin)
                yield from prepared
                if error is not None:
                    raise error
                if not prepared:
                    return
        finally:
            # The planes' reader belongs to the caller, who closes it next.
            encoder.shutdown(wait=True, cancel_futures=True)

    def _next_batch(
        self, coming: Iterator[tuple[Index, Plane]], n_together: int
    ) -> tuple[list[Prepared], Exception | None, int]:
        """Read and encode some planes; what went wrong behind them; how many next."""
        planes: list[tuple[Index, Plane]] = []
        error: Exception | None = None
        try:
            planes.extend(islice(coming, n_together))
        except Exception as problem:  # noqa: BLE001 it is raised in the caller's thread
            error = problem
        images = [self._images(plane) for _, plane in planes]
        peak = PeakMemory(self.predictor.device)
        # Whole planes together; the tiles of a plane by themselves.
        is_whole = all(len(of_plane) <= 1 for of_plane in images)
        groups = (
            [slice(None)] if is_whole else [slice(i, i + 1) for i in range(len(images))]
        )
        outcomes: list[PlaneOutcome] = []
        for group in groups:
            outcomes += self._encode(images[group], n_together)
        if n_together == 1 and any(outcome.n_encoded > 0 for outcome in outcomes):
            n_images = max(len(of_plane) for of_plane in images)
            most = min(_MOST_TOGETHER, max(1, _MOST_IMAGES_AHEAD // n_images))
            n_together = fitting(self.predictor.device, peak.bytes, most)
        prepared = [
            (*plane, outcome) for plane, outcome in zip(planes, outcomes, strict=True)
        ]
        return prepared, error, n_together

    def _encode(self, images: list[list[Plane]], n_together: int) -> list[PlaneOutcome]:
        """Encode the images of some planes, of one plane or one each."""
        predictor = self.predictor
        earlier, n_before = predictor.watch.seconds, predictor.n_encoded
        together = [image for of_plane in images for image in of_plane]
        for start in range(0, len(together), n_together):
            predictor.embed_batch(together[start : start + n_together], self.limits)
        n_encoded = predictor.n_encoded - n_before
        if len(images) == 1:
            return [
                PlaneOutcome(
                    n_encoded=n_encoded, seconds=since(earlier, predictor.watch.seconds)
                )
            ]
        outcomes = [
            PlaneOutcome(n_encoded=int(i < n_encoded)) for i in range(len(images))
        ]
        if outcomes:
            seconds = since(earlier, predictor.watch.seconds)
            outcomes[0] = replace(outcomes[0], seconds=seconds)
        return outcomes

    def _images(self, plane: Plane) -> list[Plane]:
        """Return the parts of a plane that are to be encoded: itself, or its tiles."""
        if not self.is_wanted(plane):
            return []
        if self.settings is None:
            return [plane]
        searched = SearchedPlane.create(plane, None, self.limits)
        scale = searched.scale(self.predictor, self.settings)
        side = self.predictor.frame_size
        crops = plan_crops(searched.shape, side, self.settings, scale)
        if len(crops) > _MOST_IMAGES_AHEAD:
            return []
        boxes = [crop.box for crop in crops]
        return [plane[y0:y1, x0:x1] for y0, x0, y1, x1 in boxes]


def _on(stream: torch.cuda.Stream | None) -> AbstractContextManager[object]:
    return nullcontext() if stream is None else torch.cuda.stream(stream)
