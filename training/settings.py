"""Sizes and lengths of a training run."""

import os
from dataclasses import dataclass, replace
from pathlib import Path

import torch


@dataclass(frozen=True)
class TrainingSettings:
    """Sizes and lengths of a run; the defaults are those of a CPU.

    ``n_workers`` processes cut crops ahead of time (0: in the training process, in
    between the steps), the prompts of ``crops_together`` crops are decoded at once,
    ``precision`` is ``"float32"``, ``"bfloat16"`` or ``"auto"``: the faster one.
    """

    minutes: float = 90.0
    max_steps: int = 10**9
    dense_share: float = 0.2
    prompt_every: int = 2
    batch_size: int = 8
    crops_together: int = 1
    fade_share: float = 0.5
    changed_share_at_end: float = 0.3
    learning_rate: float = 1.5e-3
    weight_decay: float = 0.05
    warmup_steps: int = 100
    dice_ramp_share: float = 0.12
    average_decay: float = 0.998
    evaluate_seconds: float = 900.0
    n_processes: int = 1
    n_workers: int = 0
    precision: str = "auto"
    start_from: Path | None = None
    seed: int = 0

    def changed_share(self, share: float) -> float:
        """Part of the crops whose intensities change, when so much of a run is over."""
        faded = max(0.0, 1 - (1 - share) / self.fade_share) if self.fade_share else 0.0
        return 1 - (1 - self.changed_share_at_end) * faded

    def for_device(self, device: torch.device) -> "TrainingSettings":
        """On a GPU: one process, larger batches, crops cut by the other cores."""
        if device.type == "cpu":
            return self
        return replace(
            self,
            batch_size=192,
            crops_together=192,
            average_decay=0.999,
            evaluate_seconds=240.0,
            n_processes=1,
            n_workers=max(1, (os.cpu_count() or 2) - 2),
        )
