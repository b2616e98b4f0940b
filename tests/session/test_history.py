import numpy as np

from napari_segment_anything.session.drawing import Drawing
from napari_segment_anything.session.history import History, Step
from napari_segment_anything.session.pixel_edit import PixelEdit
from napari_segment_anything.session.planes import PlaneId


def step(title="step", n_pixels=0):
    pixels = np.arange(n_pixels, dtype=np.int32)
    edit = PixelEdit((pixels,), pixels * 0, pixels + 1)
    before, after = Drawing(), Drawing(np.ones((1, 2)), np.ones(1, bool))
    return Step(title, PlaneId(), (before, after), edit, {3: (None, "new")})


def test_steps_are_undone_and_redone_in_order():
    history = History()
    first, second = step("first"), step("second")
    history.add(first)
    history.add(second)
    assert [history.undo(), history.undo(), history.undo()] == [second, first, None]
    assert not history.can_undo
    assert [history.redo(), history.redo(), history.redo()] == [first, second, None]
    assert not history.can_redo


def test_a_new_step_ends_what_could_be_redone():
    history = History()
    history.add(step())
    history.undo()
    history.add(step())
    assert not history.can_redo


def test_the_oldest_are_forgotten_by_number_and_by_memory():
    history = History(n_kept=2)
    steps = [step(str(n)) for n in range(3)]
    for each in steps:
        history.add(each)
    assert [history.undo(), history.undo(), history.undo()] == [*steps[:0:-1], None]
    history = History(bytes_kept=step(n_pixels=100).nbytes + 1)
    for _ in range(3):
        history.add(step(n_pixels=100))
    history.undo()
    # The newest can always be undone, however large it is.
    assert not history.can_undo


def test_the_inverse_takes_everything_back():
    inverse = step(n_pixels=2).inverse
    assert inverse.drawn[1].is_empty
    assert inverse.pixels.before.tolist() == [1, 2]
    assert inverse.pixels.after.tolist() == [0, 0]
    assert inverse.objects == {3: ("new", None)}
