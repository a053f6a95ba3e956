"""The original network's arithmetic as TensorFlow defines it, in NumPy: what the converted model is compared with.

Slow and plain on purpose, and it shares nothing with `convert.py` but the reading of the file: channels stay last, and
each operation is written from its definition.
"""

from __future__ import annotations

import numpy as np

from graph_def import Graph, Node


def evaluate(graph: Graph, image: np.ndarray) -> np.ndarray:
    """The value of `prob` for an `img` of 1 x depth x height x width x 1; sides are multiples of 8."""
    values = {"img": image}

    def value(name: str) -> np.ndarray:
        node = graph.plain(name)
        if node.name not in values:
            values[node.name] = node.constant() if node.operator == "Const" else OPERATORS[node.operator](node, value)
        return values[node.name]

    return value("prob")


def convolution(node: Node, value) -> np.ndarray:
    """`SAME`, stride 1: each kernel voxel adds a shifted copy of the volume, its channels mixed."""
    image, kernel = value(node.inputs[0]), value(node.inputs[1])
    reach = kernel.shape[0] // 2
    padded = np.pad(image, ((0, 0), *[(reach, reach)] * 3, (0, 0)))
    depth, height, width = image.shape[1:4]
    result = np.zeros((*image.shape[:4], kernel.shape[4]), dtype=np.float32)
    for z, y, x in np.ndindex(kernel.shape[:3]):
        result += padded[:, z : z + depth, y : y + height, x : x + width] @ kernel[z, y, x]
    return result


def transposed_convolution(node: Node, value) -> np.ndarray:
    """The gradient of a `SAME` convolution of stride 2, which pads at the far end only: 2n voxels give n."""
    kernel, image = value(node.inputs[1]), value(node.inputs[2])
    depth, height, width = image.shape[1:4]
    # Room for the voxels past the end that the kernel reaches and that the original volume never had.
    result = np.zeros((1, 2 * depth + 1, 2 * height + 1, 2 * width + 1, kernel.shape[3]), dtype=np.float32)
    for z, y, x in np.ndindex(kernel.shape[:3]):
        reached = result[:, z : z + 2 * depth : 2, y : y + 2 * height : 2, x : x + 2 * width : 2]
        reached += image @ kernel[z, y, x].T
    return result[:, :-1, :-1, :-1]


def pooling(node: Node, value) -> np.ndarray:
    """The greatest of 2 x 2 x 2 voxels."""
    image = value(node.inputs[0])
    depth, height, width, channels = image.shape[1:]
    return image.reshape(1, depth // 2, 2, height // 2, 2, width // 2, 2, channels).max(axis=(2, 4, 6))


OPERATORS = {
    "BiasAdd": lambda node, value: value(node.inputs[0]) + value(node.inputs[1]),
    "Conv3D": convolution,
    "Conv3DBackpropInputV2": transposed_convolution,
    "MaxPool3D": pooling,
    "ConcatV2": lambda node, value: np.concatenate([value(name) for name in node.inputs[:2]], axis=-1),
    "Relu": lambda node, value: np.maximum(value(node.inputs[0]), 0),
    "Sigmoid": lambda node, value: (1 + np.tanh(value(node.inputs[0]) / 2)) / 2,
}
