"""Planes worked on at the same time: in order, bounded, and with the same results."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from napari_segment_anything.batch.embed import embed_stack
from napari_segment_anything.batch.progress import run
from napari_segment_anything.batch.segment import segment_stack
from napari_segment_anything.batch.side_by_side import (
    n_side_by_side,
    parts_at_once,
    side_by_side,
)
from napari_segment_anything.batch.track import track_stack
from napari_segment_anything.engine.automatic import (
    AutomaticMaskGenerator,
    AutomaticSettings,
)
from napari_segment_anything.engine.searched_plane import SearchedPlane
from napari_segment_anything.engine.single_thread import (
    n_common_threads,
    single_thread,
)
from napari_segment_anything.errors import UnreadableInputError
from napari_segment_anything.models.load import load_model
from napari_segment_anything.networks.config import CONFIGS
from napari_segment_anything.stacks.simulated import simulate_cells
from napari_segment_anything.stacks.stack import Stack
from napari_segment_anything.storage.zarr_store import ZarrEmbeddingStore

PLANE = np.zeros((2, 2), np.uint8)
SECONDS = 30


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    n_common_threads.cache_clear()
    yield
    torch.set_num_threads(before)
    n_common_threads.cache_clear()


def planes(n, error_at=None):
    for number in range(n):
        if number == error_at:
            raise UnreadableInputError("Plane cannot be read.")
        yield (number,), PLANE


def results(steps):
    return [(done.index, done.result) for done in steps if done is not None]


@pytest.mark.parametrize("n_jobs", [1, 2, 3])
def test_results_come_in_the_order_of_the_planes(n_jobs):
    def job(index, plane):
        time.sleep(0.02 * (index[0] % 3 == 0))
        yield
        return 10 * index[0]

    found = results(side_by_side([job] * n_jobs, planes(7)))
    assert found == [((i,), 10 * i) for i in range(7)]


def test_as_many_planes_as_jobs_are_worked_on_at_once():
    both = threading.Barrier(2)
    read = []

    def job(index, plane):
        yield
        both.wait(SECONDS)
        # Nothing is read beyond what is worked on.
        return len(read)

    def watched():
        for plane in planes(6):
            read.append(plane)
            yield plane

    found = results(side_by_side([job, job], watched()))
    assert len(found) == 6
    assert all(n <= index[0] + 3 for index, n in found)


def test_a_job_works_on_one_plane_at_a_time():
    def begin():
        busy = threading.Lock()

        def job(index, plane):
            assert busy.acquire(blocking=False)
            time.sleep(0.01)
            yield
            busy.release()
            return index

        return job

    assert len(results(side_by_side([begin(), begin()], planes(10)))) == 10


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_planes_before_one_that_cannot_be_read_are_done(n_jobs):
    def job(index, plane):
        yield
        return index[0]

    steps = side_by_side([job] * n_jobs, planes(9, error_at=4))
    found = []
    with pytest.raises(UnreadableInputError):
        found.extend(done.result for done in steps if done is not None)
    assert found == [0, 1, 2, 3]


def test_what_goes_wrong_with_a_plane_is_raised_in_its_turn():
    begun = []

    def job(index, plane):
        begun.append(index[0])
        yield
        if index[0] == 3:
            raise ValueError("three")
        return index[0]

    steps = side_by_side([job, job], planes(100))
    found = []
    with pytest.raises(ValueError, match="three"):
        found.extend(done.result for done in steps if done is not None)
    assert found == [0, 1, 2]
    assert max(begun) <= 4


def test_closing_stops_planes_in_the_middle():
    closed, going = [], threading.Barrier(3)

    def job(index, plane):
        try:
            going.wait(SECONDS)
            while True:
                time.sleep(0.001)
                yield
        finally:
            closed.append(index[0])

    with closing(side_by_side([job, job], planes(9))) as steps:
        assert next(steps) is None
        going.wait(SECONDS)
    assert sorted(closed) == [0, 1]


@pytest.mark.usefixtures("two_threads")
def test_each_plane_has_its_part_of_the_processors():
    def job(index, plane):
        yield
        return torch.get_num_threads()

    assert [n for _, n in results(side_by_side([job, job], planes(4)))] == [1] * 4
    assert torch.get_num_threads() == 2
    with ThreadPoolExecutor(1) as later:
        assert later.submit(torch.get_num_threads).result() == 2


@pytest.mark.usefixtures("two_threads")
def test_what_is_decoded_first_beside_others_tells_nothing_of_all_processors():
    def job(index, plane):
        with single_thread(2, torch.device("cpu")):
            yield

    def click():
        with single_thread(1, torch.device("cpu")):
            return torch.get_num_threads()

    results(side_by_side([job, job], planes(4)))
    with ThreadPoolExecutor(1) as beside:
        assert beside.submit(click).result() == 1
        assert beside.submit(torch.get_num_threads).result() == 2


def test_no_thread_is_left_where_another_one_cannot_begin(monkeypatch):
    before, submit = set(threading.enumerate()), ThreadPoolExecutor.submit

    def job(index, plane):
        yield

    def interrupted(self, *arguments):
        if set(threading.enumerate()) - before:
            raise KeyboardInterrupt
        return submit(self, *arguments)

    monkeypatch.setattr(ThreadPoolExecutor, "submit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        next(side_by_side([job, job], planes(4)))
    assert set(threading.enumerate()) == before


@pytest.mark.usefixtures("two_threads")
def test_planes_are_worked_on_together_where_that_pays():
    nano = load_model("nano", device="cpu")
    assert n_side_by_side(nano, Stack(np.zeros((5, 64, 64)), "TYX")) == 2
    assert n_side_by_side(nano, Stack(np.zeros((1, 64, 64)), "TYX")) == 1
    huge = Stack(np.broadcast_to(np.uint8(0), (5, 9000, 9000)), "TYX")
    assert n_side_by_side(nano, huge) == 1
    plain = SimpleNamespace(device=torch.device("cpu"), config=CONFIGS["vit_b"])
    assert n_side_by_side(plain, Stack(np.zeros((5, 64, 64)), "TYX")) == 1
    torch.set_num_threads(1)
    assert n_side_by_side(nano, Stack(np.zeros((5, 64, 64)), "TYX")) == 1


@pytest.mark.usefixtures("two_threads")
def test_jobs_come_to_the_same_as_plane_by_plane(tmp_path):
    nano = load_model("nano", device="cpu", precision="float32")
    movie = Stack(simulate_cells(4, (96, 96)).images, "TYX")
    found = {}
    for n_threads in (2, 1):
        torch.set_num_threads(n_threads)
        store = ZarrEmbeddingStore(tmp_path / f"store-{n_threads}")
        embedded = run(embed_stack(movie, nano, store))
        segmented = run(segment_stack(movie, nano, store=store))
        tracked = run(track_stack(movie, nano, output=tmp_path / f"{n_threads}.zarr"))
        assert embedded.n_encoded == 4
        assert "encoding" in tracked.seconds
        again = run(track_stack(movie, nano, output=tmp_path / f"{n_threads}.zarr"))
        assert again.n_resumed == 4
        found[n_threads] = (
            sorted(store.keys()),
            segmented.labels,
            [tracked.labels.read_plane((t,)) for t in range(4)],
        )
    assert found[1][0] == found[2][0]
    assert segmented.n_objects > 4
    np.testing.assert_array_equal(found[1][1], found[2][1])
    np.testing.assert_array_equal(found[1][2], found[2][2])


@pytest.mark.usefixtures("two_threads")
def test_a_cancelled_job_keeps_what_was_finished(tmp_path):
    nano = load_model("nano", device="cpu", precision="float32")
    movie = Stack(simulate_cells(6, (64, 64)).images, "TYX")
    store = ZarrEmbeddingStore(tmp_path / "store")
    job = embed_stack(movie, nano, store)
    while next(job).done < 2:
        pass
    job.close()
    n_kept = len(list(store.keys()))
    assert 2 <= n_kept < 6
    assert run(embed_stack(movie, nano, store)).n_encoded == 6 - n_kept


@pytest.mark.usefixtures("two_threads")
def test_the_prompts_of_a_single_plane_are_answered_at_once():
    nano = load_model("nano", device="cpu", precision="float32")
    plane = simulate_cells(1, (400, 400)).images[0]
    settings = AutomaticSettings.for_model(nano.config)
    in_turn = AutomaticMaskGenerator(nano, settings).generate(plane)
    threads = set()
    decode = nano.decode

    def watched(*arguments, **named):
        threads.add(threading.current_thread().name)
        return decode(*arguments, **named)

    nano.decode = watched
    generator = AutomaticMaskGenerator(nano, settings, run_parts=parts_at_once(nano))
    shares = []
    steps = generator.steps(SearchedPlane.create(plane, None, None))
    while True:
        try:
            shares.append(next(steps))
        except StopIteration as stop:
            at_once = stop.value
            break
    assert len([name for name in threads if name.startswith("plane")]) == 2
    assert shares == sorted(shares)
    assert shares[-1] == 1
    assert len(at_once) == len(in_turn) > 8
    np.testing.assert_array_equal(at_once.boxes, in_turn.boxes)
    for one, other in zip(at_once.masks, in_turn.masks, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_slow_item_does_not_keep_the_others_waiting():
    slow_may_end = threading.Event()

    def job(index, plane):
        if index[0] == 0:
            assert slow_may_end.wait(SECONDS)
        elif index[0] == 2:
            slow_may_end.set()
        yield
        return index[0]

    found = results(side_by_side([job, job], planes(5)))
    assert [result for _, result in found] == [0, 1, 2, 3, 4]
