"""Breast region, side, pectoral muscle and percent density of a digitised film mammogram, by published classical methods.

No model is trained and nothing is learned. Percent density is what Byng et al. (Phys Med Biol 1994;39:1629) defined: the
dense area over the breast's area, in the projection. They set two thresholds by eye; here both come from the grey values:

- the breast, by Otsu's threshold (IEEE Trans Syst Man Cybern 1979;9:62) of the logarithm of the grey values, as film is
  nearly black beside the breast and the fat under its skin only a little less so; of what is above, the largest piece;
- the pectoral muscle of an oblique view, by the straight line in the upper corner at the chest wall across which the film
  darkens most, a search over lines as by the Hough transform (Karssemeijer, Phys Med Biol 1998;43:365);
- dense tissue, by Otsu's two thresholds of the grey values within the breast without the muscle: the least bright of the
  three groups is the thin edge under the skin, the next is fat, the brightest is dense.

All lengths are in pixels of the image reduced by 8, and all results are ratios: these films say no pixel size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

REDUCTION = 8
# The film's bright frame and what is written there: not looked at, as parts of the height and of the width.
FRAME_ROWS, FRAME_COLUMNS = 0.025, 0.01
BINS = 256
# Above and below the widest row of the breast, rows narrower than this part of it are film fogged along its edge.
WIDTH_MIN = 0.3
# Lines that may bound the muscle, as parts of the height and width: where they leave the top and the chest wall.
TOP_FROM, TOP_TO, WALL_FROM, WALL_TO, LINE_STEPS = 0.06, 0.6, 0.2, 0.85, 40
LINE_POINTS, STEP_ACROSS = 100, 4
SMOOTHING = 5
# How much darker the film must get across the line, as a part of the breast's range of greys (5th to 95th percentile).
DARKENING_MIN = 0.1


@dataclass(frozen=True)
class Measured:
    """What is measured on one film."""

    chest_wall: str  # "left" or "right" edge of the image
    breast_of_image: float
    pectoral_darkening: float
    view: str  # "MLO" if a pectoral muscle is seen, else "CC"
    pectoral_of_breast: float
    dense_from: float  # stored value from which tissue counts as dense
    percent_density: float


@dataclass(frozen=True)
class Regions:
    """Masks of the reduced image, as it came: not turned to one side."""

    breast: np.ndarray
    pectoral: np.ndarray
    dense: np.ndarray


def measure(film: np.ndarray) -> tuple[Measured, Regions]:
    """Everything, from rows x columns of stored values (MONOCHROME2)."""
    image = reduced(film)
    breast = breast_region(image)
    wall = chest_wall(breast)
    turned, turned_breast = (image, breast) if wall == "left" else (image[:, ::-1], breast[:, ::-1])
    line, darkening = pectoral_line(turned, turned_breast)
    view = "MLO" if darkening >= DARKENING_MIN else "CC"
    muscle = above_line(line, image.shape) & turned_breast if view == "MLO" else np.zeros_like(breast)
    muscle = muscle if wall == "left" else muscle[:, ::-1]
    tissue = breast & ~muscle
    _, dense_from = otsu_of_three(image[tissue])
    dense = tissue & (image >= dense_from)
    measured = Measured(
        chest_wall=wall,
        breast_of_image=round(float(breast.mean()), 4),
        pectoral_darkening=round(darkening, 4),
        view=view,
        pectoral_of_breast=round(float(muscle.sum() / breast.sum()), 4),
        dense_from=round(dense_from, 1),
        percent_density=round(100 * float(dense.sum() / tissue.sum()), 2),
    )
    return measured, Regions(breast, muscle, dense)


def reduced(film: np.ndarray) -> np.ndarray:
    """The mean of each block of 8 x 8 pixels; an odd rest at the right and the bottom is dropped."""
    rows, columns = (side // REDUCTION for side in film.shape)
    blocks = film[: rows * REDUCTION, : columns * REDUCTION].reshape(rows, REDUCTION, columns, REDUCTION)
    return blocks.mean(axis=(1, 3))


def otsu(values: np.ndarray) -> float:
    """The threshold that parts the values into two groups of the least spread (Otsu 1979), of 256 equal bins."""
    counts, edges = np.histogram(values, bins=BINS)
    middles = (edges[:-1] + edges[1:]) / 2
    below = np.cumsum(counts)[:-1]
    above = counts.sum() - below
    sum_below = np.cumsum(counts * middles)[:-1]
    mean_below = sum_below / np.maximum(below, 1)
    mean_above = ((counts * middles).sum() - sum_below) / np.maximum(above, 1)
    return float(edges[1:-1][np.argmax(below * above * (mean_below - mean_above) ** 2)])


def otsu_of_three(values: np.ndarray) -> tuple[float, float]:
    """The two thresholds that part the values into three groups of the least spread (Otsu 1979), of 256 equal bins."""
    counts, edges = np.histogram(values, bins=BINS)
    middles = (edges[:-1] + edges[1:]) / 2
    number = np.concatenate([[0], np.cumsum(counts)])
    total = np.concatenate([[0], np.cumsum(counts * middles)])
    # between[i, j]: what bins i to j - 1 add to the spread between groups.
    with np.errstate(divide="ignore", invalid="ignore"):
        between = (total[None, :] - total[:, None]) ** 2 / (number[None, :] - number[:, None])
    between = np.nan_to_num(between, nan=0.0, posinf=0.0, neginf=0.0)
    inner = np.arange(1, BINS)
    spread = between[0, inner][:, None] + between[np.ix_(inner, inner)] + between[inner, BINS][None, :]
    spread[inner[:, None] >= inner[None, :]] = -1
    lower, upper = np.unravel_index(np.argmax(spread), spread.shape)
    return float(edges[inner[lower]]), float(edges[inner[upper]])


def breast_region(image: np.ndarray) -> np.ndarray:
    """The largest piece of what is brighter than the film beside it, without holes; the frame is left out."""
    rows, columns = image.shape
    frame_rows, frame_columns = round(rows * FRAME_ROWS), round(columns * FRAME_COLUMNS)
    within = (slice(frame_rows, rows - frame_rows), slice(frame_columns, columns - frame_columns))
    logarithm = np.log2(1 + image[within])
    mask = np.zeros(image.shape, dtype=bool)
    mask[within] = without_holes(largest_piece(logarithm >= otsu(logarithm)))
    return without_fog(mask)


def without_fog(breast: np.ndarray) -> np.ndarray:
    """Only the rows around the widest that are wide enough."""
    widths = breast.sum(axis=1)
    wide = widths >= WIDTH_MIN * widths.max()
    first = last = int(widths.argmax())
    while first > 0 and wide[first - 1]:
        first -= 1
    while last < len(wide) - 1 and wide[last + 1]:
        last += 1
    rows = np.arange(len(wide))
    return breast & ((rows >= first) & (rows <= last))[:, None]


def largest_piece(mask: np.ndarray) -> np.ndarray:
    """The piece of most pixels; pixels are of one piece if they share a side."""
    left = mask.copy()
    largest = np.zeros_like(mask)
    for start in zip(*np.nonzero(mask), strict=True):
        if left[start]:
            piece = filled(left, [start])
            left &= ~piece
            if piece.sum() > largest.sum():
                largest = piece
    return largest


def without_holes(mask: np.ndarray) -> np.ndarray:
    """Also what cannot be reached from the border without crossing the mask."""
    border = np.zeros_like(mask)
    border[[0, -1], :] = border[:, [0, -1]] = True
    starts = list(zip(*np.nonzero(border & ~mask), strict=True))
    return ~filled(~mask, starts)


def filled(mask: np.ndarray, starts: list[tuple[int, int]]) -> np.ndarray:
    """All pixels of the mask that can be reached from the starts over shared sides."""
    rows, columns = mask.shape
    reached = np.zeros_like(mask)
    waiting = [start for start in starts if mask[start]]
    for start in waiting:
        reached[start] = True
    while waiting:
        row, column = waiting.pop()
        for near in ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)):
            inside = 0 <= near[0] < rows and 0 <= near[1] < columns
            if inside and mask[near] and not reached[near]:
                reached[near] = True
                waiting.append(near)
    return reached


def chest_wall(breast: np.ndarray) -> str:
    """The side of the image at which more of the breast lies, by halves."""
    half = breast.shape[1] // 2
    return "left" if breast[:, :half].sum() >= breast[:, -half:].sum() else "right"


def pectoral_line(image: np.ndarray, breast: np.ndarray) -> tuple[tuple[float, float], float]:
    """The line across which the film darkens most, with the chest wall at the left, and by how much it does.

    A line is given by the column in which it leaves the top and the row in which it leaves the left. Darkening is the mean,
    along the line, of the smoothed grey 4 pixels before it less that 4 pixels past it, as a part of the breast's range.
    """
    rows, columns = image.shape
    smooth = smoothed(image)
    low, high = np.percentile(image[breast], [5, 95])
    best, best_darkening = (0.0, 0.0), -np.inf
    for top in np.linspace(TOP_FROM, TOP_TO, LINE_STEPS) * columns:
        for wall in np.linspace(WALL_FROM, WALL_TO, LINE_STEPS) * rows:
            darkening = darkening_across(smooth, breast, top, wall)
            if darkening > best_darkening:
                best, best_darkening = (float(top), float(wall)), darkening
    return best, float(best_darkening / (high - low))


def darkening_across(smooth: np.ndarray, breast: np.ndarray, top: float, wall: float) -> float:
    """How much darker it is past the line than before it, where both are in the breast; nothing if that is seldom."""
    along = np.linspace(0, 1, LINE_POINTS)
    row, column = along * wall, (1 - along) * top
    length = np.hypot(top, wall)
    down, across = STEP_ACROSS * top / length, STEP_ACROSS * wall / length
    before, past = at(row - down, column - across, smooth.shape), at(row + down, column + across, smooth.shape)
    both = breast[before] & breast[past]
    if both.mean() < 0.6:
        return -np.inf
    return float((smooth[before] - smooth[past])[both].mean())


def at(row: np.ndarray, column: np.ndarray, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """The nearest pixels to places, kept within the image."""
    return (
        np.clip(np.rint(row).astype(int), 0, shape[0] - 1),
        np.clip(np.rint(column).astype(int), 0, shape[1] - 1),
    )


def smoothed(image: np.ndarray) -> np.ndarray:
    """The mean of 5 x 5 pixels; the edge is continued outwards."""
    reach = SMOOTHING // 2
    padded = np.pad(image, reach, mode="edge")
    rows, columns = image.shape
    shifts = [padded[y : y + rows, x : x + columns] for y in range(SMOOTHING) for x in range(SMOOTHING)]
    return sum(shifts) / len(shifts)


def above_line(line: tuple[float, float], shape: tuple[int, int]) -> np.ndarray:
    """The corner that the line cuts off, with the chest wall at the left."""
    top, wall = line
    row, column = np.mgrid[: shape[0], : shape[1]]
    return row / wall + column / top < 1
