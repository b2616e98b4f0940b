"""Batches of random crops."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from .crops import STRIDE, Crop, cut_crop
from .planes import Plane
from .processor import Processor
from .targets import ObjectTable, Targets, make_targets, measure_objects


@dataclass(frozen=True)
class Batch:
    """Crops of one step, on one device.

    ``images`` uint8 (B, 3, S, S), ``is_inside`` (B, S, S), ``labels`` (B, S / 2, S / 2)
    of 1 to n in each crop, ``origins`` (B, 2).
    """

    images: Tensor
    is_inside: Tensor
    labels: Tensor
    origins: Tensor

    def __len__(self) -> int:
        return len(self.images)

    @classmethod
    def collate(cls, crops: Sequence[Crop]) -> "Batch":
        """Stack crops."""
        return cls(
            torch.stack([crop.image for crop in crops]),
            torch.stack([crop.is_inside for crop in crops]),
            torch.stack([crop.labels for crop in crops]),
            torch.stack([crop.origin for crop in crops]),
        )

    def moved(self, processor: Processor) -> "Batch":
        """Bring the batch to the device."""
        return Batch(
            processor.move(self.images),
            processor.move(self.is_inside),
            processor.move(self.labels),
            processor.move(self.origins),
        )

    def low_res_inside(self) -> Tensor:
        """Low-resolution pixels (B, h, w) that show the plane, 0 or 1."""
        return self.is_inside[:, ::STRIDE, ::STRIDE].float()

    def truth(self) -> tuple[ObjectTable, Targets]:
        """Measure the objects; what the dense heads are to say."""
        objects = measure_objects(self.labels)
        return objects, make_targets(self.labels, objects)


class CropStream(IterableDataset[Crop]):
    """Random crops without end; every worker has a random sequence of its own.

    ``changed_share`` () is shared with the workers: of crops whose intensities change.
    """

    def __init__(
        self,
        planes: list[Plane],
        weights: np.ndarray,
        seed: Sequence[int],
        changed_share: Tensor,
    ) -> None:
        self.planes, self.weights, self.seed = planes, weights, tuple(seed)
        self.changed_share = changed_share.share_memory_()

    def __iter__(self) -> Iterator[Crop]:
        worker = get_worker_info()
        # From 1: a seed that ends with 0 is the same as one without it.
        number = 1 + (worker.id if worker else 0)
        generator = np.random.default_rng((*self.seed, number))
        while True:
            plane = self.planes[generator.choice(len(self.planes), p=self.weights)]
            share = float(self.changed_share)
            yield cut_crop(plane, generator, changed_share=share)


def sample_batches(
    planes: list[Plane],
    weights: np.ndarray,
    seed: Sequence[int],
    batch_size: int,
    n_workers: int = 0,
    changed_share: Tensor | None = None,
) -> Iterator[Batch]:
    """Cut crops when they are asked for, or ahead of time in worker processes.

    ``changed_share`` () may be changed at any time, see `CropStream`; by default 1.

    The order depends on the seed, the size and the number of workers only.
    """
    shared = torch.ones(()) if changed_share is None else changed_share
    loader: DataLoader[Crop] = DataLoader(
        CropStream(planes, weights, seed, shared),
        batch_size=batch_size,
        num_workers=n_workers,
        # A few batches ahead at most: queues are bounded.
        prefetch_factor=3 if n_workers else None,
        collate_fn=Batch.collate,
    )
    return iter(loader)
