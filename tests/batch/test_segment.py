from dataclasses import replace

import numpy as np
import pytest
import zarr

from bright_sam import bright_predictor, work_of
from napari_segment_anything.batch.progress import run
from napari_segment_anything.batch.segment import segment_stack
from napari_segment_anything.engine import labels as labels_module
from napari_segment_anything.engine.automatic_settings import AutomaticSettings
from napari_segment_anything.errors import InvalidImageError, StorageError
from napari_segment_anything.networks.config import CONFIGS
from napari_segment_anything.stacks import large_plane
from napari_segment_anything.stacks.stack import Stack
from napari_segment_anything.storage.label_store import LabelStore
from napari_segment_anything.storage.memory_store import MemoryEmbeddingStore

# One look at each plane: it is as large as the frame of the model.
SETTINGS = replace(AutomaticSettings.for_model(CONFIGS["tiny"]), object_diameter=40)


@pytest.fixture
def predictor():
    return bright_predictor()


@pytest.fixture
def stack(disks_image):
    shifted = [np.roll(disks_image.image, 2 * t, axis=1) for t in range(4)]
    return Stack(np.stack(shifted), "TYX", name="disks", scale={"Y": 0.5, "X": 0.5})


def test_labels_lie_where_an_array_or_an_ome_zarr_is_asked_for(
    stack, predictor, tmp_path
):
    seen = []
    in_memory = run(segment_stack(stack, predictor, settings=SETTINGS), seen.append)
    on_disk = run(
        segment_stack(
            stack, predictor, settings=SETTINGS, output=tmp_path / "out.ome.zarr"
        )
    )
    assert in_memory.labels.shape == (4, 96, 128)
    assert in_memory.labels.dtype == np.int32
    assert in_memory.n_objects == 24
    reopened = LabelStore.open(tmp_path / "out.ome.zarr")
    for t, expected in enumerate(in_memory.labels):
        np.testing.assert_array_equal(reopened.read_plane((t,)), expected)
        np.testing.assert_array_equal(np.asarray(reopened.image[t]), stack.read((t,)))
    assert on_disk.n_objects == in_memory.n_objects
    assert [p.done for p in seen] == sorted(p.done for p in seen)
    assert (seen[0].done, seen[-1].done, seen[-1].total) == (0, 4, 4)
    assert set(in_memory.seconds) >= {"encoding", "decoding", "reading", "writing"}


@pytest.mark.parametrize("n_done", [1, 3])
def test_a_cancelled_job_continues_with_the_same_result(
    stack, predictor, tmp_path, n_done
):
    uninterrupted = bright_predictor()
    expected = run(segment_stack(stack, uninterrupted, settings=SETTINGS)).labels
    output = tmp_path / "out.zarr"
    job = segment_stack(stack, predictor, settings=SETTINGS, output=output)
    while next(job).done < n_done:
        pass
    job.close()
    result = run(segment_stack(stack, predictor, settings=SETTINGS, output=output))
    assert work_of(predictor) == work_of(uninterrupted)
    assert result.n_resumed == n_done
    for t in range(4):
        np.testing.assert_array_equal(result.labels.read_plane((t,)), expected[t])


def test_a_job_can_be_cancelled_in_the_middle_of_a_plane(stack, predictor):
    settings = AutomaticSettings(
        points_per_side=3, points_per_batch=1, use_proposals=False
    )
    job = segment_stack(stack, predictor, settings=settings)
    steps = [next(job) for _ in range(5)]
    assert [p.done for p in steps] == [0] * 5
    job.close()
    assert work_of(predictor) == (1, 4)


def test_other_thresholds_need_no_model(stack, predictor, tmp_path):
    run(segment_stack(stack, predictor, settings=SETTINGS, output=tmp_path / "a.zarr"))
    before = work_of(predictor)
    other = replace(SETTINGS, pred_iou_thresh=0.93, box_nms_thresh=0.5)
    job = segment_stack(
        stack, predictor, settings=other, output=tmp_path / "a.zarr", overwrite=True
    )
    result = run(job)
    assert work_of(predictor) == before
    assert result.n_resumed == 4


def test_the_result_of_another_job_is_not_overwritten(stack, predictor, tmp_path):
    path = tmp_path / "a.zarr"
    run(segment_stack(stack, predictor, settings=SETTINGS, output=path))
    before = LabelStore.open(path).read_plane((0,))
    job = segment_stack(
        stack, predictor, settings=AutomaticSettings(points_per_side=2), output=path
    )
    with pytest.raises(StorageError, match="another"):
        run(job)
    np.testing.assert_array_equal(LabelStore.open(path).read_plane((0,)), before)


def test_a_changed_image_is_another_job(stack, predictor, tmp_path):
    path = tmp_path / "a.zarr"
    run(segment_stack(stack, predictor, settings=SETTINGS, output=path))
    changed = Stack(stack.data + 1, "TYX")
    with pytest.raises(StorageError, match="another"):
        run(segment_stack(changed, predictor, settings=SETTINGS, output=path))


def test_overwriting_spares_what_is_not_ours(stack, predictor, tmp_path):
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").write_text("x")
    job = segment_stack(
        stack, predictor, settings=SETTINGS, output=tmp_path / "thesis", overwrite=True
    )
    with pytest.raises(StorageError):
        run(job)
    assert (tmp_path / "thesis" / "chapter.tex").read_text() == "x"


def test_known_embeddings_are_used(stack, predictor):
    store = MemoryEmbeddingStore()
    run(segment_stack(stack, predictor, settings=SETTINGS, store=store))
    again = run(segment_stack(stack, predictor, settings=SETTINGS, store=store))
    assert "encoding" not in again.seconds


@pytest.mark.parametrize(
    "data",
    [
        np.zeros((2, 16, 16), np.uint8),
        np.full((2, 16, 16), np.nan, np.float32),
        np.ones((2, 1, 1), np.uint16),
        np.full((2, 9, 9), np.inf),
        np.eye(8, dtype=bool)[None],
    ],
    ids=["constant", "nan", "one_pixel", "infinite", "bool"],
)
def test_odd_planes_give_labels_of_their_shape(data, tiny_predictor):
    result = run(segment_stack(Stack(data, "TYX"), tiny_predictor))
    assert result.labels.shape == data.shape


def test_a_plane_read_in_bands_has_the_same_objects(tmp_path, monkeypatch):
    # More rows than a band of labels has, and many tiles.
    y, x = np.indices((1100, 60))
    disks = np.hypot(y % 20 - 10, x % 20 - 10) < 5 + (y // 20 + x // 20) % 3
    image = zarr.create_array(
        tmp_path / "image.zarr", shape=disks.shape, chunks=(16, 40), dtype="u2"
    )
    image[:] = 300 + 2000 * disks
    stack = Stack(image, "YX")
    settings = replace(SETTINGS, object_diameter=14, tile_overlap=0.5)
    whole = run(
        segment_stack(
            stack, bright_predictor(), settings=settings, output=tmp_path / "whole.zarr"
        )
    )
    monkeypatch.setattr(large_plane, "_MOST_VALUES", 60 * 1000)
    monkeypatch.setattr(large_plane, "_BAND_VALUES", 60 * 50)
    monkeypatch.setattr(labels_module, "_MOST_PIXELS", 1000)
    monkeypatch.setattr(Stack, "read", watched(Stack.read, 60 * 50))
    banded = run(
        segment_stack(
            stack,
            bright_predictor(),
            settings=settings,
            output=tmp_path / "banded.zarr",
        )
    )
    assert banded.n_objects == whole.n_objects == 55 * 3
    np.testing.assert_array_equal(banded.labels.labels[:], whole.labels.labels[:])
    np.testing.assert_array_equal(banded.labels.image[:], image[:])
    assert banded.labels.attributes == whole.labels.attributes


def watched(read, most):
    def small(stack, index=()):
        plane = read(stack, index)
        assert plane.size <= most
        return plane

    return small


@pytest.mark.parametrize(
    ("source", "how"),
    [(np.zeros((2, 8, 8)), r"open_stack\(array, axes="), ("a.tif", "open_stack.path")],
)
def test_what_was_not_opened_is_refused_with_the_way_to_open_it(predictor, source, how):
    with pytest.raises(InvalidImageError, match=how):
        run(segment_stack(source, predictor))
