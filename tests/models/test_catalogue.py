import re

import pytest

from napari_segment_anything.models.catalogue import CATALOGUE
from napari_segment_anything.networks.config import CONFIGS


@pytest.mark.parametrize("entry", CATALOGUE.values(), ids=CATALOGUE)
def test_an_entry_is_complete(entry):
    assert entry.architecture in CONFIGS
    assert entry.purpose
    assert entry.source
    assert entry.licence in {"Apache-2.0", "CC-BY-4.0"}
    if not entry.is_bundled:
        assert entry.url.startswith("https://")
        assert re.fullmatch(r"sha256:[0-9a-f]{64}|xxh128:[0-9a-f]{32}", entry.digest)


def test_files_digests_and_addresses_are_all_different():
    downloads = [entry for entry in CATALOGUE.values() if not entry.is_bundled]
    for name in ("url", "digest", "file_name"):
        assert len({getattr(entry, name) for entry in downloads}) == len(downloads)


def test_only_the_default_model_is_bundled():
    assert [e.name for e in CATALOGUE.values() if e.is_bundled] == ["nano"]
