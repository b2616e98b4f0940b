"""Errors of this package: one base, leaves that are also builtins.

Every message names the cause and the next step, so that a widget can show it as it is
and a command can print it as its only line.
"""


class SegmentAnythingError(Exception):
    """Base of every error that this package raises on purpose."""


class InvalidImageError(SegmentAnythingError, ValueError):
    """An image, plane or stack has content or a shape that cannot be segmented."""


class SeveralImagesWarning(UserWarning):
    """A file holds several images, and the first one was taken."""


class InvalidAxesError(SegmentAnythingError, ValueError):
    """Axis names do not fit the array, or cannot be inferred from it."""


class InvalidPromptError(SegmentAnythingError, ValueError):
    """A prompt lies outside the plane, is empty, or has the wrong shape."""


class InvalidSettingsError(SegmentAnythingError, ValueError):
    """A setting is unknown or out of its range."""


class UnreadableInputError(SegmentAnythingError, OSError):
    """A path does not exist or is not an image format that can be read."""


class StorageError(SegmentAnythingError, OSError):
    """A result or an embedding could not be written or read back."""


class UnknownModelError(SegmentAnythingError, LookupError):
    """No model of this name is in the catalogue and no file is at this path."""


class CheckpointError(SegmentAnythingError, ValueError):
    """A weights file is damaged, or belongs to another architecture."""


class DownloadError(SegmentAnythingError, OSError):
    """Weights could not be downloaded or failed their digest."""


class DeviceError(SegmentAnythingError, RuntimeError):
    """The chosen compute device is not there or ran out of memory."""


class MissingDependencyError(SegmentAnythingError, ImportError):
    """An optional package is needed for what was asked."""
