"""A picture of what `speed.py` measured."""

from pathlib import Path


def plot_ratios(figures: dict, path: Path) -> None:
    """Draw how many times faster each stage is than each of its references."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows = [
        (f"{model}: {stage}, {variant}\nagainst {reference}", ratio)
        for model, measured in figures["models"].items()
        for stage, entry in measured["stages"].items()
        for variant in entry["own"]
        for reference, ratio in entry["variants"][variant]["ratios"].items()
        if reference not in entry["own"]
    ]
    names, ratios = [row[0] for row in rows], [row[1] for row in rows]
    figure, axes = pyplot.subplots(figsize=(8, 1 + 0.45 * len(rows)))
    bars = axes.barh(names, ratios, color="tab:blue")
    axes.bar_label(bars, [f"×{ratio:.1f}" for ratio in ratios], padding=3)
    axes.axvline(1, color="black", linewidth=1)
    axes.invert_yaxis()
    axes.margins(x=0.15)
    axes.tick_params(axis="y", labelsize=7)
    axes.set_xlabel("times as fast as the reference")
    axes.set_title(str(figures["machine"]["device"]), fontsize=9)
    figure.savefig(path, dpi=120, bbox_inches="tight")
