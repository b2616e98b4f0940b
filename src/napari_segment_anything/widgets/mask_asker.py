"""Asks the model about what is drawn, in a worker."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from qtpy.QtCore import QObject, Signal  # type: ignore[attr-defined]

from napari_segment_anything.session.answers import (
    AnswerSettings,
    answer_first,
)
from napari_segment_anything.session.embedding_jobs import EmbeddingPlaces
from napari_segment_anything.widgets.narrator import READY, Narrator
from napari_segment_anything.widgets.workers import LatestWorker, answering_thread

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_segment_anything.engine.predictor import MaskPredictor
    from napari_segment_anything.session.objects import PlanePrompts
    from napari_segment_anything.session.planes import PlaneId
    from napari_segment_anything.session.requests import MaskRequest, MaskResponse
    from napari_segment_anything.session.session import Session
    from napari_segment_anything.storage.embedding_store import EmbeddingStore
    from napari_segment_anything.widgets.workbench import Workbench


class MaskAsker(QObject):
    """Sends the latest request of a session, and gives its answer to the session.

    Parameters
    ----------
    session : Session
        Numbers the requests and keeps the answer.
    workbench : Workbench
        Knows which planes are ready.

    Attributes
    ----------
    is_resting : bool
        Whether nothing is asked, because no dock is open. What is owed still comes.
    """

    is_busy_changed = Signal(bool)
    said = Signal(str)
    failed = Signal(object)

    def __init__(self, session: Session, workbench: Workbench) -> None:
        super().__init__()
        self.settings = AnswerSettings()
        self.is_resting = False
        self._session = session
        self._bench = workbench
        self._model: tuple[MaskPredictor, EmbeddingPlaces] | None = None
        self._sent: MaskRequest | None = None
        # By number, requests that are answered although newer ones have come.
        self._owed: dict[int, Callable[[MaskResponse | None], None]] = {}
        self._worker = LatestWorker(self, answering_thread())
        self._narrator = Narrator(self)
        self._narrator.said.connect(self.said)
        self._worker.finished.connect(self._on_answer)
        self._worker.failed.connect(self._on_failure)
        self._worker.is_busy_changed.connect(self.is_busy_changed)

    @property
    def model(self) -> tuple[MaskPredictor, EmbeddingPlaces] | None:
        """What answers, and where it keeps embeddings; None before a model is there."""
        return self._model

    @property
    def is_busy(self) -> bool:
        """Whether a plane is being encoded or a mask decoded."""
        return self._worker.is_busy

    def set_model(
        self, predictor: MaskPredictor, store: EmbeddingStore
    ) -> EmbeddingPlaces:
        """Ask another model from now on; return where it keeps embeddings."""
        places = EmbeddingPlaces(store, self._bench.index, self._bench.gate)
        self._model = (predictor, places)
        device = predictor.device.type
        self._narrator.set_device("CPU" if device == "cpu" else "graphics card")
        self._session.drop()
        return places

    def ask(
        self, plane: PlaneId | None, drawn: PlanePrompts, *, is_silent: bool = False
    ) -> None:
        """Ask for the masks of prompts; without any, make the plane ready.

        With ``is_silent`` nothing is said about waiting: nobody waits for an answer.
        """
        if plane is None or self._model is None or self.is_resting:
            self._session.drop()
            return
        request = self._sent = self._session.ask(plane, drawn)
        self._worker.submit(partial(_tried, request, *self._model, self.settings))
        if is_silent:
            self._narrator.stop()
        else:
            self._narrator.wait_for(plane)
        if not drawn.is_empty and not drawn.has_object:
            self.said.emit("Add a point inside of the object, or a box around it.")

    def owe(
        self,
        plane: PlaneId,
        drawn: PlanePrompts,
        then: Callable[[MaskResponse | None], None],
    ) -> bool:
        """Have prompts answered in any case, and give the answer to ``then`` alone.

        Newer requests wait for it. Where it fails, ``then`` gets None. Returns whether
        there is something to wait for.
        """
        if not self._is_on_its_way(plane, drawn):
            self.ask(plane, drawn)
        if self._sent is None or not self._is_on_its_way(plane, drawn):
            return False
        self._owed[self._sent.number] = then
        self._worker.keep()
        return True

    def forget(self) -> None:
        """Wait for no answer any more, and say nothing about it."""
        self._narrator.stop()
        self._session.drop()

    def leave(self) -> None:
        """Forget the mask of a plane that is left, and what was said of it."""
        response = self._session.response
        self._session.drop()
        if response is not None and response.masks is not None:
            self.invite()

    def invite(self) -> None:
        """Say that prompts can be drawn, where nothing else is to be said."""
        if self._model is not None:
            self.said.emit(READY)

    def close(self) -> None:
        """Ask nothing more, and drop what still comes."""
        self._narrator.stop()
        self._worker.close()

    def _is_on_its_way(self, plane: PlaneId, drawn: PlanePrompts) -> bool:
        if (sent := self._sent) is None or not self._worker.is_busy:
            return False
        return sent.plane == plane and sent.prompts.equals(drawn)

    def _on_answer(self, response: MaskResponse | _Failed) -> None:
        if isinstance(response, _Failed):
            self._on_failure(response)
            return
        self._bench.planes_changed.emit()
        if then := self._owed.pop(response.request.number, None):
            then(response)
        elif self._session.receive(response):
            open_id = self._session.reopened_on(response.request.plane)
            self._narrator.tell(response, open_id)

    def _on_failure(self, failed: _Failed) -> None:
        self._narrator.stop()
        # What waits is newer than what failed, and must not be made stale by it.
        if not self._worker.has_waiting:
            self._session.drop()
        if then := self._owed.pop(failed.request.number, None):
            then(None)
        self.failed.emit(failed.error)


@dataclass(frozen=True, eq=False)
class _Failed:
    """A request, and the error instead of an answer."""

    request: MaskRequest
    error: Exception


def _tried(
    request: MaskRequest,
    predictor: MaskPredictor,
    places: EmbeddingPlaces,
    settings: AnswerSettings,
) -> MaskResponse | _Failed:
    try:
        return answer_first(request, predictor, places, settings)
    except Exception as error:  # noqa: BLE001 said by whoever asked
        return _Failed(request, error)
