"""Finds and reads text in an image with the three models of rapidocr-onnxruntime, in NumPy only.

The plain statement of what is done around the models, and simpler than the package in one point: text is taken to be
level or upright, as machines burn it in, so a box is the rectangle around a component and is neither turned nor cut out in
perspective. Everything else is the package's: sizes, thresholds, and the order of the colours, which is blue, green, red.

Detection is Differentiable Binarization (Liao et al., AAAI 2020, arXiv 1911.08947), reading ends in Connectionist Temporal
Classification (Graves et al., ICML 2006), decoded greedily.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime

SIDE_MAX = 2000
SHORT_SIDE_MIN = 736
MULTIPLE = 32
PIXEL_MIN = 0.3
BOX_SCORE_MIN = 0.5
COMPONENT_SIDE_MIN, BOX_SIDE_MIN, SIDE_AFTER_MIN = 3, 5, 3
UNCLIP_RATIO = 1.6
CANDIDATES_MAX = 1000
SAME_LINE_PIXELS = 10
UPRIGHT_FROM = 1.5
LINE_HEIGHT = 48
TURN_WIDTH, TURN_SCORE_MIN = 192, 0.9
READ_WIDTH_MIN = 320
TEXT_SCORE_MIN = 0.5


@dataclass(frozen=True)
class Text:
    """What was read, how surely (0 to 1), and where: left, top, right, bottom in pixels of the image."""

    text: str
    score: float
    box: tuple[int, int, int, int]


class Reader:
    """The three models and the characters."""

    def __init__(self, release: Path) -> None:
        """Loads them from a release folder."""
        names = ("detect", "turn", "read")
        self.detect, self.turn, self.read = (onnxruntime.InferenceSession(release / f"{name}.onnx") for name in names)
        listed = (release / "characters.txt").read_text(encoding="utf-8").split("\n")[:-1]
        self.characters = ["", *listed, " "]

    def __call__(self, greys: np.ndarray) -> list[Text]:
        """The text in rows x columns x 3 values 0-255 in the order blue, green, red; lines from top to bottom."""
        rows, columns = greys.shape[:2]
        image = within_limit(greys)
        found = []
        for box in in_reading_order(self.boxes(image)):
            left, top, right, bottom = box
            line = image[top:bottom, left:right]
            if line.shape[0] / line.shape[1] >= UPRIGHT_FROM:
                line = np.rot90(line)
            text, score = self.text(self.upright(line))
            if score >= TEXT_SCORE_MIN:
                across, down = columns / image.shape[1], rows / image.shape[0]
                place = (left * across, top * down, right * across, bottom * down)
                found.append(Text(text, score, tuple(round(edge) for edge in place)))
        return found

    def boxes(self, image: np.ndarray) -> list[tuple[int, int, int, int]]:
        """Rectangles around what may be text, in pixels of the image."""
        rows, columns = image.shape[:2]
        (probability,) = run(self.detect, normalised(for_detection(image))[None])
        probability = probability[0, 0]
        height, width = probability.shape
        mask = grown(probability > PIXEL_MIN)
        found = []
        for left, top, right, bottom in components(mask)[:CANDIDATES_MAX]:
            if min(right - left, bottom - top) < COMPONENT_SIDE_MIN:
                continue
            if probability[top : bottom + 1, left : right + 1].mean() < BOX_SCORE_MIN:
                continue
            wide, high = right - left, bottom - top
            reach = int(wide * high * UNCLIP_RATIO / (2 * (wide + high)))
            if min(wide, high) + 2 * reach < BOX_SIDE_MIN:
                continue
            edges = (left - reach, top - reach, right + reach, bottom + reach)
            scaled = [
                min(max(round(edge / size * limit), 0), limit - 1)
                for edge, size, limit in zip(edges, (width, height) * 2, (columns, rows) * 2, strict=True)
            ]
            if scaled[2] - scaled[0] > SIDE_AFTER_MIN and scaled[3] - scaled[1] > SIDE_AFTER_MIN:
                found.append(tuple(scaled))
        return found

    def upright(self, line: np.ndarray) -> np.ndarray:
        """The line, turned by half a turn if it stands on its head."""
        width = min(math.ceil(LINE_HEIGHT * line.shape[1] / line.shape[0]), TURN_WIDTH)
        (probability,) = run(self.turn, padded(resized(line, LINE_HEIGHT, width), TURN_WIDTH)[None])
        return np.rot90(line, 2) if probability[0, 1] > TURN_SCORE_MIN else line

    def text(self, line: np.ndarray) -> tuple[str, float]:
        """What stands in the line, and the mean probability of its characters."""
        ratio = line.shape[1] / line.shape[0]
        room = int(LINE_HEIGHT * max(READ_WIDTH_MIN / LINE_HEIGHT, ratio))
        width = min(math.ceil(LINE_HEIGHT * ratio), room)
        (probability,) = run(self.read, padded(resized(line, LINE_HEIGHT, width), room)[None])
        classes, scores = probability[0].argmax(axis=1), probability[0].max(axis=1)
        # A class that repeats is one character, and class 0 is none.
        is_new = np.concatenate([[True], classes[1:] != classes[:-1]]) & (classes != 0)
        text = "".join(self.characters[each] for each in classes[is_new])
        return text, float(scores[is_new].mean()) if is_new.any() else 0.0


def run(session: onnxruntime.InferenceSession, values: np.ndarray) -> list[np.ndarray]:
    """Runs a model of one input."""
    return session.run(None, {session.get_inputs()[0].name: values.astype(np.float32)})


def within_limit(image: np.ndarray) -> np.ndarray:
    """The image, made smaller if a side is longer than 2000 pixels."""
    rows, columns = image.shape[:2]
    ratio = SIDE_MAX / max(rows, columns)
    return image if ratio >= 1 else resized(image, *(whole(int(side * ratio)) for side in (rows, columns)))


def for_detection(image: np.ndarray) -> np.ndarray:
    """The image with a short side of at least 736 pixels, and both sides multiples of 32."""
    rows, columns = image.shape[:2]
    ratio = max(SHORT_SIDE_MIN / min(rows, columns), 1)
    return resized(image, *(whole(int(side * ratio)) for side in (rows, columns)))


def whole(side: int) -> int:
    """The nearest multiple of 32, halves to the even one."""
    return int(round(side / MULTIPLE) * MULTIPLE)


def resized(image: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Bilinear between pixel centres and without widening when the size falls (OpenCV's INTER_LINEAR), in whole greys."""
    for axis, size in ((0, rows), (1, columns)):
        old = image.shape[axis]
        at = np.clip((np.arange(size) + 0.5) * old / size - 0.5, 0, old - 1)
        low = np.floor(at).astype(int)
        high = np.minimum(low + 1, old - 1)
        part = (at - low).reshape([-1 if each == axis else 1 for each in range(3)])
        image = np.take(image, low, axis) * (1 - part) + np.take(image, high, axis) * part
    return np.rint(image)


def normalised(image: np.ndarray) -> np.ndarray:
    """Greys 0-255 as -1 to 1, channels first."""
    return (image.transpose(2, 0, 1) / 255 - 0.5) / 0.5


def padded(line: np.ndarray, width: int) -> np.ndarray:
    """Normalised, with zeros (a middle grey) to the right of it."""
    values = normalised(line)
    return np.pad(values, ((0, 0), (0, 0), (0, width - values.shape[2])))


def grown(mask: np.ndarray) -> np.ndarray:
    """Each pixel of the mask also marks the ones to its right, below, and below right."""
    padded_mask = np.pad(mask, ((1, 0), (1, 0)))
    return padded_mask[1:, 1:] | padded_mask[1:, :-1] | padded_mask[:-1, 1:] | padded_mask[:-1, :-1]


def components(mask: np.ndarray) -> list[tuple[int, int, int, int]]:
    """Left, top, right, bottom (all inside) of each group of pixels that touch, corners included."""
    runs = [(row, start, stop) for row, start, stop in runs_of(mask)]
    parent = list(range(len(runs)))

    def root(run: int) -> int:
        while parent[run] != run:
            parent[run] = parent[parent[run]]
            run = parent[run]
        return run

    above = 0
    for index, (row, start, stop) in enumerate(runs):
        while above < index and (runs[above][0] < row - 1 or (runs[above][0] == row - 1 and runs[above][2] < start)):
            above += 1
        other = above
        while other < index and runs[other][0] == row - 1 and runs[other][1] <= stop:
            parent[root(other)] = root(index)
            other += 1
    boxes: dict[int, list[int]] = {}
    for index, (row, start, stop) in enumerate(runs):
        box = boxes.setdefault(root(index), [start, row, stop - 1, row])
        box[:] = [min(box[0], start), min(box[1], row), max(box[2], stop - 1), max(box[3], row)]
    return [tuple(box) for box in boxes.values()]


def runs_of(mask: np.ndarray) -> list[tuple[int, int, int]]:
    """Row, first and past-the-last column of each unbroken run of marked pixels, row by row."""
    edges = np.diff(np.pad(mask, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    rows, starts = np.nonzero(edges == 1)
    stops = np.nonzero(edges == -1)[1]
    return list(zip(rows.tolist(), starts.tolist(), stops.tolist(), strict=True))


def in_reading_order(boxes: list[tuple[int, int, int, int]]) -> list[tuple[int, int, int, int]]:
    """From top to bottom; boxes that start within 10 pixels of the one before are of its line, and go left to right."""
    lines: list[list[tuple[int, int, int, int]]] = []
    for box in sorted(boxes, key=lambda each: (each[1], each[0])):
        if lines and box[1] - lines[-1][-1][1] < SAME_LINE_PIXELS:
            lines[-1].append(box)
        else:
            lines.append([box])
    return [box for line in lines for box in sorted(line)]
