"""Crops with what is to be learnt from them, one by one and in batches."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from .crops import STRIDE, Crop, cut_crop
from .planes import Plane
from .processor import Processor
from .targets import Targets, make_targets


@dataclass(frozen=True)
class Sample:
    """One crop and its truth."""

    crop: Crop
    targets: Targets

    @classmethod
    def of(cls, crop: Crop) -> "Sample":
        """Compute the truth of a crop."""
        return cls(crop, make_targets(crop.labels))


class SampleStream(IterableDataset[Sample]):
    """Random crops without end; every worker has a random sequence of its own."""

    def __init__(
        self, planes: list[Plane], weights: np.ndarray, seed: Sequence[int]
    ) -> None:
        self.planes, self.weights, self.seed = planes, weights, tuple(seed)

    def __iter__(self) -> Iterator[Sample]:
        worker = get_worker_info()
        # From 1: a seed that ends with 0 is the same as one without it.
        number = 1 + (worker.id if worker else 0)
        generator = np.random.default_rng((*self.seed, number))
        while True:
            plane = self.planes[generator.choice(len(self.planes), p=self.weights)]
            yield Sample.of(cut_crop(plane, generator))


def sample_planes(
    planes: list[Plane], weights: np.ndarray, seed: Sequence[int], n_workers: int = 0
) -> Iterator[Sample]:
    """Cut crops when they are asked for, or ahead of time in worker processes.

    The order depends on the seed and the number of workers only.
    """
    stream = SampleStream(planes, weights, seed)
    # A few batches ahead at most: queues are bounded.
    ahead = 16 if n_workers else None
    loader: DataLoader[Sample] = DataLoader(
        stream,
        batch_size=None,
        num_workers=n_workers,
        prefetch_factor=ahead,
        collate_fn=_as_it_is,
    )
    return iter(loader)


def _as_it_is(sample: Any) -> Any:
    return sample


@dataclass(frozen=True)
class Batch:
    """Crops of one step: tensors on the device, targets where prompts are simulated.

    ``images`` (B, 3, S, S), ``inside`` (B, S, S), ``labels`` (B, S / 2, S / 2) and
    ``truth`` of the dense heads.
    """

    images: Tensor
    inside: Tensor
    labels: Tensor
    truth: dict[str, Tensor]
    targets: list[Targets]
    origins: list[tuple[int, int]]

    @classmethod
    def collate(cls, samples: Sequence[Sample], processor: Processor) -> "Batch":
        """Stack samples and bring them to the device."""
        targets = [sample.targets for sample in samples]
        inside = torch.stack([sample.crop.is_inside for sample in samples])
        labels = torch.from_numpy(np.stack([t.labels for t in targets]))
        truth = {
            name: torch.from_numpy(np.stack([getattr(t, name) for t in targets]))
            for name in ("boundary", "centre", "offset", "weight")
        }
        truth["foreground"] = (labels > 0).float()
        truth["inside"] = inside[:, ::STRIDE, ::STRIDE].float()
        return cls(
            processor.move(torch.stack([sample.crop.image for sample in samples])),
            processor.move(inside),
            processor.move(labels),
            {name: processor.move(values) for name, values in truth.items()},
            targets,
            [sample.crop.origin for sample in samples],
        )
