"""What the pages say agrees with what the package has."""

import re
from pathlib import Path

import pytest

from napari_segment_anything import __all__ as public_names
from napari_segment_anything.cli.main import main
from napari_segment_anything.cli.settings_file import job_settings
from napari_segment_anything.models.catalogue import CATALOGUE

ROOT = Path(__file__).parents[1]
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md")])

every_page = pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])


def python_blocks(page):
    return re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL)


@pytest.mark.parametrize("page", ["README.md", "docs/models.md"])
def test_every_model_is_listed_with_its_licence(page):
    rows = [
        line
        for line in (ROOT / page).read_text("utf-8").splitlines()
        if line.startswith("| `")
    ]
    for name, entry in CATALOGUE.items():
        [row] = [row for row in rows if f"`{name}`" in row.partition(" | ")[0]]
        assert entry.licence in row


@every_page
def test_python_examples_use_names_that_exist(page):
    for block in python_blocks(page):
        compile(block, page.name, "exec")
        assert set(re.findall(r"\bnsa\.(\w+)", block)) <= set(public_names)


def test_readme_installs_with_the_tested_versions_and_runs_the_demo():
    commands = re.findall(r"```sh\n(.*?)\n```", (ROOT / "README.md").read_text("utf-8"))
    assert commands[0].endswith(
        ".venv/bin/pip install -c constraints.txt . && "
        ".venv/bin/napari-segment-anything demo"
    )


def test_the_readme_tests_by_the_line_of_continuous_integration():
    commands = re.findall(r"```sh\n(.*?)\n```", (ROOT / "README.md").read_text("utf-8"))
    last_line = (ROOT / ".ci" / "run").read_text("utf-8").splitlines()[-1]
    assert commands[1] == last_line


def test_the_command_line_page_lists_every_option(capsys):
    page = (ROOT / "docs" / "command-line.md").read_text("utf-8")
    listed = set(re.findall(r"--[a-z][a-z-]*", page))
    told = set()
    for command in ("demo", "embed", "segment", "track", "correct"):
        with pytest.raises(SystemExit):
            main([command, "--help"])
        told |= set(re.findall(r"--[a-z][a-z-]*", capsys.readouterr().out))
    assert told == listed


def test_the_settings_on_the_command_line_page_are_settings(tmp_path, tiny_predictor):
    page = (ROOT / "docs" / "command-line.md").read_text("utf-8")
    [example] = re.findall(r"```toml\n(.*?)```", page, re.DOTALL)
    (tmp_path / "settings.toml").write_text(example, "utf-8")
    settings = job_settings(tmp_path / "settings.toml", tiny_predictor)
    assert settings.automatic.object_diameter == 40
    assert settings.linking is not None
    assert settings.intensity_range == (100, 4000)
