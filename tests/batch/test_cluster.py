"""Jobs on a LocalCluster: processes of their own, each with a model."""

import os
import signal

import numpy as np
import pandas as pd
import pytest

from napari_segment_anything.batch.embed import embed_stack
from napari_segment_anything.batch.progress import run
from napari_segment_anything.batch.segment import segment_stack
from napari_segment_anything.batch.track import track_stack
from napari_segment_anything.errors import (
    CheckpointError,
    DeviceError,
    StorageError,
    UnreadableInputError,
)
from napari_segment_anything.models.load import load_model
from napari_segment_anything.stacks.open import open_stack
from napari_segment_anything.storage.label_store import LabelStore
from napari_segment_anything.storage.zarr_store import ZarrEmbeddingStore

pytest.importorskip("distributed", reason="dask.distributed is optional")
from napari_segment_anything.batch.cluster import Cluster

N_PLANES = 10


@pytest.fixture(scope="module")
def predictor():
    return load_model("nano", device="cpu")


@pytest.fixture(scope="module")
def cluster():
    with Cluster.local(2, model="nano", device="cpu") as cluster:
        yield cluster


@pytest.fixture
def stack(tmp_path, disks_image):
    frames = [np.roll(disks_image.image, 2 * t, axis=1) for t in range(N_PLANES)]
    np.save(tmp_path / "movie.npy", np.stack(frames))
    return open_stack(tmp_path / "movie.npy", axes="TYX")


@pytest.fixture
def store(tmp_path):
    return ZarrEmbeddingStore(tmp_path / "shared")


def assert_equal_stores(found, expected):
    keys = sorted(expected.keys())
    assert sorted(found.keys()) == keys
    for key in keys:
        a, b = found.get(key).features, expected.get(key).features
        np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_a_lost_worker_s_planes_are_done_by_another(
    stack, predictor, cluster, store, tmp_path
):
    alone = ZarrEmbeddingStore(tmp_path / "alone")
    run(embed_stack(stack, predictor, alone))
    job = embed_stack(stack, predictor, store, cluster=cluster)
    while (progress := next(job)).done < 2:
        pass
    assert progress.done < N_PLANES
    pids = cluster.client.run(os.getpid)
    os.kill(next(iter(pids.values())), signal.SIGKILL)
    summary = run(job)
    assert summary.n_planes == N_PLANES
    assert_equal_stores(store, alone)


def test_labels_are_those_of_one_machine(stack, predictor, cluster, store, tmp_path):
    alone = run(segment_stack(stack, predictor, output=tmp_path / "alone.zarr"))
    job = segment_stack(
        stack, predictor, store=store, output=tmp_path / "shared.zarr", cluster=cluster
    )
    shared = run(job)
    assert shared.n_objects == alone.n_objects > N_PLANES
    assert shared.intensity_range == alone.intensity_range
    assert {"encoding", "decoding", "reading", "writing"} <= shared.seconds.keys()
    for name in ("alone", "shared"):
        assert LabelStore.open(tmp_path / f"{name}.zarr").done((N_PLANES - 1,))
    for t in range(N_PLANES):
        np.testing.assert_array_equal(
            shared.labels.read_plane((t,)), alone.labels.read_plane((t,))
        )


def test_tracks_are_those_of_one_machine(stack, predictor, cluster, store, tmp_path):
    stack = stack.select(T=slice(4))
    alone = run(track_stack(stack, predictor))
    job = track_stack(
        stack, predictor, store=store, output=tmp_path / "shared.zarr", cluster=cluster
    )
    shared = run(job)
    assert shared.n_tracks == alone.n_tracks > 0
    # Sums of floats depend on how many threads a process has.
    pd.testing.assert_frame_equal(shared.table, alone.table, rtol=1e-6)
    assert shared.n_resumed == 0


def test_a_cancelled_job_leaves_the_workers_free(stack, predictor, cluster, store):
    job = embed_stack(stack, predictor, store, cluster=cluster)
    while next(job).done < 1:
        pass
    job.close()
    n_kept = len(list(store.keys()))
    assert 1 <= n_kept < N_PLANES
    summary = run(embed_stack(stack, predictor, store, cluster=cluster))
    assert summary.n_encoded <= N_PLANES - n_kept
    assert len(list(store.keys())) == N_PLANES


def test_what_a_worker_cannot_read_is_said(predictor, cluster, store, tmp_path):
    np.save(tmp_path / "x.npy", np.zeros((3, 8, 8), np.uint8))
    stack = open_stack(tmp_path / "x.npy", axes="TYX")
    (tmp_path / "x.npy").write_bytes(b"")
    options = {"intensity_range": (0, 1), "cluster": cluster}
    with pytest.raises(UnreadableInputError, match=r"Plane T=\d of .*x\.npy"):
        run(embed_stack(stack, predictor, store, **options))


def test_other_weights_on_a_worker_are_refused(stack, tiny_predictor, cluster, store):
    with pytest.raises(CheckpointError, match="other weights"):
        run(embed_stack(stack, tiny_predictor, store, cluster=cluster))
    assert list(store.keys()) == []


def test_results_that_workers_cannot_share_are_refused(
    stack, predictor, cluster, store
):
    with pytest.raises(StorageError, match="ZarrEmbeddingStore"):
        run(embed_stack(stack, predictor, object(), cluster=cluster))
    with pytest.raises(StorageError, match="output="):
        run(segment_stack(stack, predictor, store=store, cluster=cluster))


@pytest.mark.slow
def test_a_scheduler_that_does_not_answer_is_said():
    with pytest.raises(DeviceError, match="No dask scheduler answers"):
        Cluster.connect("tcp://127.0.0.1:9")
