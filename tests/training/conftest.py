import pytest

pytest.importorskip("skimage")
from training.planes import make_plane

from napari_segment_anything.stacks.simulated import simulate_cells


@pytest.fixture(scope="session")
def planes():
    """Two planes of simulated cells."""
    movie = simulate_cells(n_frames=2, shape=(256, 256), seed=1)
    return [
        make_plane("synthetic", str(t), movie.images[t], movie.labels[t])
        for t in range(2)
    ]
