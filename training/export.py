"""From a checkpoint to the file that ships: averaged weights, half precision.

python -m training.export runs/nano/checkpoint.pt nano.safetensors
"""

import argparse
from pathlib import Path

import torch
from safetensors.torch import save_file

from napari_segment_anything.networks.config import CONFIGS
from napari_segment_anything.networks.sam import Sam


def export(sam: Sam, target: Path, *, steps: int) -> None:
    """Write the weights as float16 safetensors, atomically."""
    state = {
        name: (value.half() if value.is_floating_point() else value).cpu().contiguous()
        for name, value in sam.state_dict().items()
    }
    metadata = {"architecture": sam.config.name, "steps": str(steps)}
    partial = target.with_suffix(".partial")
    save_file(state, partial, metadata=metadata)
    partial.replace(target)


def main() -> None:
    """Export the averaged weights of a checkpoint."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("target", type=Path)
    arguments = parser.parse_args()
    state = torch.load(arguments.checkpoint, weights_only=True, map_location="cpu")
    sam = Sam(CONFIGS["nano"])
    sam.load_state_dict(state["average"])
    export(sam, arguments.target, steps=state["step"])


if __name__ == "__main__":
    main()
