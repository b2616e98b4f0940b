"""Graphs on a CPU: what was captured is done again, into the same memory."""

import threading
from contextlib import contextmanager


class RerunGraphs:
    """Captures as `CudaGraphs` does; a test may let captures fail."""

    def __init__(self, device, *, error=None):
        self.device = device
        self.error = error
        self.n_captured = 0
        self.n_replayed = 0
        self.n_waited = 0
        self._turn = threading.Lock()

    def capture(self, work):
        answer = work()
        if self.error is not None:
            raise self.error
        self.n_captured += 1

        def replay():
            assert self._turn.locked()
            self.n_replayed += 1
            for place, value in zip(answer, work(), strict=True):
                place.copy_(value)
            return answer

        return replay

    @contextmanager
    def in_turn(self):
        assert self._turn.acquire(blocking=False), "two turns at once"
        try:
            yield
        finally:
            self._turn.release()

    def wait(self):
        assert not self._turn.locked()
        self.n_waited += 1


class Maker:
    """Makes graphs, and remembers them."""

    def __init__(self, error=None):
        self.error = error
        self.made = []

    def __call__(self, device):
        self.made.append(RerunGraphs(device, error=self.error))
        return self.made[-1]

    @property
    def n_captured(self):
        return sum(graphs.n_captured for graphs in self.made)

    @property
    def n_replayed(self):
        return sum(graphs.n_replayed for graphs in self.made)
