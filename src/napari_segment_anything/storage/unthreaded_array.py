"""A zarr array that is written by the calling thread alone."""

import asyncio
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import zarr


class UnthreadedArray:
    """Takes the place of a zarr array where it is written while a program ends.

    zarr hands compression and files to threads of its own. A program that ends waits
    for its threads, but these may start no others and give them no work: so what is
    assigned here is compressed and written by the thread that assigns it. Reading is as
    ever.

    Parameters
    ----------
    array : zarr.Array
        Any array of zarr.
    """

    def __init__(self, array: "zarr.Array[Any]") -> None:
        self.shape, self.dtype, self.chunks = array.shape, array.dtype, array.chunks
        self._array = array
        self._written: Any = zarr.AsyncArray(array.metadata, array.store_path)

    def __getitem__(self, key: Any) -> Any:
        """Read a part."""
        return self._array[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        """Write a part."""
        loop = asyncio.new_event_loop()
        try:
            loop.set_default_executor(_AtOnce())
            loop.run_until_complete(self._written.setitem(key, value))
        finally:
            loop.close()


class _AtOnce(ThreadPoolExecutor):
    """Runs in the calling thread what is submitted; it never has a thread."""

    def submit(
        self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any
    ) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001  # it is the caller's
            future.set_exception(error)
        return future
