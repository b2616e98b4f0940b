"""Encodes the next planes on a card while the present ones are decoded.

Between two batches of planes a card would wait for the next ones to be hashed, brought
into the model frame and sent, and for the last embeddings to be fetched and handed to
those who write them. So some threads take batches in turn, each on a stream of its own:
while one has the card encode, the others do what comes before and after. A thread of
its own takes planes from their reader, in their order. How many planes are under way is
bounded. Embeddings pass through the store of the predictor, on the CPU.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from itertools import islice

from napari_segment_anything.batch.plane_work import Index, PlaneOutcome, since
from napari_segment_anything.batch.side_by_side import is_on_card
from napari_segment_anything.batch.stored_predictor import StoredPredictor
from napari_segment_anything.batch.team import team
from napari_segment_anything.engine.automatic_settings import AutomaticSettings
from napari_segment_anything.engine.image import Plane
from napari_segment_anything.engine.memory import PeakMemory, fitting
from napari_segment_anything.engine.searched_plane import SearchedPlane, plan_crops
from napari_segment_anything.stacks.intensity import IntensityRange

# Images (planes, tiles) of all batches under way at most. A plane of more of them is
# encoded when it is its turn.
_MOST_IMAGES_AHEAD = 32
_MOST_TOGETHER = 8
_MOST_BATCHES = 4
# Pixels of all batches under way: planes wait in memory.
_MOST_PIXELS_AHEAD = 2**27
N_READ_AHEAD = _MOST_TOGETHER


@dataclass(frozen=True, eq=False)
class Prepared:
    """A plane that was read, and what was done for it before its turn.

    Attributes
    ----------
    index : tuple of int
        Its index.
    plane : numpy.ndarray or BandedPlane
        Its pixels.
    outcome : PlaneOutcome
        What it took to encode it.
    is_embedded : bool
        Whether the store was given all of its embeddings.
    """

    index: Index
    plane: Plane
    outcome: PlaneOutcome
    is_embedded: bool


@dataclass(frozen=True, eq=False)
class _Batch:
    planes: list[tuple[Index, Plane]]
    # What reading the plane behind them raised.
    error: Exception | None


@dataclass(frozen=True, eq=False)
class _Encoded:
    prepared: list[Prepared]
    error: Exception | None
    pace: "_Pace"


@dataclass(frozen=True)
class _Pace:
    """Planes of a batch, images that are encoded together, batches under way."""

    n_planes: int = 1
    n_together: int = 1
    n_batches: int = 1
    is_known: bool = False


@dataclass(frozen=True, eq=False)
class EncodeAhead:
    """Has the planes of a job encoded before it comes to them.

    Parameters
    ----------
    predictor : StoredPredictor
        Of the job; threads get others like it.
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
        """Encode ahead of a predictor on a card; None on a CPU or an Apple processor.

        On a CPU, encoder and decoder would only take each other's time. On Apple's
        graphics processors, torch ends the whole process where two threads compute at
        once (pytorch/pytorch#197805).
        """
        if not is_on_card(predictor) or predictor.device.type == "mps":
            return None
        return cls(predictor, limits, settings, is_wanted)

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
        pace = _Pace()  # the first batch shows how much memory a plane takes
        waiting: deque[Future[_Encoded]] = deque()

        def begin() -> None:
            while len(waiting) < pace.n_batches:
                taken = taker.submit(_take, coming, pace.n_planes)
                waiting.append(encoders.submit(self._encoded, taken, pace))

        # The planes' reader belongs to the caller, who closes it when both have ended.
        with (
            team(_MOST_BATCHES, "encoder", device) as encoders,
            ThreadPoolExecutor(1, "taker") as taker,
        ):
            try:
                begin()
                while waiting:
                    encoded = waiting.popleft().result()
                    pace = encoded.pace
                    if encoded.prepared and encoded.error is None:
                        # Under way before the caller begins with these.
                        begin()
                    yield from encoded.prepared
                    if encoded.error is not None:
                        raise encoded.error
            finally:
                # Else the encoders would wait for what nobody takes any more.
                taker.shutdown(wait=False, cancel_futures=True)

    def _encoded(self, taken: "Future[_Batch]", pace: _Pace) -> _Encoded:
        """Encode the planes of a batch that is being read, in a thread of the team."""
        batch = taken.result()
        predictor = self.predictor.beside()
        images = [self._images(plane, predictor) for _, plane in batch.planes]
        # While the pace is not known, this is all that the card does.
        peak = PeakMemory(predictor.device) if not pace.is_known else None
        # Whole planes together; the tiles of a plane by themselves.
        is_whole = all(len(of_plane or ()) <= 1 for of_plane in images)
        groups = (
            [slice(None)] if is_whole else [slice(i, i + 1) for i in range(len(images))]
        )
        outcomes: list[PlaneOutcome] = []
        for group in groups:
            outcomes += self._encode(predictor, images[group], pace.n_together)
        if peak is not None and predictor.n_encoded > 0:
            n_images = max(len(of_plane or ()) for of_plane in images)
            n_pixels = max(plane.shape[0] * plane.shape[1] for _, plane in batch.planes)
            pace = self._settled(peak.bytes, n_images, n_pixels)
        prepared = [
            Prepared(*plane, outcome, of_plane is not None)
            for plane, outcome, of_plane in zip(
                batch.planes, outcomes, images, strict=True
            )
        ]
        return _Encoded(prepared, batch.error, pace)

    def _settled(self, bytes_each: int, n_images: int, n_pixels: int) -> _Pace:
        """Return the pace for planes of so many images, by what one image takes."""
        most_planes = min(
            _MOST_IMAGES_AHEAD // n_images, _MOST_PIXELS_AHEAD // n_pixels
        )
        n_batches = max(1, min(_MOST_BATCHES, most_planes))
        device = self.predictor.device
        n_together = fitting(device, bytes_each * n_batches, _MOST_TOGETHER)
        n_planes = max(1, min(n_together, most_planes // n_batches))
        return _Pace(n_planes, n_together, n_batches, is_known=True)

    def _encode(
        self,
        predictor: StoredPredictor,
        images: "list[list[Plane] | None]",
        n_together: int,
    ) -> list[PlaneOutcome]:
        """Encode the images of some planes, of one plane or one each."""
        n_before, earlier = predictor.n_encoded, predictor.watch.seconds
        together = [image for of_plane in images for image in of_plane or ()]
        for start in range(0, len(together), n_together):
            predictor.embed_batch(together[start : start + n_together], self.limits)
        n_encoded = predictor.n_encoded - n_before
        seconds = since(earlier, predictor.watch.seconds)
        if len(images) == 1:
            return [PlaneOutcome(n_encoded=n_encoded, seconds=seconds)]
        outcomes = [
            PlaneOutcome(n_encoded=int(i < n_encoded)) for i in range(len(images))
        ]
        if outcomes:
            outcomes[0] = replace(outcomes[0], seconds=seconds)
        return outcomes

    def _images(self, plane: Plane, predictor: StoredPredictor) -> list[Plane] | None:
        """Return the parts of a plane that are to be encoded: itself, or its tiles.

        None if that is left to whoever works on the plane.
        """
        if not self.is_wanted(plane):
            return None
        if self.settings is None:
            return [plane]
        searched = SearchedPlane.create(plane, None, self.limits)
        scale = searched.scale(predictor, self.settings)
        side = predictor.frame_size
        crops = plan_crops(searched.shape, side, self.settings, scale)
        if len(crops) > _MOST_IMAGES_AHEAD:
            return None
        boxes = [crop.box for crop in crops]
        return [plane[y0:y1, x0:x1] for y0, x0, y1, x1 in boxes]


def _take(coming: Iterator[tuple[Index, Plane]], n: int) -> _Batch:
    """Take the next planes from their reader."""
    planes: list[tuple[Index, Plane]] = []
    try:
        planes.extend(islice(coming, n))
    except Exception as error:  # noqa: BLE001 it is raised in the caller's thread
        return _Batch(planes, error)
    return _Batch(planes, None)
