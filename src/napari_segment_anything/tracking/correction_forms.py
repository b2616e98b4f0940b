"""How corrections are written; apart, so that a help text needs nothing else."""

# Names, what follows them, and how many numbers that are, at least and at most.
FORMS: dict[str, tuple[str, int, int]] = {
    "cut": ("TRACK FRAME", 2, 2),
    "join": ("TRACK OTHER", 2, 2),
    "divide": ("MOTHER DAUGHTER [DAUGHTER]", 2, 3),
    "apart": ("TRACK", 1, 1),
    "swap": ("TRACK OTHER FRAME", 3, 3),
    "remove": ("TRACK [FRAME …]", 1, 1_000_000),
    "lock": ("TRACK FRAME …", 2, 1_000_000),
    "recompute": ("TRACK FRAME", 2, 2),
}
PROMPT_FORM = (
    "prompt TRACK|? FRAME [at Y X] … [not Y X] … [box Y0 X0 Y1 X1], "
    "where ? is the track that the object fits"
)
