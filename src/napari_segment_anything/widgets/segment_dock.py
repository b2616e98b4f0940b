"""The main dock: *Segment Anything*."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from napari_segment_anything.session.jobs import list_models
from napari_segment_anything.widgets.axes_naming import AxesNaming
from napari_segment_anything.widgets.dock import Dock
from napari_segment_anything.widgets.dock_actions import DockActions
from napari_segment_anything.widgets.dock_form import DockForm
from napari_segment_anything.widgets.reviewer import Reviewer
from napari_segment_anything.widgets.segment_work import work_of
from napari_segment_anything.widgets.workers import LatestWorker

if TYPE_CHECKING:
    from collections.abc import Callable

    import napari

    from napari_segment_anything.widgets.annotator import Annotator


class SegmentDock(Dock):
    """Choose an image and a model, draw prompts, accept objects, run everything mode.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
        The viewer that the dock belongs to; each viewer has its own state.
    """

    form: DockForm

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__(viewer, DockForm(viewer))
        self.work = work_of(viewer, self.workbench)
        self.annotators, self.jobs = self.work.annotators, self.work.jobs
        self.reviewer = Reviewer(self.form.review)
        self.commands = DockActions(viewer, self.form, self.reviewer, self.work.records)
        self._viewer = viewer
        self._model_list = LatestWorker()
        self._axes = AxesNaming(self.form, self.annotators, self.workbench)
        self._is_away = True
        self._links = self._make_links()
        self._connect_form()
        self._connect_parts()
        viewer.layers.selection.events.active.connect(self._refresh)
        viewer.layers.events.inserted.connect(self._refresh)
        self.work.guard.watch(self)
        self._model_list.submit(list_models)
        self.come_back()

    @property
    def annotator(self) -> Annotator | None:
        """Annotates the chosen image; None before *Start annotating*.

        None, too, when the dock was closed: another one goes on.
        """
        return None if self._is_away else self.annotators.get(self.form.image.layer)

    def leave(self) -> None:
        """Leave what is annotated to the dock that is opened next."""
        if self._is_away:
            return
        self._is_away = True
        for signal, slot in self._links:
            signal.disconnect(slot)
        self.commands.refresh(None)
        self.work.image_name = self.form.image.currentText()
        self.work.forsake(self.commands.by_key)
        self.work.rest()

    def come_back(self) -> None:
        """Go on with what was annotated in the dock that was closed before."""
        if not self._is_away:
            return
        self._is_away = False
        for signal, slot in self._links:
            signal.connect(slot)
        self.form.preferences.show_choices(self.annotators.preferences)
        self.form.image.choose_named(self.work.image_name)
        self.work.attend(self.commands.by_key)
        self._on_busy(self.jobs.worker.is_busy)
        self._on_model()  # Another dock may have loaded one.
        self._on_image()

    def let_go(self) -> None:
        """Let go of the viewer; all layers stay."""
        for part in (self._model_list, self.reviewer):
            part.close()
        layers = self._viewer.layers
        layers.events.inserted.disconnect(self._refresh)
        layers.selection.events.active.disconnect(self._refresh)
        if not self._is_away:
            self._is_away = True
            self.work.forsake(self.commands.by_key)
            # It was not closed by a user, who may open another one.
            if not self.work.is_attended:
                self.workbench.close()

    def _connect_form(self) -> None:
        form = self.form
        form.image.currentIndexChanged.connect(self._on_image)
        form.model.load_requested.connect(self.jobs.load)
        form.start.clicked.connect(lambda: self._axes.ask_before(self._start))
        form.bring_back.clicked.connect(self._bring_back)
        form.preferences.changed.connect(
            lambda: self.annotators.set_preferences(form.preferences.preferences)
        )
        for button, work in (
            (form.everything_plane, self.jobs.everything_on_plane),
            (form.everything_time, self.jobs.everything_through_time),
            (form.many.use, partial(self.jobs.use_as_prompts, form.many)),
            (form.many.carry, partial(self.jobs.carry, form.many)),
        ):
            run = partial(self._run, work)
            button.clicked.connect(lambda _=False, run=run: self._axes.ask_before(run))
        form.classes.clicked.connect(lambda: self.work.classes.add(self.annotator))
        form.job.cancel_button.clicked.connect(self.jobs.worker.cancel)

    def _connect_parts(self) -> None:
        for part in (self.commands, self.reviewer, self._axes):
            part.said.connect(self._say)
        self.reviewer.failed.connect(self.say_failure)
        self._model_list.finished.connect(self.form.model.set_choices)
        self._model_list.failed.connect(self.say_failure)

    def _make_links(self) -> list[tuple[Any, Callable[..., None]]]:
        """Return what is shown only while the dock is open, and by what."""
        row, worker, bench = self.form.job, self.jobs.worker, self.workbench
        links: list[tuple[Any, Callable[..., None]]] = [
            (worker.is_busy_changed, self._on_busy),
            (worker.progressed, row.show_progress),
            (worker.cancelled, self._on_cancelled),
            (worker.failed, self.say_failure),
            (bench.model_changed, self._on_model),
            (bench.store_changed, self._on_store),
            (bench.axes_changed, self._on_image),
            (self.annotators.changed, self._refresh),
        ]
        for part in self.work.parts:
            links += [(part.said, self._say), (part.failed, self.say_failure)]
        return links

    def _on_busy(self, is_busy: bool) -> None:
        self.form.job.set_running(is_busy)
        self.form.model.set_busy(is_busy)
        self._refresh()

    def _on_cancelled(self) -> None:
        self._say("Cancelled.")

    def _say(self, text: str) -> None:
        self.form.job.say(text)

    def _make_annotator(self) -> Annotator | None:
        image = self.form.image.layer
        if image is None:
            return None
        annotator = self.annotators.make(image, self._axes.letters)
        if annotator is not None:
            self.workbench.name_axes(image, annotator.layers.axes)
        return annotator

    def _has_weights(self) -> bool:
        if not self.form.model.is_here:
            self.form.job.say(self.form.model.missing_message)
        return self.form.model.is_here

    def _start(self) -> None:
        annotator = self._make_annotator()
        if annotator is None:
            return
        annotator.start()
        if self._has_weights():
            self.jobs.load(self.form.model.model)
        self._refresh()

    def _bring_back(self) -> None:
        if (image := self.annotators.bring_back()) is not None:
            self.form.image.choose(image)

    def _run(self, everything: Callable[[str, Annotator], None]) -> None:
        annotator = self._make_annotator()
        if annotator is not None and self._has_weights():
            everything(self.form.model.model, annotator)

    def _on_image(self) -> None:
        self._axes.show()
        self._refresh()

    def _on_model(self) -> None:
        if (model := self.workbench.model) is None:
            return
        self.form.model.set_loaded(model.name, model.device, model.device_note)
        self.form.job.say("Ready.")
        self._on_store()
        # A download may have added a file.
        self._model_list.submit(list_models)

    def _on_store(self) -> None:
        if (model := self.workbench.model) is not None:
            self.annotators.set_model(model.predictor, self.workbench.store)

    def _refresh(self) -> None:
        if self._is_away:
            return
        form, annotator, image = self.form, self.annotator, self.form.image.layer
        is_free = image is not None and not self.jobs.worker.is_busy
        form.offer_layers(annotator, self.annotators.lost_image)
        form.everything_plane.setEnabled(is_free)
        form.everything_time.setEnabled(
            is_free and image is not None and image.ndim > 2
        )
        self.commands.refresh(annotator)
        self.reviewer.refresh(annotator)
        form.many.refresh(annotator, self.annotators.previews, is_free=is_free)
