"""Work on a card as a CUDA graph: its kernels are recorded once, and launched at once.

What is used of torch is in its notes on CUDA semantics, "CUDA Graphs".
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from napari_segment_anything.engine.memory import release_memory

Decoded = tuple[torch.Tensor, torch.Tensor]
Work = Callable[[], Decoded]

_N_WARM_UPS = 2
# Torch allows one capture at a time in a process.
_CAPTURING = threading.Lock()
# Before 2.12 torch goes on asking a graph whose capture failed which memory to use.
_FAILED: list[torch.cuda.CUDAGraph] = []


class CudaGraphs:
    """Captures work on one card; what it captures shares memory, and so takes turns.

    Parameters
    ----------
    device : torch.device
        The card.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._pool = torch.cuda.graph_pool_handle()
        # Kernels that were captured on one stream share the scratch memory of cuBLAS.
        # Nobody else uses streams of high priority, so it is shared with nobody else.
        self._stream = torch.cuda.Stream(device, priority=-1)  # type: ignore[no-untyped-call]
        self._done = torch.cuda.Event()  # type: ignore[no-untyped-call]

    def capture(self, work: Work) -> Work:
        """Record the kernels of work, which is done a few times for that.

        Returns
        -------
        callable
            Launches the kernels on the stream of its caller, within `in_turn`. They
            read and write the memory of the first time: its answer is that of the
            last time, until the next.

        Raises
        ------
        RuntimeError
            The work cannot be captured, for any of many reasons, or another capture
            failed before.
        """
        graph = torch.cuda.CUDAGraph()
        with _CAPTURING, torch.cuda.device(self._device):
            if _FAILED:
                raise RuntimeError("an earlier capture failed")
            self._warm_up(work)
            # While it captures, torch cannot take back what it keeps for later.
            release_memory(self._device)
            try:
                answer = self._record(graph, work)
            except BaseException:
                _FAILED.append(graph)
                raise

        def replay() -> Decoded:
            graph.replay()
            return answer

        return replay

    def _warm_up(self, work: Work) -> None:
        """Let libraries do what they do the first time."""
        caller = torch.cuda.current_stream()
        aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        aside.wait_stream(caller)
        with torch.cuda.stream(aside):
            for _ in range(_N_WARM_UPS):
                work()
        caller.wait_stream(aside)

    def _record(self, graph: torch.cuda.CUDAGraph, work: Work) -> Decoded:
        # `torch.cuda.graph` would, in many versions, collect garbage in this thread,
        # where a window's objects must not end; and stay on its stream after a failure.
        with torch.cuda.stream(self._stream):
            # What torch keeps for random numbers is everybody's, also in other modes.
            with torch.inference_mode(False):
                # Other threads go on asking for memory meanwhile.
                graph.capture_begin(pool=self._pool, capture_error_mode="thread_local")
            try:
                return work()
            finally:
                graph.capture_end()

    @contextmanager
    def in_turn(self) -> Iterator[None]:
        """Let what the block asks of the card wait for the blocks before."""
        stream = torch.cuda.current_stream(self._device)
        stream.wait_event(self._done)
        try:
            yield
        finally:
            self._done.record(stream)

    def wait(self) -> None:
        """Return when the card is done with all blocks: memory may be given back."""
        self._done.synchronize()
