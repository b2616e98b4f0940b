"""The models that this package knows by name, and where their weights come from."""

from dataclasses import dataclass

_META = "https://dl.fbaipublicfiles.com/segment_anything"
_MOBILE = (
    "https://github.com/ChaoningZhang/MobileSAM/raw/"
    "f706ad9c4eb7f219c00d9050e46328518ffb65d2/weights"
)
_ZOO = "https://uk1s3.embassy.ebi.ac.uk/public-datasets/bioimage.io"

_SAM_SOURCE = "Kirillov et al., Segment Anything, 2023"
_MOBILE_SOURCE = "Zhang et al., Faster Segment Anything (MobileSAM), 2023"
_MICRO_SAM_SOURCE = "Archit et al., Segment Anything for Microscopy, 2025"


@dataclass(frozen=True)
class ModelEntry:
    """One model of the catalogue.

    Attributes
    ----------
    name : str
        The name that users type.
    architecture : str
        Key of `napari_segment_anything.networks.config.CONFIGS`.
    url : str
        Where the weights are downloaded from; empty for a bundled model.
    digest : str
        ``"sha256:…"`` or ``"xxh128:…"`` of the weights file; empty for a bundled
        model, which the package's own installer has verified.
    n_bytes : int or None
        Size of the weights file, where it is published.
    licence : str
        SPDX identifier of the weights' licence.
    purpose : str
        What the model is for, in a few words.
    source : str
        Whom to cite.
    """

    name: str
    architecture: str
    url: str
    digest: str
    n_bytes: int | None
    licence: str
    purpose: str
    source: str

    @property
    def is_bundled(self) -> bool:
        """Whether the weights are part of this package."""
        return not self.url

    @property
    def file_name(self) -> str:
        """Name of the weights file in the model folder."""
        if self.is_bundled:
            return f"{self.name}.safetensors"
        suffix = self.url.rpartition(".")[2]
        return f"{self.name}.{suffix}"


def _zoo(
    name: str, architecture: str, path: str, digest: str, purpose: str
) -> ModelEntry:
    return ModelEntry(
        name,
        architecture,
        f"{_ZOO}/{path}",
        f"xxh128:{digest}",
        None,
        "CC-BY-4.0",
        purpose,
        _MICRO_SAM_SOURCE,
    )


_LIGHT = "light microscopy: cells and nuclei"
_ORGANELLES = "electron microscopy: mitochondria, nuclei and other roundish organelles"

CATALOGUE: dict[str, ModelEntry] = {
    entry.name: entry
    for entry in (
        ModelEntry(
            "nano",
            "nano",
            "",
            "",
            None,
            "Apache-2.0",
            "cells and nuclei on a laptop, without a download",
            "trained by the recipe in training/ of this project",
        ),
        ModelEntry(
            "vit_b",
            "vit_b",
            f"{_META}/sam_vit_b_01ec64.pth",
            "sha256:ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912",
            375_042_383,
            "Apache-2.0",
            "natural images; the smallest SAM of its authors",
            _SAM_SOURCE,
        ),
        ModelEntry(
            "vit_l",
            "vit_l",
            f"{_META}/sam_vit_l_0b3195.pth",
            "sha256:3adcc4315b642a4d2101128f611684e8734c41232a17c648ed1693702a49a622",
            1_249_524_607,
            "Apache-2.0",
            "natural images; large, wants a GPU",
            _SAM_SOURCE,
        ),
        ModelEntry(
            "vit_h",
            "vit_h",
            f"{_META}/sam_vit_h_4b8939.pth",
            "sha256:a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e",
            2_564_550_879,
            "Apache-2.0",
            "natural images; the largest, wants a GPU",
            _SAM_SOURCE,
        ),
        ModelEntry(
            "vit_t",
            "vit_t",
            f"{_MOBILE}/mobile_sam.pt",
            "sha256:6dbb90523a35330fedd7f1d3dfc66f995213d81b29a5ca8108dbcdd4e37d6c2f",
            40_728_226,
            "Apache-2.0",
            "natural images; small and fast (MobileSAM)",
            _MOBILE_SOURCE,
        ),
        _zoo(
            "vit_l_lm",
            "vit_l",
            "idealistic-rat/1.2/files/vit_l.pt",
            "017f20677997d628426dec80a8018f9d",
            _LIGHT,
        ),
        _zoo(
            "vit_b_lm",
            "vit_b",
            "diplomatic-bug/1.2/files/vit_b.pt",
            "fe9252a29f3f4ea53c15a06de471e186",
            _LIGHT,
        ),
        _zoo(
            "vit_t_lm",
            "vit_t",
            "faithful-chicken/1.1/files/vit_t.pt",
            "72ec5074774761a6e5c05a08942f981e",
            _LIGHT,
        ),
        _zoo(
            "vit_l_em_organelles",
            "vit_l",
            "humorous-crab/1.2/files/vit_l.pt",
            "810b084b6e51acdbf760a993d8619f2d",
            _ORGANELLES,
        ),
        _zoo(
            "vit_b_em_organelles",
            "vit_b",
            "noisy-ox/1.2/files/vit_b.pt",
            "f3bf2ed83d691456bae2c3f9a05fb438",
            _ORGANELLES,
        ),
        _zoo(
            "vit_t_em_organelles",
            "vit_t",
            "greedy-whale/1/files/vit_t.pt",
            "253474720c497cce605e57c9b1d18fd9",
            _ORGANELLES,
        ),
    )
}
