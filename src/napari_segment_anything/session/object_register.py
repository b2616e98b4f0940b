"""Which objects there are, where they lie, and the next free id."""

from __future__ import annotations

from typing import TYPE_CHECKING

from napari_segment_anything.session.extents import Extents
from napari_segment_anything.session.objects import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from napari_segment_anything.session.history import Change
    from napari_segment_anything.session.objects import AcceptedObject, ObjectKey
    from napari_segment_anything.session.pixel_edit import PixelEdit
    from napari_segment_anything.session.planes import PlaneId


class ObjectRegister:
    """Objects by id and plane, and the next id that nobody uses.

    Attributes
    ----------
    extents : Extents
        Where each of them can have pixels.
    """

    def __init__(self) -> None:
        self.extents = Extents()
        # A movie may have a hundred thousand objects: nothing that is asked at a click
        # goes through all of them.
        self._on: dict[PlaneId, dict[int, AcceptedObject]] = {}
        self._planes: dict[int, set[PlaneId]] = {}
        self._unseen: set[ObjectKey] = set()
        self._next_id = 1

    def __len__(self) -> int:
        return len(self._planes)

    def __contains__(self, object_id: int) -> bool:
        return object_id in self._planes

    def get(self, object_id: int | None, plane: PlaneId) -> AcceptedObject | None:
        """Return an object on a plane, None when nothing is known of it there."""
        return None if object_id is None else self._on.get(plane, {}).get(object_id)

    def slices_of(self, object_id: int) -> list[AcceptedObject]:
        """Return an object on each of its planes."""
        planes = self._planes.get(object_id, ())
        return sorted((self._on[plane][object_id] for plane in planes), key=_order)

    def on(self, plane: PlaneId) -> list[AcceptedObject]:
        """Return the objects of a plane in the order of their ids."""
        return sorted(self._on.get(plane, {}).values(), key=_order)

    def by_plane(self) -> dict[PlaneId, list[AcceptedObject]]:
        """Return the objects of each plane, for a job that must not see changes."""
        return {plane: list(there.values()) for plane, there in self._on.items()}

    @property
    def has_doubtful(self) -> bool:
        """Whether there is something that nobody has looked at."""
        return bool(self._unseen)

    def doubtful(self, plane: PlaneId | None) -> list[AcceptedObject]:
        """Return what nobody has looked at, first of a plane, most doubtful first."""
        unseen = [self._on[place][object_id] for object_id, place in self._unseen]
        return sorted(unseen, key=lambda o: (o.plane != plane, -o.doubt, *_order(o)))

    def in_order(self) -> list[AcceptedObject]:
        """Return all objects, plane by plane, in the order of their ids."""
        known = (one for here in self._on.values() for one in here.values())
        return sorted(known, key=_order)

    @property
    def next_id(self) -> int:
        """Smallest id above all that were ever used."""
        return self._next_id

    def continue_from(self, next_id: int) -> None:
        """Hand out this id next, whichever were used before."""
        self._next_id = next_id

    def change(self, changes: Mapping[ObjectKey, Change]) -> None:
        """Take over what a step changed; ids that were handed out stay used."""
        for key, (_, new) in changes.items():
            self._forget(key)
            if new is not None:
                self._know(new)
            self.reserve(key[0])

    def reserve(self, used_id: int) -> None:
        """Never hand out this id or a smaller one: someone painted with it."""
        self._next_id = max(self._next_id, int(used_id) + 1)

    def note_painted(self, edit: PixelEdit, axes: str, plane: PlaneId) -> None:
        """Remember where somebody painted by hand, and with which ids.

        Parameters
        ----------
        edit : PixelEdit
            What was painted.
        axes : str
            One letter per dimension of the labels.
        plane : PlaneId
            The plane that was shown.
        """
        self.reserve(int(edit.after.max(initial=0)))
        self.extents.include_edit(edit, axes, plane)

    def _forget(self, key: ObjectKey) -> None:
        object_id, plane = key
        if self._on.get(plane, {}).pop(object_id, None) is None:
            return
        self._unseen.discard(key)
        self._planes[object_id].discard(plane)
        if not self._planes[object_id]:
            del self._planes[object_id]

    def _know(self, known: AcceptedObject) -> None:
        object_id, plane = known.key
        self._on.setdefault(plane, {})[object_id] = known
        self._planes.setdefault(object_id, set()).add(plane)
        if known.verdict == Verdict.UNSEEN:
            self._unseen.add(known.key)
        self.extents.include(object_id, plane, known.box)


def _order(
    known: AcceptedObject,
) -> tuple[tuple[str, str], tuple[tuple[str, int], ...], int]:
    return known.plane.plane_axes, known.plane.index, known.object_id
