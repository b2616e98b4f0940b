"""The version of this package, as its installer recorded it."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("napari-segment-anything")
except PackageNotFoundError:
    # A source tree on the path without an installation, for instance on a GPU node.
    __version__ = "0+unknown"
