"""Keys of the dock, bound wherever the user may be.

napari itself leaves G, H, J, K, N, Q, U and W free on every kind of layer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

ACCEPT_KEY = "N"
CLEAR_KEY = "Q"
UNDO_KEY = "U"
TURN_KEY = "W"
BOX_KEY = "G"


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
        target.bind_key(key, _without_argument(action), overwrite=True)


def unbind_keys(target: Any, actions: Mapping[str, Callable[[], None]]) -> None:
    """Release keys that `bind_keys` bound."""
    for key in actions:
        target.bind_key(key, None, overwrite=True)


def with_key(text: str, key: str) -> str:
    """Return the text of a button that a key presses too."""
    return f"{text} ({key})"


def _without_argument(action: Callable[[], None]) -> Callable[[Any], None]:
    def call(_target: Any) -> None:
        action()

    return call
