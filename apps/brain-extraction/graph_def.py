"""Reads a frozen TensorFlow graph (`GraphDef`) without TensorFlow: its nodes, their inputs, and the constants.

Only what this model needs of the protocol buffer's wire format and of TensorFlow's messages (`graph.proto`,
`node_def.proto`, `attr_value.proto`, `tensor.proto`). The graph was frozen with its training branches inside; `plain`
walks past those, so that what uses it sees the inference graph only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

# Numbers of the wire format and of the fields that are read.
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
NODE_OF_GRAPH, NAME, OPERATOR, INPUT, ATTRIBUTE = 1, 1, 2, 3, 5
LIST_OF_ATTRIBUTE, TEXT_OF_ATTRIBUTE, TENSOR_OF_ATTRIBUTE, INTEGERS_OF_LIST = 1, 2, 8, 3
TYPE_OF_TENSOR, SHAPE_OF_TENSOR, CONTENT_OF_TENSOR, FLOATS_OF_TENSOR = 1, 2, 4, 5
DIMENSION_OF_SHAPE, SIZE_OF_DIMENSION = 2, 1
FLOAT = 1


@dataclass(frozen=True)
class Node:
    """One operation: its name, its operator, the names of what it reads, and its attributes as raw messages."""

    name: str
    operator: str
    inputs: list[str]
    attributes: dict[str, bytes]

    def integers(self, attribute: str) -> list[int]:
        """An attribute that is a list of numbers, such as `strides`."""
        listed = only(self.attributes[attribute], LIST_OF_ATTRIBUTE)
        packed = only(listed, INTEGERS_OF_LIST)
        numbers, at = [], 0
        while at < len(packed):
            number, at = varint(packed, at)
            numbers.append(number)
        return numbers

    def text(self, attribute: str) -> str:
        """An attribute that is a string, such as `padding`."""
        return only(self.attributes[attribute], TEXT_OF_ATTRIBUTE).decode()

    def constant(self) -> np.ndarray:
        """The array of a `Const` of 32-bit floats."""
        tensor = only(self.attributes["value"], TENSOR_OF_ATTRIBUTE)
        if only(tensor, TYPE_OF_TENSOR) != FLOAT:
            raise SystemExit(f"graph: {self.name} is not of 32-bit floats")
        dimensions = [value for field, value in fields(only(tensor, SHAPE_OF_TENSOR)) if field == DIMENSION_OF_SHAPE]
        shape = [only(dimension, SIZE_OF_DIMENSION) for dimension in dimensions]
        # Many values stand as one block of bytes; a single one stands as a packed list, laid out alike.
        block = [value for field, value in fields(tensor) if field in (CONTENT_OF_TENSOR, FLOATS_OF_TENSOR)]
        return np.frombuffer(b"".join(block), dtype="<f4").reshape(shape)


class Graph:
    """The nodes of a graph by name."""

    def __init__(self, encoded: bytes) -> None:
        """Parses the bytes of a `.pb` file."""
        nodes = (node(value) for field, value in fields(encoded) if field == NODE_OF_GRAPH)
        self.nodes = {each.name: each for each in nodes}

    def plain(self, name: str) -> Node:
        """The node of that name, without what only passes on a value when the graph is not training.

        A dropout is `Merge(Identity(Switch(value, training)), …)`; its first branch is the one of inference.
        """
        found = self.nodes[name.split(":")[0]]
        while found.operator in ("Identity", "Merge", "Switch"):
            found = self.nodes[found.inputs[0].split(":")[0]]
        return found


def node(encoded: bytes) -> Node:
    """One `NodeDef`."""
    name, operator, inputs, attributes = "", "", [], {}
    for field, value in fields(encoded):
        if field == NAME:
            name = value.decode()
        elif field == OPERATOR:
            operator = value.decode()
        elif field == INPUT:
            inputs.append(value.decode())
        elif field == ATTRIBUTE:
            attributes[only(value, 1).decode()] = only(value, 2)
    return Node(name, operator, inputs, attributes)


def fields(encoded: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Field number and value of each field of a message; values of four and eight bytes come as bytes."""
    at = 0
    while at < len(encoded):
        key, at = varint(encoded, at)
        kind = key & 7
        if kind == VARINT:
            value, at = varint(encoded, at)
        else:
            size = {FIXED64: 8, FIXED32: 4}.get(kind)
            if kind == BYTES:
                size, at = varint(encoded, at)
            if size is None or at + size > len(encoded):
                raise SystemExit("graph: this is no protocol buffer that can be read")
            value, at = encoded[at : at + size], at + size
        yield key >> 3, value


def varint(encoded: bytes, at: int) -> tuple[int, int]:
    """A number of seven bits a byte, least significant first, and where it ends."""
    number = shift = 0
    while True:
        if at >= len(encoded):
            raise SystemExit("graph: the file ends in the middle of a number")
        byte = encoded[at]
        number |= (byte & 127) << shift
        at, shift = at + 1, shift + 7
        if byte < 128:
            return number, at


def only(encoded: bytes, wanted: int) -> int | bytes:
    """The value of a field that stands once."""
    found = [value for field, value in fields(encoded) if field == wanted]
    if len(found) != 1:
        raise SystemExit(f"graph: field {wanted} stands {len(found)} times in a message where it should stand once")
    return found[0]
