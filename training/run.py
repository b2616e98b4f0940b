"""State of a training run: weights, optimiser, clock, checkpoints."""

import copy
import logging
import math
import time
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor, distributed
from torch.optim.swa_utils import get_ema_multi_avg_fn

from napari_segment_anything.networks.config import CONFIGS
from napari_segment_anything.networks.sam import Sam
from napari_segment_anything.networks.state_dict import load_into

from .initialise import initialise
from .processor import CPU, WORTHWHILE_GAIN, Processor, bfloat16_gain
from .settings import TrainingSettings

log = logging.getLogger("training")


class Run:
    """State of a run: weights, their running average, optimiser, time and steps."""

    def __init__(
        self,
        settings: TrainingSettings,
        output: Path,
        device: torch.device = CPU,
    ) -> None:
        torch.manual_seed(settings.seed)
        self.settings, self.output = settings, output
        self.sam = Sam(CONFIGS["nano"])
        initialise(self.sam)
        self.steps_before = 0
        if settings.start_from is not None:
            load_what_fits(self.sam, load_file(settings.start_from))
            self.steps_before = steps_of(settings.start_from)
        self.sam.to(device)
        # torch's stubs know this argument only beside others.
        self.sam.image_encoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = copy.deepcopy(self.sam).eval()
        decayed = [p for p in self.sam.parameters() if p.ndim > 1]
        others = [p for p in self.sam.parameters() if p.ndim <= 1]
        self.optimiser = torch.optim.AdamW(
            [
                {"params": decayed, "weight_decay": settings.weight_decay},
                {"params": others, "weight_decay": 0.0},
            ],
            lr=settings.learning_rate,
            betas=(0.9, 0.98),
            fused=device.type == "cuda",
        )
        self.processor = Processor(device)
        self.changed_share = torch.ones(())
        self.step, self.seconds = 0, 0.0
        self._last_tick = time.perf_counter()
        self.checkpoint = output / "checkpoint.pt"

    @property
    def share(self) -> float:
        """How much of the run is over, 0 to 1."""
        by_steps = self.step / self.settings.max_steps
        return max(by_steps, self.seconds / 60 / self.settings.minutes)

    def save(self) -> None:
        """Write a checkpoint atomically."""
        state = {
            "sam": self.sam.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "step": self.step,
            "seconds": self.seconds,
        }
        partial = self.checkpoint.with_suffix(".partial")
        torch.save(state, partial)
        partial.replace(self.checkpoint)

    def resume(self) -> None:
        """Go on from the last checkpoint, if there is one."""
        if not self.checkpoint.exists():
            return
        state = torch.load(
            self.checkpoint, weights_only=True, map_location=self.processor.device
        )
        self.sam.load_state_dict(state["sam"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.step, self.seconds = state["step"], state["seconds"]
        log.info("resumed at step %d, %.0f s", self.step, self.seconds)

    def choose_precision(self) -> None:
        """Use bfloat16 in the encoder if asked to, or if a short trial is faster."""
        device, precision = self.processor.device, self.settings.precision
        is_fast = precision == "bfloat16"
        if precision == "auto":
            gain = torch.tensor([bfloat16_gain(self.sam.image_encoder, device)])
            if self.settings.n_processes > 1:  # one choice for all
                distributed.all_reduce(gain)
                gain /= self.settings.n_processes
            is_fast = float(gain) > WORTHWHILE_GAIN
            log.info(
                "the encoder under bfloat16 is %.2f times as fast: %s",
                float(gain),
                "used" if is_fast else "not used",
            )
        self.processor = Processor(device, is_fast)

    def set_learning_rate(self) -> None:
        """Linear warm-up, then a cosine to nearly nothing."""
        warm = min(1.0, (self.step + 1) / self.settings.warmup_steps)
        cosine = 0.5 * (1 + math.cos(math.pi * min(self.share, 1.0)))
        for group in self.optimiser.param_groups:
            group["lr"] = self.settings.learning_rate * warm * max(cosine, 0.01)

    def update_average(self) -> None:
        """Move the averaged weights towards the current ones."""
        decay = min(self.settings.average_decay, (self.step + 1) / (self.step + 10))
        pairs = list(zip(_values(self.average), _values(self.sam), strict=True))
        # All at once: on a GPU each call costs more than the arithmetic.
        averaged = [pair for pair in pairs if pair[0].is_floating_point()]
        get_ema_multi_avg_fn(decay)(*map(list, zip(*averaged, strict=True)), 0)
        for value, current in pairs:
            if not value.is_floating_point():
                value.copy_(current)

    def start_clock(self) -> None:
        """Count time from now on."""
        self._last_tick = time.perf_counter()

    def synchronise(self) -> None:
        """Average gradients and the time spent over the processes.

        All processes see the same clock afterwards, and so stop at the same step.
        """
        now = time.perf_counter()
        elapsed, self._last_tick = now - self._last_tick, now
        if self.settings.n_processes == 1:
            self.seconds += elapsed
            return
        # A process whose prompts did not need some part of the model has no gradient.
        parameters = list(self.sam.parameters())
        for parameter in parameters:
            if parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)
        gradients = [p.grad for p in parameters if p.grad is not None]
        flat = torch.cat([g.flatten() for g in gradients] + [torch.tensor([elapsed])])
        distributed.all_reduce(flat)
        flat /= self.settings.n_processes
        self.seconds += float(flat[-1])
        at = 0
        for gradient in gradients:
            gradient.copy_(flat[at : at + gradient.numel()].view_as(gradient))
            at += gradient.numel()


def steps_of(weights: Path) -> int:
    """How many steps made a file of weights."""
    with safe_open(weights, "pt") as file:
        return int((file.metadata() or {}).get("steps", 0))


def _values(sam: Sam) -> list[Tensor]:
    """Parameters and what else changes in training."""
    return [*(p.detach() for p in sam.parameters()), *sam.buffers()]


def load_what_fits(sam: Sam, state: Mapping[str, Tensor]) -> None:
    """Load weights, perhaps of an earlier architecture that lacks some parts."""
    own = sam.state_dict()
    kept = {key: state[key] for key in own if key in state}
    for key in own.keys() - kept.keys():
        log.info("%s is not among the weights to start from", key)
    load_into(sam, own | kept)
