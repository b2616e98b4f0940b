"""Work that a card does beside what its caller goes on to ask of it."""

import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable

import torch

from napari_segment_anything.engine.cuda_graphs import Decoded


# One for each thread: what a stream has asked for is kept for that stream, so that
# ever new ones would take ever more memory.
class _Own(threading.local):
    def __init__(self) -> None:
        self.streams: dict[torch.device, torch.cuda.Stream] = {}


_OWN = _Own()


def answered_ahead(
    device: torch.device, works: Iterable[Callable[[], Decoded]]
) -> Generator[Decoded, None, None]:
    """Do works in turn, on a card each while its caller uses the answer before.

    Parameters
    ----------
    device : torch.device
        Where they are done. A CPU does each when its answer is asked for.
    works : iterable of callable
        Return tensors. They may read what the caller's stream has been asked for.

    Yields
    ------
    tuple
        Two tensors, for the caller's stream, which waits for them; the caller does not.
        Close the generator where not all answers are wanted.
    """
    begun: deque[Callable[[], Decoded]] = deque()
    try:
        for work in works:
            begun.append(_begun(device, work))
            if len(begun) > 1:
                yield begun.popleft()()
        if begun:
            yield begun.popleft()()
    finally:
        # A caller that stops early goes on behind what was begun, too: the decoder
        # keeps what it made there for the next prompt on the same image.
        if device.type == "cuda":
            torch.cuda.current_stream(device).wait_stream(_stream(device))


def _begun(device: torch.device, work: Callable[[], Decoded]) -> Callable[[], Decoded]:
    if device.type != "cuda":
        return work
    stream = _stream(device)
    stream.wait_stream(torch.cuda.current_stream(device))
    with torch.cuda.stream(stream):
        answer = work()
        done = stream.record_event()

    def joined() -> Decoded:
        caller = torch.cuda.current_stream(device)
        caller.wait_event(done)
        for tensor in answer:
            # Where memory ran out, the CPU has answered.
            if tensor.is_cuda:
                tensor.record_stream(caller)
        return answer

    return joined


def _stream(device: torch.device) -> torch.cuda.Stream:
    if device not in _OWN.streams:
        _OWN.streams[device] = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
    return _OWN.streams[device]
