from ._version import __version__
from .batch.embed import embed_stack
from .batch.objects_table import objects_table
from .batch.progress import Progress, run
from .batch.result_frames import editable_tracks, tracked_movies
from .batch.segment import segment_stack
from .batch.side_by_side import parts_at_once
from .batch.track import track_stack
from .batch.track_correct import correct_tracks
from .batch.track_export import export_movies, export_tracks
from .batch.track_import import load_tracks
from .batch.track_start import StartLabels
from .batch.tracked_movies import TrackedMovies
from .engine.automatic import AutomaticMaskGenerator, AutomaticSettings
from .engine.embedding import ImageEmbedding
from .engine.labels import masks_to_labels
from .engine.mask_set import MaskSet
from .engine.plane_predictor import PlanePredictor
from .engine.predictor import MaskPrediction, MaskPredictor
from .engine.prompts import Prompts
from .errors import (
    InvalidAxesError,
    InvalidImageError,
    InvalidSettingsError,
    SegmentAnythingError,
    SeveralImagesWarning,
    StorageError,
    UnreadableInputError,
)
from .models.load import load_model
from .stacks.open import open_stack
from .stacks.stack import Stack
from .storage.embedding_store import EmbeddingStore
from .storage.memory_store import MemoryEmbeddingStore
from .storage.zarr_store import ZarrEmbeddingStore
from .tracking.correction import EditableTracks
from .tracking.lineage import Lineage
from .tracking.track import Track
from .tracking.words import MotionWords

__all__ = [
    "AutomaticMaskGenerator",
    "AutomaticSettings",
    "EditableTracks",
    "EmbeddingStore",
    "ImageEmbedding",
    "InvalidAxesError",
    "InvalidImageError",
    "InvalidSettingsError",
    "Lineage",
    "MaskPrediction",
    "MaskPredictor",
    "MaskSet",
    "MemoryEmbeddingStore",
    "MotionWords",
    "PlanePredictor",
    "Progress",
    "Prompts",
    "SegmentAnythingError",
    "SeveralImagesWarning",
    "Stack",
    "StartLabels",
    "StorageError",
    "Track",
    "TrackedMovies",
    "UnreadableInputError",
    "ZarrEmbeddingStore",
    "__version__",
    "correct_tracks",
    "editable_tracks",
    "embed_stack",
    "export_movies",
    "export_tracks",
    "load_model",
    "load_tracks",
    "masks_to_labels",
    "objects_table",
    "open_stack",
    "parts_at_once",
    "run",
    "segment_stack",
    "track_stack",
    "tracked_movies",
]
