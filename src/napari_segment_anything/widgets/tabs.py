"""Docks of this package that are shown one above the other become tabs."""

from __future__ import annotations

from qtpy.QtWidgets import QDockWidget, QMainWindow, QWidget


def join_tabs(widget: QWidget, kind: type[QWidget]) -> None:
    """Let a widget's dock be a tab of another one in the same area of the window.

    Stacked, as napari adds them, each would be two rows high on a small screen.

    Parameters
    ----------
    widget : QWidget
        What is docked, at any depth.
    kind : type
        The other dock holds a widget of this class.
    """
    own = _dock_around(widget)
    if own is None or own.isFloating():
        return
    window = own.parentWidget()
    if not isinstance(window, QMainWindow):
        return
    area = window.dockWidgetArea(own)
    for other in window.findChildren(QDockWidget):
        if other is own or other.isFloating() or not other.isVisible():
            continue
        is_ours = any(isinstance(one, kind) for one in other.findChildren(QWidget))
        if is_ours and window.dockWidgetArea(other) == area:
            window.tabifyDockWidget(other, own)
            own.raise_()
            return


def _dock_around(widget: QWidget) -> QDockWidget | None:
    around = widget.parentWidget()
    while around is not None and not isinstance(around, QDockWidget):
        around = around.parentWidget()
    return around
