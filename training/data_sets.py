"""Where the sets come from and under which licences."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DataSet:
    """One set of images that may train weights that ship."""

    title: str
    licence: str
    source: str


DATA_SETS = {
    "dsb2018": DataSet(
        "nuclei of the Data Science Bowl 2018, corrected masks",
        "CC0",
        "BBBC038v1; Caicedo et al., Nature Methods 16 (2019)",
    ),
    "usiigaci_phase": DataSet(
        "phase contrast, hand-drawn",
        "MIT, © 2018 Okinawa Institute of Science & Technology",
        "Tsai et al., SoftwareX 9 (2019)",
    ),
    "em_fibsem_medulla": DataSet(
        "FIB-SEM of a fly's medulla",
        "CC BY, FlyEM, Janelia Research Campus",
        "Parag et al., PLoS ONE 10 (2015)",
    ),
    "vol3d_small": DataSet(
        "small volumes of nuclei and plant cells",
        "PlantSeg: MIT, © EMBL / HCI; StarDist: BSD-3-Clause",
        "Wolny et al., eLife 9 (2020); Vijayan et al., 2024; Weigert et al., WACV 2020",
    ),
    "baby_yeast": DataSet(
        "brightfield yeast", "MIT", "Pietsch et al., eLife 12 (2023)"
    ),
    "neubias_small": DataSet(
        "teaching images", "CC BY 4.0, NEUBIAS", "NEUBIAS training resources"
    ),
    "usiigaci_t98g_timelapse": DataSet(
        "phase-contrast time-lapse; weak labels, a model's output",
        "MIT, © 2018 Okinawa Institute of Science & Technology",
        "Tsai et al., SoftwareX 9 (2019)",
    ),
    "synthetic": DataSet(
        "drawn by the recipe",
        "Apache-2.0, part of the recipe",
        "`training/synthetic.py`",
    ),
}
