"""How near the answers of a model's forms, and of its peers, are to each other."""

from pathlib import Path

import numpy as np
import torch
from published_order import one_point_each, plain_decode
from quality import read_planes
from stages import Contest

from napari_segment_anything.engine.mask_set import MaskSet
from napari_segment_anything.engine.plane_predictor import PlanePredictor

N_POINTS = 64
_N_PLANES, _N_OBJECTS = 3, 12


def agreement_of_models(contest: Contest) -> dict[str, object]:
    """Errors of float32 against the references, IoU of masks in half precision."""
    side = min(contest.shape)
    points = np.random.default_rng(1).uniform(0, side - 1, (N_POINTS, 2))
    prompts = one_point_each(points)
    exact = contest.embeddings["float32"]
    answers = {
        name: predictor.decode(contest.embeddings[name], prompts)[0]
        for name, predictor in contest.predictors.items()
    }
    tensor = torch.from_numpy(contest.image).permute(2, 0, 1)[None]
    with torch.inference_mode():
        plain = contest.plain.encode(tensor.to(contest.device))
    result: dict[str, object] = {
        "float32_embedding_error": _error(exact.features, plain),
        "float32_logits_error": _error(
            answers["float32"], plain_decode(contest.plain, exact, prompts)[0]
        ),
        "bfloat16_embedding_error": _error(
            contest.embeddings["bfloat16"].features, plain
        ),
    }
    iou = _mask_iou(answers["float32"] > 0, answers["bfloat16"] > 0)
    result["bfloat16_mask_iou_median"] = round(float(iou.median()), 4)
    result["bfloat16_mask_iou_5_percent"] = round(float(iou.quantile(0.05)), 4)
    points_xy = torch.from_numpy(points[:8, None, ::-1].copy()).float()
    for name, peer in list(contest.peers.items())[-1:]:
        result[f"{name} embedding_error"] = _error(exact.features, peer.encode(tensor))
        logits, _ = peer.decode(exact.features, points_xy)
        result[f"{name} logits_error"] = _error(answers["float32"][:8], logits)
    return result


def matched_share(found: MaskSet, reference: list[np.ndarray]) -> float:
    """Part of the reference's masks that one of ours covers to an IoU of 0.99."""
    if not reference:
        return 1.0
    masks = [np.asarray(mask, bool) for mask in reference]
    box = (0, 0, *masks[0].shape)
    whole = MaskSet.from_masks(masks[0].shape, [box] * len(masks), masks)
    iou = found.overlap_matrix(whole)
    return round(float((iou.max(axis=0, initial=0) >= 0.99).mean()), 4)


def _error(found: torch.Tensor, expected: torch.Tensor) -> float:
    difference = (found.float() - expected.float()).norm() / expected.float().norm()
    return float(f"{float(difference):.2g}")


def _mask_iou(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
    shared = (a & b).sum((2, 3)).flatten()
    union = (a | b).sum((2, 3)).flatten()
    return shared[union > 0] / union[union > 0]


def agreement_on_images(contest: Contest, folder: Path, sets: list[str]) -> dict:
    """IoU of masks in half and in single precision, of clicks on true objects.

    The masks are those with the highest predicted IoU in single precision, answered as
    in the dock; folder and sets as for `quality.py`.
    """
    agreeing: list[float] = []
    to_truth: dict[str, list[float]] = {name: [] for name in contest.predictors}
    for name in sets:
        for plane in read_planes(folder / name, None, _N_PLANES):
            truth = MaskSet.from_labels(plane.labels)
            if len(truth) == 0:
                continue
            chosen = np.linspace(0, len(truth) - 1, _N_OBJECTS).round().astype(int)
            truth = truth.select(np.unique(chosen))
            prompts = one_point_each(truth.points)
            answers = {
                precision: PlanePredictor(predictor, plane.image).answer(prompts)
                for precision, predictor in contest.predictors.items()
            }
            exact, half = answers["float32"], answers["bfloat16"]
            best = exact.predicted_iou.reshape(-1, 3).argmax(1)
            for i, k in enumerate(3 * np.arange(len(truth)) + best):
                agreeing.append(exact.iou_with(k, half, k))
                for precision, answer in answers.items():
                    to_truth[precision].append(truth.iou_with(i, answer, k))
    return {
        "n_masks": len(agreeing),
        "bfloat16_mask_iou_median": round(float(np.median(agreeing)), 4),
        "bfloat16_mask_iou_5_percent": round(float(np.quantile(agreeing, 0.05)), 4),
        "one_click_miou": {
            precision: round(float(np.mean(values)), 4)
            for precision, values in to_truth.items()
        },
    }
