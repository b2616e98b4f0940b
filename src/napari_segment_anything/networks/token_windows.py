"""On which part of an image embedding a prompt is decoded.

Most objects take up a small part of the frame. The decoder looks at the tokens about
the object alone, at a fraction of the cost; if its answer reaches the window's edge,
at more of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from .prompt_batch import PromptBatch

TOKEN = 4  # low-resolution pixels
_MARGIN = 3  # tokens about what is known of an object


@dataclass(frozen=True)
class TokenWindows:
    """Square windows: side in tokens, and the first row and column of each."""

    side: int
    corners: Sequence[tuple[int, int]]

    def cut(
        self, maps: Tensor, rows: Sequence[int] | None = None, scale: int = 1
    ) -> Tensor:
        """Cut the windows (N, C, scale * side, scale * side) out of maps (B, C, h, w).

        ``rows`` says which of the maps each window is cut from, by default the only
        one; ``scale`` is the pixels of the maps per token.
        """
        side = self.side * scale
        if rows is None:
            rows = [0] * len(self.corners)
        is_in_order = len(maps) == 1 or list(rows) == list(range(len(maps)))
        if is_in_order and maps.shape[-2:] == (side, side):
            return maps
        if maps.device.type != "cpu":
            # In one go: a copy for each window would keep the card waiting.
            places = self._places(rows, maps.device, scale)
            return maps.permute(0, 2, 3, 1)[places].permute(0, 3, 1, 2)
        return torch.stack(
            [
                maps[b, :, y * scale : y * scale + side, x * scale : x * scale + side]
                for b, (y, x) in zip(rows, self.corners, strict=True)
            ]
        )

    def paste(self, windows: Tensor, canvas: Tensor, rows: Sequence[int]) -> None:
        """Write low-resolution windows (N, M, ...) to rows of a canvas (K, M, L, L)."""
        if canvas.device.type != "cpu":
            places = self._places(rows, canvas.device, TOKEN)
            canvas.permute(0, 2, 3, 1)[places] = windows.permute(0, 2, 3, 1)
            return
        side = self.side * TOKEN
        for window, row, (y, x) in zip(windows, rows, self.corners, strict=True):
            y, x = y * TOKEN, x * TOKEN
            canvas[row, :, y : y + side, x : x + side] = window

    def _places(
        self, rows: Sequence[int], device: torch.device, scale: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Give indices (N, 1, 1) of maps, (N, S, 1) and (N, 1, S) of their pixels."""
        table = [(row, y, x) for row, (y, x) in zip(rows, self.corners, strict=True)]
        at, y, x = torch.tensor(table, device=device).view(-1, 3, 1, 1).unbind(1)
        along = torch.arange(self.side * scale, device=device)
        return at, y * scale + along[:, None], x * scale + along


def window_sides(smallest: int, grid: int) -> list[int]:
    """Sides that are tried, in tokens: doubled until the whole grid is seen."""
    sides = []
    while 0 < smallest < grid:
        sides.append(smallest)
        smallest *= 2
    return [*sides, grid]


def known_extents(prompts: PromptBatch, stride: float) -> Tensor:
    """Low-resolution boxes (N, 4), (y0, x0, y1, x1), of what is known of objects.

    That is the mask, points inside and the box. Without any of them an extent is
    infinite. ``stride`` is the frame pixels of a low-resolution one.
    """
    lows, highs = [], []
    if prompts.masks is not None:
        is_set = prompts.masks[:, 0] > 0
        if prompts.is_mask_given is not None:
            is_set = is_set & prompts.is_mask_given[:, None, None]
        ends = [_ends(is_set.any(dim)) for dim in (2, 1)]
        lows.append(torch.stack([low for low, _ in ends], 1))
        highs.append(torch.stack([high for _, high in ends], 1))
    if prompts.points_xy is not None and prompts.point_labels is not None:
        yx = (prompts.points_xy.flip(-1) + 0.5) / stride
        is_inside = (prompts.point_labels == 1)[..., None]
        if yx.shape[1]:
            lows.append(torch.where(is_inside, yx, torch.inf).amin(1))
            highs.append(torch.where(is_inside, yx, -torch.inf).amax(1))
    if prompts.boxes_xyxy is not None:
        corners = (prompts.boxes_xyxy.view(-1, 2, 2).flip(-1) + 0.5) / stride
        lows.append(corners[:, 0])
        highs.append(corners[:, 1])
    low = torch.stack(lows).amin(0)
    high = torch.stack(highs).amax(0)
    is_known = (low <= high).all(1, keepdim=True)
    return torch.cat(
        [
            torch.where(is_known, low, -torch.inf),
            torch.where(is_known, high, torch.inf),
        ],
        1,
    )


def fitting_sides(extents: Tensor, sides: Sequence[int]) -> Tensor:
    """Index of the first side (N,) that shows an extent with a margin."""
    wanted = (extents[:, 2:] - extents[:, :2]).amax(1) / TOKEN + 2 * _MARGIN
    bounds = wanted.new_tensor(sides[:-1])
    return torch.bucketize(wanted, bounds)


def place_windows(extents: Tensor, side: int, grid: int) -> TokenWindows:
    """Put windows about extents, inside of the grid."""
    middle = torch.nan_to_num((extents[:, :2] + extents[:, 2:]) / 2, nan=0.0)
    corners = (middle / TOKEN - side / 2).round().clamp(0, grid - side).long()
    return TokenWindows(side, [(int(y), int(x)) for y, x in corners.tolist()])


def is_cut(logits: Tensor, iou: Tensor, windows: TokenWindows, grid: int) -> Tensor:
    """Whether (N,) the best mask reaches an edge of its window that cuts the frame."""
    best = logits[torch.arange(len(logits), device=logits.device), iou.argmax(1)] > 0
    touched = torch.stack(
        [
            best[:, 0].any(1),
            best[:, :, 0].any(1),
            best[:, -1].any(1),
            best[:, :, -1].any(1),
        ],
        1,
    )
    last = grid - windows.side
    inner = torch.tensor(
        [[y > 0, x > 0, y < last, x < last] for y, x in windows.corners],
        device=logits.device,
    )
    return (touched & inner).any(1)


def _ends(is_set: Tensor) -> tuple[Tensor, Tensor]:
    """First set position and the one after the last (N,), of (N, L); inf if none."""
    n = is_set.shape[1]
    has_any = is_set.any(1)
    flags = is_set.to(torch.uint8)
    first = flags.argmax(1).float()
    last = n - flags.flip(1).argmax(1).float()
    return torch.where(has_any, first, torch.inf), torch.where(
        has_any, last, -torch.inf
    )
