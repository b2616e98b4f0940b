"""The house keeps its shape: who imports whom, how long a module may grow."""

import ast
import contextlib
import io
import logging
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "napari_segment_anything"
MODULES = sorted(PACKAGE.rglob("*.py"))
ROOMS = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))
MODULE_LINES = 300
CLASS_LINES = 200
NAMED_FOR_NOTHING = {"utils", "util", "helpers", "helper", "common", "misc", "tools"}
# What the inner rooms import besides the standard library, so that they run on a
# machine that has neither napari nor zarr.
ALLOWED_IMPORTS = {
    "networks": {"torch", "numpy"},
    "engine": {"torch", "numpy", "scipy"},
}

every_module = pytest.mark.parametrize(
    "module", MODULES, ids=[path.relative_to(PACKAGE).as_posix() for path in MODULES]
)


def imported_packages(tree: ast.AST) -> Iterator[str]:
    """Yield the top-level name of every absolute import, also those in functions."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.partition(".")[0]


@pytest.fixture
def loggers_stay():
    """The linter switches off all loggers that there are; later tests look at some."""
    every = logging.getLogger().manager.loggerDict.values()
    were_on = [one for one in every if isinstance(one, logging.Logger)]
    were_on = [one for one in were_on if not one.disabled]
    yield
    for one in were_on:
        one.disabled = False


def test_import_contracts_are_kept(loggers_stay):
    lint = pytest.importorskip("importlinter.cli", reason="needs import-linter")
    report = io.StringIO()
    with contextlib.redirect_stdout(report):
        exit_code = lint.lint_imports(str(ROOT / "pyproject.toml"), no_cache=True)
    assert exit_code == 0, report.getvalue()


@pytest.mark.parametrize("room", sorted(ALLOWED_IMPORTS))
def test_inner_rooms_import_on_a_bare_machine(room):
    allowed = ALLOWED_IMPORTS[room] | sys.stdlib_module_names | {PACKAGE.name}
    foreign = {
        f"{module.relative_to(PACKAGE)}: {name}"
        for module in (PACKAGE / room).rglob("*.py")
        for name in imported_packages(ast.parse(module.read_text("utf-8")))
        if name not in allowed
    }
    assert not foreign


@every_module
def test_modules_and_classes_keep_to_one_subject(module):
    source = module.read_text("utf-8")
    assert len(source.splitlines()) <= MODULE_LINES
    assert module.stem not in NAMED_FOR_NOTHING
    too_long = [
        node.name
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ClassDef)
        and (node.end_lineno or node.lineno) - node.lineno >= CLASS_LINES
    ]
    assert not too_long


@every_module
def test_no_print_and_no_assert_in_the_package(module):
    tree = ast.parse(module.read_text("utf-8"))
    found = [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Assert)
        or (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id == "print"
        )
    ]
    assert not found, f"lines {found}: raise an error of errors.py instead"


def test_every_room_has_its_tests():
    without = [
        room for room in ROOMS if not list((ROOT / "tests" / room).glob("test_*.py"))
    ]
    assert not without


def test_every_folder_of_tests_mirrors_a_room_or_a_folder_of_scripts():
    folders = {path.parent.name for path in (ROOT / "tests").glob("*/test_*.py")}
    assert folders <= {*ROOMS, "benchmarks", "training"}
