"""The labels that a layer shows, whichever array napari puts there."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import numpy as np
from napari.utils.notifications import show_info

if TYPE_CHECKING:
    import numpy.typing as npt
    from napari.layers import Labels

    Key = tuple[int | slice, ...]

_IDS = np.dtype(np.int32)


class LayerPixels:
    """The labels that a layer shows at present.

    napari puts another array there when it converts their data type; who keeps the
    array of before changes what nobody sees. A type that ids of new tracks would not
    fit into is not taken.

    Parameters
    ----------
    layer : Labels
        The layer.
    """

    def __init__(self, layer: Labels) -> None:
        self._layer = layer
        # What a job fills; a conversion may have copied it before its last change.
        self._filled: Any = None
        self._lock = threading.Lock()
        layer.events.data.connect(self._on_data)

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis."""
        return tuple(map(int, self._layer.data.shape))

    def __getitem__(self, key: Key) -> npt.NDArray[np.integer]:
        """Read a part."""
        return np.asarray(self._layer.data[key])

    def __setitem__(self, key: Key, labels: npt.NDArray[np.integer]) -> None:
        """Change a part."""
        with self._lock:
            data = self._layer.data if self._filled is None else self._filled
            data[key] = labels

    def hold(self) -> None:
        """Lose nothing that another thread changes until `release`."""
        with self._lock:
            self._filled = self._layer.data

    def release(self) -> None:
        """Nobody but the thread of the window changes labels from now on."""
        with self._lock:
            self._filled = None

    def _on_data(self) -> None:
        layer = self._layer
        dtype = np.dtype(layer.data.dtype)
        if np.iinfo(dtype).max < np.iinfo(_IDS).max:
            layer.data = layer.data.astype(_IDS)
            show_info(
                f"The labels “{layer.name}” stay {_IDS}: ids of new tracks would not "
                f"fit into {dtype}. Duplicate the layer to convert a copy."
            )
            return
        with self._lock:
            before = self._filled
            if before is not None and before is not layer.data:
                self._filled = layer.data
                self._filled[...] = before
