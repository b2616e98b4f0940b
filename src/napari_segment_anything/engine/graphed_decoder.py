"""Prompts whose decoding a card does not have to be told step by step.

A card works through the steps of a decoder faster than they are launched one by one.
Where the steps depend on nothing but the shapes of what is asked, they are captured and
from then on launched all at once.
"""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Protocol

import torch
from torch import Tensor

from napari_segment_anything.engine.cuda_graphs import CudaGraphs, Decoded, Work
from napari_segment_anything.networks.sam import Sam

_LOG = logging.getLogger(__name__)

# As many as everything mode asks at once; the masks of more take too much memory.
_MOST_PROMPTS = 64
_N_KEPT = 8
_N_COUNTED = 64
# To capture takes longer than to decode several times: not for shapes that come once,
# nor to and fro where there are more shapes than graphs are kept.
_N_TO_CAPTURE = 2
_N_TO_DISPLACE = 8


class Graphs(Protocol):
    """What captures work; see `CudaGraphs`."""

    def capture(self, work: Work) -> Work:
        """Record work that reads and writes the same memory each time."""

    def in_turn(self) -> AbstractContextManager[None]:
        """Order blocks that replay, and read or write that memory."""

    def wait(self) -> None:
        """Return when all blocks are done."""


@dataclass(frozen=True, eq=False)
class _Captured:
    """Steps that read ``inputs``, by name, whose contents are replaced each time."""

    inputs: dict[str, Tensor]
    replay: Work
    graphs: Graphs


class GraphedDecoder:
    """Decodes prompts with a model, from the second request of a shape on as a graph.

    Graphs read the weights in their place: weights may change, and when others come
    in their place, all graphs are dropped. If a capture fails, for whatever reason,
    everything is decoded step by step from then on. Threads may share one.

    Parameters
    ----------
    sam : Sam
        On its device, with ``config.has_fixed_steps``.
    graphs_on : callable
        Makes what captures on a device.
    """

    def __init__(
        self, sam: Sam, graphs_on: Callable[[torch.device], Graphs] = CudaGraphs
    ) -> None:
        self._sam = sam
        self._graphs_on = graphs_on
        self._lock = threading.Lock()
        self._is_off = False
        self._forget()

    def _forget(self) -> None:
        self._weights: tuple[int, ...] = ()
        self._graphs: Graphs | None = None
        self._captured: OrderedDict[Hashable, _Captured] = OrderedDict()
        self._n_asked: OrderedDict[Hashable, int] = OrderedDict()

    def clear(self) -> None:
        """Drop all graphs, and give back their memory."""
        with self._lock:
            self._clear()

    def decode(
        self, embedding: Tensor, *, multimask: bool = True, **prompts: Tensor
    ) -> Decoded:
        """Answer prompts in inference mode, as `Sam.decode` does.

        Parameters
        ----------
        embedding : Tensor, (1, C, h, w)
        multimask : bool
        **prompts : Tensor
            ``points_xy``, ``point_labels``, ``boxes_xyxy`` and ``masks``, where given.
        """
        if torch.is_inference_mode_enabled():
            given = {"embedding": embedding, **prompts}
            with self._lock:
                captured = self._find(given, multimask)
                if captured is not None:
                    return _replayed(captured, given)
        return self._steps(embedding, multimask, prompts)

    def _steps(
        self, embedding: Tensor, multimask: bool, prompts: dict[str, Tensor]
    ) -> Decoded:
        return self._sam.decode(
            embedding, multimask=multimask, iou_floor=None, **prompts
        )

    def _find(self, given: dict[str, Tensor], multimask: bool) -> _Captured | None:
        """Return the graph for such a request, if it is worth one."""
        n_prompts = max(len(x) for x in given.values())
        if self._is_off or n_prompts > _MOST_PROMPTS:
            return None
        weights = _addresses(self._sam)
        if weights != self._weights:
            self._clear()
            self._weights = weights
        form = (
            multimask,
            self._sam.mask_decoder.image_dtype,
            *((name, x.shape, x.dtype, x.device) for name, x in sorted(given.items())),
        )
        captured = self._captured.get(form)
        if captured is not None:
            self._captured.move_to_end(form)
            return captured
        n_asked = self._n_asked.pop(form, 0) + 1
        is_full = len(self._captured) >= _N_KEPT
        if n_asked < (_N_TO_DISPLACE if is_full else _N_TO_CAPTURE):
            self._n_asked[form] = n_asked
            if len(self._n_asked) > _N_COUNTED:
                self._n_asked.popitem(last=False)
            return None
        try:
            captured = self._capture(given, multimask)
        except Exception as error:  # noqa: BLE001 a prompt is answered all the same
            _LOG.warning(
                "Prompts are decoded step by step, which takes longer: they could not "
                "be captured as a CUDA graph (%s).",
                error,
            )
            self._is_off = True
            with suppress(RuntimeError):
                self._clear()
            self._forget()
            return None
        self._captured[form] = captured
        return captured

    def _capture(self, given: dict[str, Tensor], multimask: bool) -> _Captured:
        graphs = self._graphs = self._graphs or self._graphs_on(
            given["embedding"].device
        )
        if len(self._captured) >= _N_KEPT:
            graphs.wait()
            self._captured.popitem(last=False)
        inputs = {
            name: x.clone(memory_format=torch.contiguous_format)
            for name, x in given.items()
        }
        work = partial(self._decode_in_place, inputs, multimask)
        return _Captured(inputs, graphs.capture(work), graphs)

    def _decode_in_place(self, inputs: dict[str, Tensor], multimask: bool) -> Decoded:
        prompts = dict(inputs)
        # A view is another tensor each time, of which the decoder has kept nothing: so
        # what it would keep of an image becomes a part of the graph.
        embedding = prompts.pop("embedding").view_as(inputs["embedding"])
        return self._steps(embedding, multimask, prompts)

    def _clear(self) -> None:
        if self._graphs is not None:
            self._graphs.wait()
        self._forget()


def _replayed(captured: _Captured, given: dict[str, Tensor]) -> Decoded:
    with captured.graphs.in_turn():
        for name, x in given.items():
            captured.inputs[name].copy_(x)
        logits, iou = captured.replay()
        return logits.clone(), iou.clone()


def _addresses(sam: Sam) -> tuple[int, ...]:
    """Where in memory the weights are that prompts are decoded with."""
    return tuple(
        x.data_ptr()
        for part in (sam.prompt_encoder, sam.mask_decoder)
        for x in chain(part.parameters(), part.buffers())
    )
