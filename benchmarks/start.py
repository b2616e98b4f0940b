"""How long the package takes to be imported, and to load the bundled model."""

import os
import statistics
import subprocess
import sys
import tempfile

_CODES = {
    "import_package_s": ("", "import napari_segment_anything as package"),
    "load_bundled_after_torch_s": (
        "import torch, safetensors.torch; ",
        "import napari_segment_anything.models.load as m; m.load_model('nano')",
    ),
}


def start_seconds(n_rounds: int) -> dict[str, float]:
    """Time importing the package, and loading the bundled model after torch.

    Each in a process of its own, after one that writes the bytecode: an installed
    package has it, a checkout may be told to write none.
    """
    result = {}
    with tempfile.TemporaryDirectory() as bytecode:
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": bytecode}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        for name, (prelude, code) in _CODES.items():
            program = (
                f"import time; {prelude}start = time.perf_counter(); {code}; "
                "print(time.perf_counter() - start)"
            )
            command = [sys.executable, "-c", program]
            seconds = [
                float(subprocess.check_output(command, env=environment))
                for _ in range(n_rounds + 1)
            ]
            result[name] = statistics.median(seconds[1:])
            print(f"{name:<36} {result[name] * 1e3:10.1f} ms", flush=True)
    return result
