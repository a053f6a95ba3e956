"""The original network's arithmetic as Keras defines it, in NumPy: what the converted model is compared with.

Slow and plain on purpose, and it shares nothing with `convert.py` but the reading of the file.
"""

from __future__ import annotations

import h5py
import numpy as np

from convert import arrays_of, inputs_of, layers_of


def evaluate(keras: h5py.File, image: np.ndarray) -> np.ndarray:
    """The network's value for channels x depth x height x width; sides are multiples of 16."""
    values: dict[str, np.ndarray] = {}
    for layer in layers_of(keras):
        inputs = [values[name] for name in inputs_of(layer)] or [image]
        values[layer["name"]] = OPERATIONS[layer["class_name"]](layer["config"], inputs, arrays_of(keras, layer["name"]))
    return values[layer["name"]]


def convolution(layer: dict, inputs: list[np.ndarray], arrays: list[np.ndarray]) -> np.ndarray:
    """Each kernel voxel adds a shifted copy of the volume, its channels mixed."""
    (image,), (kernel, bias) = inputs, arrays
    surplus = [side - 1 if layer["padding"] == "same" else 0 for side in kernel.shape[:3]]
    padded = np.pad(image, ((0, 0), *((total // 2, (total + 1) // 2) for total in surplus)))
    depth, height, width = image.shape[1:]
    result = np.zeros((kernel.shape[4], depth, height, width), dtype=np.float32)
    for z, y, x in np.ndindex(kernel.shape[:3]):
        result += np.einsum("izyx,io->ozyx", padded[:, z : z + depth, y : y + height, x : x + width], kernel[z, y, x])
    result += bias[:, None, None, None]
    return np.maximum(result, 0) if layer["activation"] == "relu" else (1 + np.tanh(result / 2)) / 2


def pooling(layer: dict, inputs: list[np.ndarray], arrays: list[np.ndarray]) -> np.ndarray:
    """The greatest of 2 x 2 x 2 voxels."""
    channels, depth, height, width = inputs[0].shape
    return inputs[0].reshape(channels, depth // 2, 2, height // 2, 2, width // 2, 2).max(axis=(2, 4, 6))


OPERATIONS = {
    "InputLayer": lambda layer, inputs, arrays: inputs[0],
    "Conv3D": convolution,
    "MaxPooling3D": pooling,
    "UpSampling3D": lambda layer, inputs, arrays: inputs[0].repeat(2, 1).repeat(2, 2).repeat(2, 3),
    "Concatenate": lambda layer, inputs, arrays: np.concatenate(inputs),
    "Dropout": lambda layer, inputs, arrays: inputs[0],
}
