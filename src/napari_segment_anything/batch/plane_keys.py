"""The keys of a job's planes, each of which is computed once."""

import threading
import weakref
from collections import OrderedDict

import numpy as np
import numpy.typing as npt

from napari_segment_anything.engine.geometry import FrameGeometry
from napari_segment_anything.engine.image import Plane
from napari_segment_anything.storage.embedding_store import plane_key

# More than are in work at once, with some of their tiles.
_MOST = 256


class PlaneKeys:
    """Remembers the keys of planes while they are in memory; threads may share it.

    A plane is looked for by encoder, decoder and stores. It is known again by the
    memory that it is in, as long as the owner of that memory lives; so nobody may
    write to a plane while a job works on it.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[object, tuple[weakref.ref[object], str]] = OrderedDict()
        self._lock = threading.Lock()

    def of(
        self,
        plane: Plane,
        *,
        intensity_range: tuple[float, float],
        geometry: FrameGeometry,
        model_digest: str,
    ) -> str:
        """Return what `plane_key` returns."""

        def computed() -> str:
            return plane_key(
                plane,
                intensity_range=intensity_range,
                geometry=geometry,
                model_digest=model_digest,
            )

        # A very large plane is not in memory.
        if not isinstance(plane, np.ndarray):
            return computed()
        owner = _owner(plane)
        address = plane.__array_interface__["data"][0]
        layout = (address, plane.shape, plane.strides, plane.dtype.str)
        place = (layout, tuple(intensity_range), geometry, model_digest)
        with self._lock:
            kept = self._kept.get(place)
        if kept is not None and kept[0]() is owner:
            return kept[1]
        key = computed()
        with self._lock:
            self._kept[place] = weakref.ref(owner), key
            self._kept.move_to_end(place)
            if len(self._kept) > _MOST:
                self._kept.popitem(last=False)
        return key


def _owner(plane: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    """Return the array whose memory a view shows."""
    while isinstance(plane.base, np.ndarray):
        plane = plane.base
    return plane
