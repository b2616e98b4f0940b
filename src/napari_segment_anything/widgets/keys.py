"""Keys of the dock, bound wherever the user may be.

napari itself leaves G, H, J, K, N, Q, U and W free on every kind of layer, alone and
with Shift.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

ACCEPT_KEY = "N"
CLEAR_KEY = "Q"
DELETE_KEY = "Shift+Q"
UNDO_KEY = "U"
REDO_KEY = "Shift+U"
TURN_KEY = "W"
BOX_KEY = "G"
SIZE_KEY = "K"
NEXT_KEY = "J"
PREVIOUS_KEY = "Shift+J"
MERGE_KEY = "Shift+W"
SPLIT_KEY = "Shift+G"
DOUBTFUL_KEY = "Shift+K"
OTHER_WAY_KEY = "Shift+N"
HOVER_KEY = "H"
TURBO_KEY = "Shift+H"

# On our own layers the usual keys do what they do elsewhere; the layer's own undo
# knows neither prompts nor which object a pixel belongs to.
USUAL_UNDO_KEY = "Control-Z"
USUAL_REDO_KEY = "Control-Shift-Z"


@dataclass(frozen=True)
class KeyHelp:
    """One line of the cheat sheet."""

    key: str
    action: str


CHEAT_SHEET = (
    KeyHelp("Left click", "A point inside of the object; on a finished one: open it"),
    KeyHelp("Right click", "A point outside of the object; so is Alt and a click"),
    KeyHelp(ACCEPT_KEY, "Accept the outlined mask and begin the next object"),
    KeyHelp(SIZE_KEY, "Another size of a single click: small, medium, large, best"),
    KeyHelp(TURN_KEY, "Left clicks are inside, or outside"),
    KeyHelp(BOX_KEY, "Drag boxes instead of clicking, or click again"),
    KeyHelp(CLEAR_KEY, "Clear the prompts of this plane"),
    KeyHelp(UNDO_KEY, "Undo, over prompts and objects on every plane"),
    KeyHelp(REDO_KEY, "Redo"),
    KeyHelp(NEXT_KEY, "Open the next finished object"),
    KeyHelp(PREVIOUS_KEY, "Open the previous finished object"),
    KeyHelp(DELETE_KEY, "Delete the object that is open"),
    KeyHelp(MERGE_KEY, "Merge the open object with those that points lie on"),
    KeyHelp(SPLIT_KEY, "Split the open object between points, or along a line"),
    KeyHelp(DOUBTFUL_KEY, "Review: open the next doubtful object"),
    KeyHelp(
        OTHER_WAY_KEY,
        "Accept this object over others; with “May overwrite”: beside them",
    ),
    KeyHelp(HOVER_KEY, "Show the mask under the mouse before a click"),
    KeyHelp(TURBO_KEY, "Turbo: each click is an object at once"),
)


def bind_keys(target: Any, actions: Mapping[str, Callable[[], None]]) -> None:
    """Bind keys on a viewer or a layer; a layer's keys win over the viewer's.

    Parameters
    ----------
    target : Viewer or Layer
        Where the keys are heard.
    actions : mapping of str to callable
        What each key does.
    """
    for key, action in actions.items():
        target.bind_key(_as_napari(key), _without_argument(action), overwrite=True)


def unbind_keys(target: Any, keys: Iterable[str]) -> None:
    """Release keys that `bind_keys` bound."""
    for key in keys:
        target.bind_key(_as_napari(key), None, overwrite=True)


def with_key(text: str, key: str) -> str:
    """Return the text of a button that a key presses too."""
    return f"{text} ({key})"


def _as_napari(key: str) -> str:
    return key.replace("+", "-")


def _without_argument(action: Callable[[], None]) -> Callable[[Any], None]:
    def call(_target: Any) -> None:
        action()

    return call
