"""Run the GUI tests on a virtual display, or offscreen where there is none.

Qt needs system libraries that pip does not bring. Where they are missing this says
so and names the packages; it fails only under continuous integration (CI is set).
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

PACKAGES = Path(__file__).with_name("display-packages.txt").read_text().split()
XVFB = ["xvfb-run", "-a", "-s", "-screen 0 1600x1200x24"]
START_QT = "from qtpy.QtWidgets import QApplication; QApplication([])"


def starts(command: list[str], environment: dict[str, str]) -> bool:
    """Whether Qt opens its display when run by this command."""
    process = subprocess.run(
        [*command, sys.executable, "-c", START_QT],
        env=environment,
        capture_output=True,
        check=False,
    )
    return process.returncode == 0


def main(arguments: list[str]) -> int:
    """Find a display, run pytest on it, return its exit code."""
    windowed = {k: v for k, v in os.environ.items() if k != "QT_QPA_PLATFORM"}
    offscreen = {**windowed, "QT_QPA_PLATFORM": "offscreen"}
    pytest = [sys.executable, "-m", "pytest", *arguments]
    if sys.platform != "linux":
        return subprocess.call(pytest, env=windowed)
    if shutil.which("xvfb-run") and starts(XVFB, windowed):
        return subprocess.call([*XVFB, *pytest], env=windowed)
    if starts([], offscreen):
        print("No virtual display (xvfb-run): GUI tests run offscreen.", flush=True)
        return subprocess.call(pytest, env=offscreen)
    print(
        "GUI tests cannot run: Qt does not start here. On Debian or Ubuntu install\n"
        f"  apt-get install {' '.join(PACKAGES)}",
        file=sys.stderr,
    )
    return 1 if os.environ.get("CI") else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
