"""Networks on a device, which make do with less when its memory runs out."""

import os
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import torch

from napari_segment_anything.engine.cuda_graphs import CudaGraphs
from napari_segment_anything.engine.device import describe_device
from napari_segment_anything.engine.graphed_decoder import GraphedDecoder, Graphs
from napari_segment_anything.engine.memory import (
    OutOfDeviceMemoryError,
    finish_work,
    memory_guard,
    release_memory,
)
from napari_segment_anything.networks.inference import prepare_for_inference
from napari_segment_anything.networks.sam import Sam

GRAPHS_VARIABLE = "NAPARI_SEGMENT_ANYTHING_GRAPHS"

T = TypeVar("T")


class PlacedSam:
    """A model on its device; predictors that share it fall back together.

    When memory runs out, fewer items are worked on at once, down to one; then the
    image's side is computed in half precision, and at last all of it on the CPU, in
    the precision it had. Each step is said in a warning and holds from then on. Threads
    may work at the same time; a step waits until none of them does.

    Parameters
    ----------
    sam : Sam
        Networks in evaluation mode; they are moved to the device.
    device : torch.device
        Where they run at first.
    graphs_on : callable
        Makes what captures the decoder's steps on a card, if the environment variable
        ``NAPARI_SEGMENT_ANYTHING_GRAPHS`` is not ``0``.
    """

    def __init__(
        self,
        sam: Sam,
        device: torch.device,
        graphs_on: Callable[[torch.device], Graphs] = CudaGraphs,
    ) -> None:
        self.sam = sam.eval()
        self.device = device
        self._graphed: GraphedDecoder | None = None
        is_wanted = os.environ.get(GRAPHS_VARIABLE) != "0"
        if is_wanted and device.type == "cuda" and sam.config.has_fixed_steps:
            self._graphed = GraphedDecoder(sam, graphs_on)
        self._most: dict[str, int] = {}
        self._exact: dict[str, torch.Tensor] | None = None
        self._n_steps = 0
        self._n_working = 0
        self._n_stepping = 0
        self._changed = threading.Condition()
        try:
            with memory_guard(device):
                sam.to(device)
        except OutOfDeviceMemoryError:
            if device.type == "cpu":
                raise
        else:
            return
        # Only here is the error gone, and with it what its frames held.
        told = f"{describe_device(device)} has too little free memory for the model"
        warnings.warn(f"{told}; going on on the CPU, many times slower.", stacklevel=4)
        self._move_to_cpu()

    def run(self, work: Callable[[slice], T], n: int, what: str) -> list[T]:
        """Do work on n items, on as many at once as the memory allows.

        Parameters
        ----------
        work : callable
            Is given which of the items, and asks for `sam` and `device` itself.
        n : int
            Number of items; of none, work is done once.
        what : str
            Name of the items for people.

        Returns
        -------
        list
            What the work returned for each part, in the order of the items.

        Raises
        ------
        OutOfDeviceMemoryError
            A single item does not fit into the memory of the CPU.
        """
        results: list[T] = []
        start = 0
        while start < n or not results:
            size = min(n - start, self._most.get(what, n))
            n_steps = self._n_steps
            try:
                with self._working(), torch.inference_mode(), memory_guard(self.device):
                    results.append(work(slice(start, start + size)))
            except OutOfDeviceMemoryError:
                if size <= 1 and self.device.type == "cpu":
                    raise
            else:
                start += max(1, size)
                continue
            # Only here is the error gone, and with it what its frames held.
            with self._alone():
                # Another thread may have made room in the meantime.
                if n_steps == self._n_steps:
                    self._make_do(size, what)
        return results

    def decode(
        self,
        embedding: torch.Tensor,
        *,
        multimask: bool = True,
        maps: torch.Tensor | None = None,
        iou_floor: float | None = None,
        **prompts: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Answer prompts on one image within `run`; see `Sam.decode`.

        On a card the decoder's steps are launched together where they are always the
        same. They are not with a floor, for which the card would wait for the CPU.
        """
        if self._graphed is not None and iou_floor is None:
            return self._graphed.decode(embedding, multimask=multimask, **prompts)
        return self.sam.decode(
            embedding, multimask=multimask, maps=maps, iou_floor=iou_floor, **prompts
        )

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Wait until no thread works, nor the device on what one has asked for."""
        with self._changed:
            # Or threads that take turns would never leave a gap.
            self._n_stepping += 1
            try:
                self._changed.wait_for(lambda: not self._n_working)
                device = self.device
                finish_work(device)
                yield
                # Others have streams of their own, which do not wait for this one.
                finish_work(device)
            finally:
                self._n_stepping -= 1
                self._changed.notify_all()

    @contextmanager
    def _working(self) -> Iterator[None]:
        with self._changed:
            self._changed.wait_for(lambda: not self._n_stepping)
            self._n_working += 1
        try:
            yield
        finally:
            with self._changed:
                self._n_working -= 1
                self._changed.notify_all()

    def _make_do(self, size: int, what: str) -> None:
        self._n_steps += 1
        before = describe_device(self.device)
        if self._graphed is not None:
            self._graphed.clear()
        release_memory(self.device)
        if size > 1:
            self._most[what] = size // 2
            told = f"going on with {size // 2} at once, which takes longer"
        else:
            self._most.clear()
            if self._exact is None and not self._is_half:
                told = "going on in half precision, which moves few pixels of a mask"
                self._halve()
            else:
                told = "going on on the CPU, many times slower"
                self._move_to_cpu()
        amount = f"{size} {what} at once" if size > 1 else f"{what} one by one"
        warnings.warn(
            f"{before} ran out of memory with {amount}; {told}.",
            stacklevel=4,
        )

    @property
    def _is_half(self) -> bool:
        return next(self.sam.image_encoder.parameters()).dtype == torch.bfloat16

    def _halve(self) -> None:
        encoder = self.sam.image_encoder
        # For the CPU, should it come to that: rounded weights cannot be restored.
        self._exact = {name: x.cpu() for name, x in encoder.state_dict().items()}
        prepare_for_inference(self.sam, torch.bfloat16)

    def _move_to_cpu(self) -> None:
        self.sam.to("cpu")
        if self._exact is not None:
            self.sam.image_encoder.float().load_state_dict(self._exact)
            self.sam.mask_decoder.image_dtype = torch.float32
            self._exact = None
        release_memory(self.device)
        self._graphed = None
        self.device = torch.device("cpu")
