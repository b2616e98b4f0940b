"""Work on many planes by the workers of a dask cluster."""

import os
from collections.abc import Generator, Iterable
from contextlib import suppress
from itertools import islice
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from napari_segment_anything.batch.local_cluster import start_local_cluster
from napari_segment_anything.batch.plane_loop import Tally
from napari_segment_anything.batch.plane_work import Index, PlaneOutcome, PlaneRecipe
from napari_segment_anything.batch.progress import Progress
from napari_segment_anything.errors import (
    DeviceError,
    MissingDependencyError,
    SegmentAnythingError,
)

_SECONDS_BETWEEN_LOOKS = 0.2
# Enough that no worker waits for its next plane.
_PLANES_PER_THREAD = 2


class Cluster:
    """Workers of dask.distributed, each with a model of its own.

    Make one with `local` or `connect` and close it, or use it in a ``with`` block.
    Workers write what they find themselves, so the stores and the output must lie
    where all of them reach it under the same path.

    Parameters
    ----------
    client : distributed.Client
        Connected to a scheduler.
    model, device : str
        For `load_model` on each worker.
    n_threads : int, optional
        Threads of each worker's model; by default those that the worker was given.
    """

    def __init__(
        self,
        client: Any,
        *,
        model: str = "nano",
        device: str = "auto",
        n_threads: int | None = None,
    ) -> None:
        self.client = client
        self._model = model
        self._device = device
        self._n_threads = n_threads
        self._own: list[Any] = []
        self._has_own_gpus = False

    @classmethod
    def local(
        cls, n_workers: int, *, model: str = "nano", device: str = "auto"
    ) -> Self:
        """Start processes on this machine, which share its cores and GPUs.

        With dask-cuda, and as many GPUs as workers, each worker has a GPU of its own.

        Raises
        ------
        MissingDependencyError
            dask.distributed is not installed.
        """
        distributed = _distributed()
        cluster, has_own_gpus = start_local_cluster(distributed, n_workers, device)
        # Not the default: that would take over what napari computes with dask.
        client = distributed.Client(cluster, set_as_default=False)
        n_threads = max(1, (os.cpu_count() or 1) // n_workers)
        made = cls(client, model=model, device=device, n_threads=n_threads)
        made._own = [client, cluster]
        made._has_own_gpus = has_own_gpus
        return made

    @classmethod
    def connect(
        cls, address: str, *, model: str = "nano", device: str = "auto"
    ) -> Self:
        """Use the workers of a scheduler that runs already.

        Parameters
        ----------
        address : str
            Such as ``tcp://10.0.0.1:8786``.
        model, device : str
            For `load_model` on each worker.

        Raises
        ------
        MissingDependencyError
            dask.distributed is not installed.
        DeviceError
            No scheduler answers there.
        """
        distributed = _distributed()
        try:
            client = distributed.Client(address, set_as_default=False, timeout=10)
        except (OSError, TimeoutError, ValueError) as error:
            raise DeviceError(
                f"No dask scheduler answers at {address}: {error}. Start one with "
                f"'dask scheduler', and workers with 'dask worker {address}'."
            ) from error
        made = cls(client, model=model, device=device)
        made._own = [client]
        return made

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Leave the scheduler; workers that `local` started end."""
        for own in self._own:
            own.close()
        self._own = []

    @property
    def n_workers(self) -> int:
        """Workers that are connected at this moment."""
        return len(self.client.nthreads())

    def work(
        self,
        recipe: PlaneRecipe,
        indices: Iterable[Index],
        tally: Tally,
        progress: Progress,
        *,
        model_digest: str,
    ) -> Generator[Progress, None, None]:
        """Do the work on each plane, in any order.

        A plane whose worker is lost is done by another one. Closing the generator
        stops the workers in the middle of their planes.

        Parameters
        ----------
        recipe : PlaneRecipe
            What is to be done.
        indices : iterable of tuple of int
            Which planes.
        tally : Tally
            Counts what came of them.
        progress : Progress
            The state before the first plane; gives stage and total.
        model_digest : str
            Digest of the weights that each worker must have.

        Yields
        ------
        Progress
            One step a plane, and several times a second.

        Raises
        ------
        DeviceError
            The scheduler is gone, or a plane ends each worker that tries it.
        SegmentAnythingError
            What a plane raised on its worker.
        """
        from napari_segment_anything.batch.cluster_worker import PlaneWorker, do_plane

        name = f"planes-{uuid4().hex}"
        plugin = PlaneWorker(
            name,
            recipe,
            model=self._model,
            device=self._device,
            model_digest=model_digest,
            n_threads=self._n_threads,
            has_own_gpu=self._has_own_gpus,
        )
        coming = iter(indices)
        running: dict[str, tuple[Index, Any]] = {}
        finished: SimpleQueue[Any] = SimpleQueue()
        try:
            self.client.register_plugin(plugin, name=name)
            while True:
                for index in islice(coming, self._room(len(running))):
                    key = f"{name}-{'-'.join(map(str, index))}"
                    task = self.client.submit(do_plane, name, index, key=key)
                    task.add_done_callback(finished.put)
                    running[key] = index, task
                if not running:
                    return
                yield progress
                try:
                    key = finished.get(timeout=_SECONDS_BETWEEN_LOOKS).key
                except Empty:
                    continue
                index, task = running.pop(key)
                tally.add(_outcome(task, index))
                done = progress.done + 1
                progress = Progress(progress.stage, done, progress.total)
                yield progress
        finally:
            # A scheduler that is gone has nothing left to stop.
            with suppress(OSError, TimeoutError, ValueError):
                self.client.cancel([task for _, task in running.values()])
                self.client.unregister_worker_plugin(name)

    def _room(self, n_running: int) -> int:
        try:
            n_threads = sum(int(n) for n in self.client.nthreads().values())
        except (OSError, TimeoutError) as error:
            raise _gone(error) from error
        wanted = _PLANES_PER_THREAD * max(1, n_threads)
        return max(0, wanted - n_running)


def _outcome(task: Any, index: Index) -> PlaneOutcome:
    distributed = _distributed()
    try:
        outcome: PlaneOutcome = task.result()
    except SegmentAnythingError:
        raise
    except distributed.scheduler.KilledWorker as error:
        raise DeviceError(
            f"Plane {index} ended each worker that tried it, probably for lack of "
            f"memory; give workers more memory, or choose a smaller model."
        ) from error
    except (OSError, TimeoutError, distributed.client.FutureCancelledError) as error:
        raise _gone(error) from error
    return outcome


def _gone(error: Exception) -> DeviceError:
    return DeviceError(
        f"The dask scheduler is gone ({error}); start it and run the same command "
        f"again, which continues."
    )


def _distributed() -> Any:
    try:
        import distributed
    except ImportError as error:
        raise MissingDependencyError(
            "Work on several processes or machines needs dask.distributed; install "
            "it with, in a clone of this project: pip install '.[cluster]'."
        ) from error
    return distributed
