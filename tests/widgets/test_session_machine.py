"""A session of two hundred objects on TZYX data with random edits, undo and redo.

Whatever is done, the labels are those that a headless replay of the record gives, and
undo and redo give back exactly what was there.
"""

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from napari.components import ViewerModel

from bright_sam import bright_predictor
from napari_segment_anything.batch.progress import run
from napari_segment_anything.session.answers import (
    AnswerSettings,
    MaskSize,
    answer_with,
)
from napari_segment_anything.session.carry import carry_job, moved
from napari_segment_anything.session.drawing import Drawing, Kind, Outline
from napari_segment_anything.session.jobs import everything_job
from napari_segment_anything.session.mask_options import MaskOptions
from napari_segment_anything.session.neighbours import points_of_others
from napari_segment_anything.session.planes import PlaneId
from napari_segment_anything.session.prompt_jobs import layer_job
from napari_segment_anything.session.record import Record
from napari_segment_anything.session.replay import replay
from napari_segment_anything.session.review import Passing
from napari_segment_anything.session.session import Session
from napari_segment_anything.storage.memory_store import MemoryEmbeddingStore
from napari_segment_anything.widgets.annotation_layers import AnnotationLayers
from napari_segment_anything.widgets.editor import Choices, Editor
from napari_segment_anything.widgets.sources import Sources

pytestmark = pytest.mark.gui

N_T, N_Z = 5, 8
DISKS = ((20, 20), (20, 60), (24, 104), (70, 24), (68, 66))
PLANES = st.builds(
    lambda t, z: PlaneId(index=(("T", t), ("Z", z))),
    st.integers(0, N_T - 1),
    st.integers(0, N_Z - 1),
)
PLACES = st.tuples(st.integers(4, 91), st.integers(4, 123))


class AnnotationMachine(RuleBasedStateMachine):
    """What a person may do in any order; the model answers at once."""

    image: np.ndarray
    predictor = bright_predictor()
    store = MemoryEmbeddingStore()
    # What everything mode finds depends on the image alone, and takes most of the time.
    found_on: ClassVar[dict[PlaneId, Passing]] = {}

    @initialize()
    def open_image(self):
        steps = [(t, z) for t in range(N_T) for z in range(N_Z)]
        planes = [np.roll(self.image, (t, 2 * z), axis=(0, 1)) for t, z in steps]
        data = np.stack(planes).reshape(N_T, N_Z, *self.image.shape)
        self.viewer = ViewerModel()
        image = self.viewer.add_image(data, name="volume", axis_labels="tzyx")
        self.layers = AnnotationLayers(self.viewer, image, "TZYX", Sources())
        self.layers.add_missing()
        self.session = Session(self.layers.source())
        self.editor = Editor(self.layers, self.session)
        self.layers.results.painted.connect(self.note_stroke)
        self.layers.prompts.changed.connect(self.note_prompts)
        self.labels = self.layers.results.layer
        self.place = PlaneId(index=(("T", 0), ("Z", 0)))
        for t, z in steps:
            plane = PlaneId(index=(("T", t), ("Z", z)))
            self.editor.objects.fill(self.found(plane))
        assert len(self.session.objects) >= 200

    def note_stroke(self, edit):
        self.editor.note_stroke(edit, self.place)

    def note_prompts(self):
        self.editor.note_prompts(self.place, may_reopen=False)

    def found(self, plane):
        if plane not in self.found_on:
            source = self.session.source
            job = everything_job(source, plane, self.predictor, self.store)
            self.found_on[plane] = run(job)
        return self.found_on[plane]

    def go_to(self, plane):
        self.place = plane
        self.layers.go_to(plane)

    def near(self, plane, disk, jitter):
        y, x = DISKS[disk]
        t, z = plane.position("T"), plane.position("Z")
        return (y + t + jitter[0]) % 96, (x + 2 * z + jitter[1]) % 128

    def open_at(self, plane, point):
        """Open the object at a place, as a click on it does."""
        self.go_to(plane)
        self.layers.prompts.clear(plane)
        label = self.layers.results.label_at(plane, *point)
        known = self.session.objects.get(label, plane)
        if known is not None:
            self.editor.reopen(known)
        return known

    def accept(
        self,
        plane,
        drawing,
        smooth=0,
        may_overwrite=False,
        are_out=False,
        is_brief=False,
    ):
        options = AnswerSettings(MaskSize.BEST, MaskOptions(smooth=smooth), are_out)
        prompts = drawing.prompts
        if are_out:
            others = points_of_others(self.editor.others_on(plane), prompts)
            prompts = replace(prompts, others=others)
        request = self.session.ask(plane, prompts)
        response = answer_with(request, self.predictor, self.store, options)
        self.session.receive(response)
        choices = Choices(may_overwrite=may_overwrite, is_brief=is_brief)
        self.editor.accept(response, drawing, options, choices)

    @rule(
        plane=PLANES,
        disk=st.integers(0, 4),
        jitter=st.tuples(st.integers(-4, 4), st.integers(-4, 4)),
        smooth=st.integers(0, 3),
        may_overwrite=st.booleans(),
        are_out=st.booleans(),
        is_brief=st.booleans(),
        kind=st.sampled_from(["point", Kind.RECTANGLE, Kind.ELLIPSE, Kind.POLYGON]),
    )
    def draw_and_accept(
        self, plane, disk, jitter, smooth, may_overwrite, are_out, is_brief, kind
    ):
        self.go_to(plane)
        self.layers.prompts.clear(plane)
        y, x = self.near(plane, disk, jitter)
        if kind == "point":
            drawing = Drawing(np.array([[y, x]], float), np.array([True]))
        else:
            corners = [[y - 9, x - 9], [y - 9, x + 9], [y + 9, x + 9], [y + 9, x - 9]]
            inside = np.clip(np.array(corners, float), 0, (95, 127))
            drawing = Drawing(outlines=(Outline(kind, inside),))
        self.layers.prompts.draw(plane, drawing)
        drawn = self.layers.prompts.drawing_on(plane)
        self.accept(plane, drawn, smooth, may_overwrite, are_out, is_brief)

    @rule(
        plane=PLANES, start=PLACES, length=st.integers(1, 30), label=st.integers(0, 9)
    )
    def paint(self, plane, start, length, label):
        self.go_to(plane)
        columns = np.unique(np.minimum(start[1] + np.arange(length), 127))
        index = (
            np.full(len(columns), plane.position("T")),
            np.full(len(columns), plane.position("Z")),
            np.full(len(columns), start[0]),
            columns,
        )
        self.labels.data_setitem(index, label)

    @rule(plane=PLANES, point=PLACES)
    def delete(self, plane, point):
        self.open_at(plane, point)
        self.editor.objects.delete(plane)

    @rule(plane=PLANES, disk=st.integers(0, 4))
    def open_and_accept_again(self, plane, disk):
        known = self.open_at(plane, self.near(plane, disk, (0, 0)))
        drawing = self.layers.prompts.drawing_on(plane)
        if known is not None and drawing.prompts.has_object:
            self.accept(plane, drawing)

    @rule(plane=PLANES, one=st.integers(0, 4), other=st.integers(0, 4))
    def merge(self, plane, one, other):
        self.open_at(plane, self.near(plane, one, (0, 0)))
        points = np.array([self.near(plane, other, (0, 0))], float)
        self.layers.prompts.draw(plane, Drawing(points, np.array([True])))
        self.editor.objects.merge(plane)

    @rule(plane=PLANES, disk=st.integers(0, 4), ends=st.tuples(PLACES, PLACES))
    def split(self, plane, disk, ends):
        self.open_at(plane, self.near(plane, disk, (0, 0)))
        line = Outline(Kind.LINE, np.array(ends, float))
        self.layers.prompts.draw(plane, Drawing(outlines=(line,)))
        self.editor.objects.split(plane)

    @rule(plane=PLANES, least=st.sampled_from([0, 200, 350, 420, 10_000]))
    def filter(self, plane, least):
        self.go_to(plane)
        candidates = self.found(plane).candidates
        before = self.editor.objects.base_filter(plane)
        chosen = candidates.usual_filter.__class__(min_area=least)
        self.editor.objects.fill(candidates.passing(chosen, before))

    @rule(plane=PLANES)
    def confirm_the_most_doubtful(self, plane):
        self.go_to(plane)
        for known in self.session.objects.doubtful(plane)[:1]:
            self.editor.reopen(known, leave=plane)
            self.go_to(known.plane)
            self.editor.objects.confirm(known.plane)

    @rule(
        plane=PLANES,
        disk=st.integers(0, 4),
        axis=st.sampled_from("TZ"),
        reach=st.integers(1, 2),
    )
    def carry(self, plane, disk, axis, reach):
        known = self.open_at(plane, self.near(plane, disk, (0, 0)))
        if known is None:
            return
        slices = self.editor.objects.slices_of(plane, known.object_id, axis)
        if not slices:
            return
        at = [place.position(axis) for place in slices]
        last = (N_T if axis == "T" else N_Z) - 1
        span = max(0, min(at) - reach), min(last, max(at) + reach)
        options = AnswerSettings()
        job = carry_job(
            self.session.source,
            slices,
            axis,
            span,
            self.predictor,
            self.store,
            options.options,
        )
        self.editor.objects.add_carried(run(job), plane, known.object_id, options)

    @rule(
        plane=PLANES,
        disks=st.lists(st.integers(0, 4), min_size=1, max_size=3),
        are_out=st.booleans(),
    )
    def prompt_many(self, plane, disks, are_out):
        self.go_to(plane)
        flag = np.array([True])
        drawings = [
            Drawing(np.array([self.near(p, d, (0, 0))], float), flag)
            for p in (plane, moved(plane, "Z", 0))
            for d in disks
        ]
        job = layer_job(
            lambda: {plane: drawings},
            self.session.objects.by_plane(),
            self.session.source,
            self.predictor,
            self.store,
            AnswerSettings(others_are_out=are_out),
        )
        (answered,) = run(job)
        self.editor.objects.accept_many(answered, may_overwrite=True, class_id=2)

    @precondition(lambda self: self.session.can_undo)
    @rule(n_steps=st.integers(1, 6))
    def undo_and_redo(self, n_steps):
        before = self.labels.data.copy()
        content = self.layers.prompts.content
        done = [self.editor.undo() for _ in range(n_steps)]
        for _ in filter(None, done):
            self.editor.redo()
        np.testing.assert_array_equal(self.labels.data, before)
        assert self.layers.prompts.content.equals(content)

    @precondition(lambda self: self.session.can_undo)
    @rule(n_steps=st.integers(1, 4))
    def undo(self, n_steps):
        for _ in range(n_steps):
            step = self.editor.undo()
            if step is not None:
                self.place = step.plane

    @precondition(lambda self: self.session.can_redo)
    @rule()
    def redo(self):
        step = self.editor.redo()
        if step is not None:
            self.place = step.plane

    @invariant()
    def every_object_has_its_plane(self):
        for known in self.session.objects.in_order()[:20]:
            assert known.mask.any()

    def teardown(self):
        if not hasattr(self, "session"):
            return
        record = self.session.record(self.labels.data.shape)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "record.json"
            record.save(path)
            again = replay(
                Record.load(path), self.session.source, self.predictor, self.store
            )
            np.testing.assert_array_equal(run(again), self.labels.data)
        self.layers.close()


def machine_of(image):
    return type("Machine", (AnnotationMachine,), {"image": image, "found_on": {}})


def check(image, n_sessions, n_steps):
    run_state_machine_as_test(
        machine_of(image),
        settings=settings(
            max_examples=n_sessions,
            stateful_step_count=n_steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            derandomize=True,
        ),
    )


def test_labels_are_those_of_a_replay_of_the_record(qapp, disks_image):
    check(disks_image.image, n_sessions=1, n_steps=40)


@pytest.mark.slow
@pytest.mark.timeout(6 * 3600)
def test_labels_of_long_sessions_are_those_of_a_replay(qapp, disks_image):
    check(disks_image.image, n_sessions=20, n_steps=120)
