"""The dock *Time*: everything mode through time, its review and its correction."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from napari_segment_anything.tracking.words import describe
from napari_segment_anything.widgets import keys
from napari_segment_anything.widgets.dock import Dock
from napari_segment_anything.widgets.plane import image_shape
from napari_segment_anything.widgets.time_corrector import TimeCorrector
from napari_segment_anything.widgets.time_files import TimeFiles
from napari_segment_anything.widgets.time_form import TimeForm
from napari_segment_anything.widgets.time_narrator import describe_track
from napari_segment_anything.widgets.time_review import CORRECTION_KEYS
from napari_segment_anything.widgets.time_runs import TimeRuns

if TYPE_CHECKING:
    from collections.abc import Callable

    import napari

    from napari_segment_anything.widgets.time_layers import TimeLayers
    from napari_segment_anything.widgets.time_request import TimeTracks


class TimeDock(Dock):
    """Finds all objects of a movie, follows them, and lets a person correct it.

    Parameters
    ----------
    viewer : napari.viewer.Viewer
        The viewer that the dock belongs to.
    """

    form: TimeForm

    def __init__(self, viewer: napari.viewer.Viewer) -> None:
        super().__init__(viewer, TimeForm(viewer))
        self.runs = TimeRuns(viewer, self.workbench, self.form)
        self.worker = self.runs.worker
        self.corrector: TimeCorrector | None = None
        self.files = TimeFiles(self, self.runs)
        self._viewer = viewer
        self._connect()
        self._on_model()
        self._on_image()

    def let_go(self) -> None:
        """Run and correct nothing more."""
        self.worker.close()
        if self.corrector is not None:
            self.corrector.close()

    def _connect(self) -> None:
        form, worker, review = self.form, self.worker, self.form.review
        form.image.currentIndexChanged.connect(self._on_image)
        form.along.activated.connect(self._on_along)
        form.preview.clicked.connect(self.runs.try_some)
        form.track.clicked.connect(self.runs.track)
        form.job.cancel_button.clicked.connect(worker.cancel)
        worker.is_busy_changed.connect(form.job.set_running)
        worker.is_busy_changed.connect(self._refresh)
        worker.progressed.connect(form.job.show_progress)
        self.runs.found.connect(self._review)
        for part in (self.runs, self.files):
            part.said.connect(form.job.say)
            part.failed.connect(self.say_failure)
        self.files.loaded.connect(self._review)
        self.workbench.model_changed.connect(self._on_model)
        self.workbench.axes_changed.connect(self._on_image)
        review.next.clicked.connect(lambda: self._step(1))
        review.accept.clicked.connect(self._accept)
        review.other.clicked.connect(self._take_other)
        review.list.itemClicked.connect(lambda _: self._go_to(review.list.currentRow()))
        for name, button in review.buttons.items():
            button.clicked.connect(partial(self._act, name))
        review.recompute.clicked.connect(self._recompute)
        review.prompt.clicked.connect(self._prompt)
        review.take.clicked.connect(self._take_outline)
        review.give_up.clicked.connect(self._give_up)
        review.undo.clicked.connect(self._undo)
        review.save.clicked.connect(lambda: self.files.save(self.corrector))
        review.load.clicked.connect(self.files.load)

    def _on_image(self) -> None:
        image = self.form.image.layer
        self.form.question.dismiss()
        letters, lengths = "", dict[str, int]()
        if image is not None:
            axes = self.workbench.axes_of(image)
            lengths = dict(zip(axes, image_shape(image), strict=True))
            letters = "".join(a for a in axes if a not in "CYX")
        self.form.set_axes(letters, lengths)
        self._refresh()

    def _on_along(self) -> None:
        image = self.form.image.layer
        if image is not None:
            axes = self.workbench.axes_of(image)
            axis = axes.index(str(self.form.along.currentData()))
            self.form.set_length(image_shape(image)[axis])

    def _review(self, layers: TimeLayers, found: TimeTracks) -> None:
        if self.corrector is not None:
            self.corrector.close()
        layers.labels.refresh()
        corrector = TimeCorrector(
            self._viewer, self.workbench, layers, found, self.worker
        )
        corrector.said.connect(self.form.job.say)
        corrector.failed.connect(self.say_failure)
        corrector.changed.connect(self._show_review)
        self.corrector = corrector
        self.form.review.other_axes = found.request.other_axes
        if found.linking is not None:
            self.form.estimate.setText(describe(found.linking))
            self.form.estimate.setVisible(True)
        keys.bind_keys(layers.labels, self._keys())
        self._viewer.layers.selection.active = layers.labels
        self._show_review()

    def _keys(self) -> dict[str, Callable[[], None]]:
        return {
            keys.NEXT_KEY: lambda: self._step(1),
            keys.DOUBTFUL_KEY: lambda: self._step(1),
            keys.PREVIOUS_KEY: lambda: self._step(-1),
            keys.ACCEPT_KEY: self._accept,
            keys.SIZE_KEY: self._take_other,
            keys.OTHER_WAY_KEY: self._recompute,
            keys.BOX_KEY: self._prompt,
            keys.UNDO_KEY: self._undo,
            **{
                key: partial(self._act_if_chosen, name)
                for name, key in CORRECTION_KEYS.items()
            },
        }

    def _step(self, by: int) -> None:
        if self.corrector is not None and self.corrector.tour.step(by) is not None:
            self._show_doubt()

    def _go_to(self, row: int) -> None:
        if self.corrector is not None and 0 <= row < len(self.corrector.tour.doubts):
            self.corrector.tour.go_to(row)
            self._show_doubt()

    def _show_doubt(self) -> None:
        if self.corrector is None:
            return
        self.corrector.show_readings()
        tour, words = self.corrector.tour, self.corrector.readings.words
        if tour.doubt is not None:
            self.form.review.list.setCurrentRow(tour.at)
            self.form.review.show_detail(tour.doubt, words)

    def _accept(self) -> None:
        if self.corrector is not None:
            self.corrector.accept()
            self._show_doubt()

    def _act_if_chosen(self, name: str) -> None:
        if self.form.review.buttons[name].isEnabled():
            self._act(name)

    def _take_other(self) -> None:
        if self.corrector is not None:
            self.corrector.take_other()
            self._show_doubt()

    def _act(self, name: str) -> None:
        if self.corrector is not None:
            self.corrector.act(name)

    def _recompute(self) -> None:
        corrector = self.corrector
        if corrector is not None and corrector.selected:
            self.runs.with_model(corrector.recompute)

    def _prompt(self) -> None:
        if self.corrector is not None:
            self.runs.with_model(self.corrector.prompts.begin)

    def _take_outline(self) -> None:
        if self.corrector is not None:
            self.corrector.prompts.accept()

    def _give_up(self) -> None:
        if self.corrector is not None:
            self.corrector.prompts.end()

    def _undo(self) -> None:
        if self.corrector is not None:
            self.corrector.undo()

    def _show_review(self) -> None:
        if self.corrector is not None:
            doubts = self.corrector.tour.doubts
            if tuple(doubts) != self.form.review.doubts:
                self.form.review.show_doubts(doubts)
                self._show_doubt()
            words = describe_track(self.corrector.tracks, self.corrector.selected)
            self.form.review.selected.setText(words)
        self._refresh()

    def _on_model(self) -> None:
        self.form.model.setText(self.describe_model())

    def _refresh(self) -> None:
        form, corrector = self.form, self.corrector
        image = form.image.layer
        is_free = not self.worker.is_busy
        can_run = is_free and image is not None and form.along.count() > 0
        form.track.setEnabled(can_run)
        form.preview.setEnabled(can_run)
        form.review.set_ready(
            corrector is not None and is_free,
            corrector is not None and corrector.selected > 0,
            corrector is not None and corrector.can_undo and is_free,
        )
        prompts = None if corrector is None else corrector.prompts
        form.review.show_prompting(
            can_begin=prompts is not None and is_free,
            is_open=prompts is not None and prompts.is_open,
            can_take=prompts is not None and prompts.session.can_accept,
        )
        form.review.load.setEnabled(can_run)
