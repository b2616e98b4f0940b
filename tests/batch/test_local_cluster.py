import sys
import types
import warnings
from types import SimpleNamespace

import pytest

from napari_segment_anything.batch import local_cluster
from napari_segment_anything.batch.local_cluster import start_local_cluster

DISTRIBUTED = SimpleNamespace(LocalCluster=lambda **options: ("processes", options))


@pytest.fixture
def dask_cuda(monkeypatch):
    module = types.ModuleType("dask_cuda")
    module.LocalCUDACluster = lambda **options: ("gpus", options)
    monkeypatch.setitem(sys.modules, "dask_cuda", module)


@pytest.fixture
def no_dask_cuda(monkeypatch):
    monkeypatch.setitem(sys.modules, "dask_cuda", None)


def start(monkeypatch, n_gpus, n_workers=2, device="auto"):
    monkeypatch.setattr(local_cluster, "count_gpus", lambda: n_gpus)
    (kind, options), has_own_gpus = start_local_cluster(DISTRIBUTED, n_workers, device)
    assert options["n_workers"] == n_workers
    assert options["threads_per_worker"] == 1
    return kind, has_own_gpus


@pytest.mark.usefixtures("dask_cuda")
@pytest.mark.parametrize("device", ["auto", "cuda"])
@pytest.mark.parametrize("n_gpus", [2, 4])
def test_with_dask_cuda_each_worker_has_a_gpu(monkeypatch, n_gpus, device):
    assert start(monkeypatch, n_gpus, device=device) == ("gpus", True)


@pytest.mark.usefixtures("dask_cuda")
@pytest.mark.parametrize(("n_gpus", "device"), [(0, "auto"), (1, "cuda"), (4, "cpu")])
def test_without_a_gpu_for_each_they_are_processes(monkeypatch, n_gpus, device):
    assert start(monkeypatch, n_gpus, device=device) == ("processes", False)


@pytest.mark.usefixtures("no_dask_cuda")
def test_a_missing_dask_cuda_is_said_where_it_would_help(monkeypatch):
    with pytest.warns(UserWarning, match="install dask-cuda"):
        assert start(monkeypatch, 2) == ("processes", False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert start(monkeypatch, 0) == ("processes", False)
        assert start(monkeypatch, 1, n_workers=1) == ("processes", False)


@pytest.mark.parametrize(
    ("has_own_gpu", "name", "device", "expected"),
    [
        (False, 3, "auto", "cuda:1"),
        (False, 3, "cuda", "cuda:1"),
        # dask-cuda shows each worker all GPUs, its own one first.
        (True, 3, "auto", "auto"),
        (False, "tcp://a:1", "cuda", "cuda"),
        (False, 3, "cpu", "cpu"),
    ],
)
def test_workers_choose_a_gpu_by_number_unless_they_have_one(
    monkeypatch, has_own_gpu, name, device, expected
):
    pytest.importorskip("distributed", reason="dask.distributed is optional")
    from napari_segment_anything.batch import cluster_worker

    monkeypatch.setattr(cluster_worker.torch.cuda, "device_count", lambda: 2)
    plugin = cluster_worker.PlaneWorker(
        "job",
        None,
        model="nano",
        device=device,
        model_digest="",
        has_own_gpu=has_own_gpu,
    )
    plugin.setup(SimpleNamespace(name=name, state=SimpleNamespace(nthreads=1)))
    assert plugin._own_device() == expected
