"""What the docks of one viewer share: the model, the embeddings, what axes mean."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, WeakSet

from qtpy.QtCore import QObject, Signal  # type: ignore[attr-defined]

from napari_segment_anything.session.embedding_cache import EmbeddingCache
from napari_segment_anything.session.embedding_jobs import EmbeddingPlaces
from napari_segment_anything.session.encoding_gate import EncodingGate
from napari_segment_anything.session.plane_index import PlaneIndex
from napari_segment_anything.widgets.plane import guess_axes, has_unnamed_axes
from napari_segment_anything.widgets.sources import Sources

if TYPE_CHECKING:
    from pathlib import Path

    from napari.components import ViewerModel
    from napari.layers import Image

    from napari_segment_anything.session.jobs import LoadedModel
    from napari_segment_anything.storage.embedding_store import EmbeddingStore
    from napari_segment_anything.widgets.offered_tracks import Offer
    from napari_segment_anything.widgets.segment_work import SegmentWork
    from napari_segment_anything.widgets.time_history import Done
    from napari_segment_anything.widgets.time_layers import TimeLayers
    from napari_segment_anything.widgets.time_request import TimeTracks


class Workbench(QObject):
    """The state that the docks of one viewer have in common.

    Made by the first dock of a viewer and given up by the last; see `acquire`.
    """

    model_changed = Signal()
    store_changed = Signal()
    planes_changed = Signal()
    """Some planes became ready, or are not any more."""

    axes_changed = Signal(object)
    """The axes of this image were named."""

    tracks_offered = Signal()
    """There are tracks that no dock reviews yet."""

    def __init__(self) -> None:
        super().__init__()
        self.sources = Sources()
        self.index = PlaneIndex()
        self.gate = EncodingGate()
        self.wanted_model = "nano"
        # Corrections of tracks: of each movie the last one that was saved.
        self.saved_steps: WeakSet[Done] = WeakSet()
        self.segment_work: SegmentWork | None = None
        self._model: LoadedModel | None = None
        self._cache = EmbeddingCache()
        self._axes: WeakKeyDictionary[Image, str] = WeakKeyDictionary()
        self._offered: list[Offer] = []

    @property
    def model(self) -> LoadedModel | None:
        """The model that answers."""
        return self._model

    @model.setter
    def model(self, model: LoadedModel) -> None:
        self._model = model
        self.wanted_model = model.name
        self.model_changed.emit()

    @property
    def store(self) -> EmbeddingStore:
        """Embeddings of all models and images."""
        return self._cache

    @property
    def places(self) -> EmbeddingPlaces:
        """Where embeddings are kept, noted, and guarded."""
        return EmbeddingPlaces(self._cache, self.index, self.gate)

    @property
    def folder(self) -> Path:
        """Where embeddings are kept on disk."""
        return self._cache.folder

    @property
    def store_problem(self) -> str:
        """Why embeddings are not kept on disk; empty when they are."""
        return self._cache.problem

    @property
    def quota_bytes(self) -> int | None:
        """Most that the embeddings may take on disk."""
        return self._cache.quota_bytes

    def change_folder(self, folder: Path) -> None:
        """Keep embeddings in another folder from now on."""
        if folder != self._cache.folder:
            self._cache = EmbeddingCache(folder)
            self.index.clear()
            self.store_changed.emit()
            self.planes_changed.emit()

    def offer_tracks(self, tracks: Offer) -> None:
        """Keep tracks for a dock that reviews them, now or later."""
        self._offered.append(tracks)
        self.tracks_offered.emit()

    def take_tracks(self) -> tuple[TimeLayers, TimeTracks] | None:
        """Hand tracks over to be reviewed; None if there are none, or not yet."""
        for offered in [one for one in self._offered if one.is_ready]:
            self._offered.remove(offered)
            if (taken := offered.take()) is not None:
                return taken
        return None

    @property
    def are_tracks_awaited(self) -> bool:
        """Whether tracks are offered that cannot be taken yet."""
        return any(not one.is_ready for one in self._offered)

    def axes_of(self, image: Image) -> str:
        """Return the axes of an image: as named by the user, or the likely ones."""
        return self._axes.get(image) or guess_axes(image)

    def must_ask_axes(self, image: Image) -> bool:
        """Whether nobody has said yet what the sliders of an image mean."""
        return image not in self._axes and has_unnamed_axes(image)

    def name_axes(self, image: Image, axes: str) -> None:
        """Remember what the axes of an image mean, so that it is asked only once."""
        if self._axes.get(image) != axes:
            self._axes[image] = axes
            self.axes_changed.emit(image)

    def close(self) -> None:
        """End what docks have left here."""
        if self.segment_work is not None:
            self.segment_work.close()
            self.segment_work = None


_SHARED: dict[int, tuple[Workbench, list[Any]]] = {}


def acquire(viewer: ViewerModel, holder: object) -> Workbench:
    """Return the workbench of a viewer, the same one for each dock of it.

    Parameters
    ----------
    viewer : ViewerModel
        The viewer; napari hands each dock another proxy of it.
    holder : object
        Who uses it; it must call `release` when it is done.
    """
    key = id(getattr(viewer, "__wrapped__", viewer))
    # The viewer is kept alive by its docks, so its id is not used again meanwhile.
    workbench, holders = _SHARED.setdefault(key, (Workbench(), []))
    holders.append(holder)
    return workbench


def release(holder: object) -> None:
    """Give a workbench up; the last one to do so ends it."""
    for key, (workbench, holders) in list(_SHARED.items()):
        if any(held is holder for held in holders):
            holders[:] = [held for held in holders if held is not holder]
            if not holders:
                del _SHARED[key]
                workbench.close()
