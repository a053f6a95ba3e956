//! Writes small ONNX files: as much of onnx.proto3 as the models of these tests need.

/// Element types of onnx.proto3, `TensorProto.DataType`.
pub const FLOAT: u64 = 1;
pub const BOOL: u64 = 9;
pub const DOUBLE: u64 = 11;

/// A dimension that is only known when the model runs.
pub const ANY: u64 = u64::MAX;

/// A model: its inputs, constants, operators and outputs.
#[derive(Clone, Default)]
pub struct OnnxFile {
    graph: Vec<u8>,
}

/// The body of a sub-graph, such as a loop's.
pub type Graph = OnnxFile;

impl OnnxFile {
    pub fn input(mut self, name: &str, element: u64, shape: &[u64]) -> Self {
        bytes(&mut self.graph, 11, &value_info(name, element, shape));
        self
    }

    pub fn output(mut self, name: &str, element: u64, shape: &[u64]) -> Self {
        bytes(&mut self.graph, 12, &value_info(name, element, shape));
        self
    }

    /// A constant without dimensions.
    pub fn constant(mut self, name: &str, element: u64, value: &[u8]) -> Self {
        let mut tensor = Vec::new();
        number(&mut tensor, 2, element);
        bytes(&mut tensor, 8, name.as_bytes());
        bytes(&mut tensor, 9, value);
        bytes(&mut self.graph, 5, &tensor);
        self
    }

    /// A constant whose value is in another file.
    pub fn constant_elsewhere(mut self, name: &str, element: u64, file: &str) -> Self {
        let (mut tensor, mut location) = (Vec::new(), Vec::new());
        bytes(&mut location, 1, b"location");
        bytes(&mut location, 2, file.as_bytes());
        number(&mut tensor, 2, element);
        bytes(&mut tensor, 8, name.as_bytes());
        bytes(&mut tensor, 13, &location);
        number(&mut tensor, 14, 1);
        bytes(&mut self.graph, 5, &tensor);
        self
    }

    pub fn operator(self, kind: &str, inputs: &[&str], output: &str) -> Self {
        self.node(kind, inputs, output, &[])
    }

    /// The mean over all axes but the first.
    pub fn mean_of_each(self, input: &str, output: &str) -> Self {
        let mut axes = Vec::new();
        bytes(&mut axes, 1, b"axes");
        for axis in [1, 2, 3] {
            number(&mut axes, 8, axis);
        }
        number(&mut axes, 20, 7);
        self.node("ReduceMean", &[input], output, &[axes, integer("keepdims", 0)])
    }

    /// The inputs, one after the other.
    pub fn concat(self, inputs: &[&str], output: &str) -> Self {
        self.node("Concat", inputs, output, &[integer("axis", 0)])
    }

    /// Repeats `body` for as long as its first output is true.
    pub fn repeat(self, condition: &str, input: &str, output: &str, body: &Graph) -> Self {
        let mut attribute = Vec::new();
        bytes(&mut attribute, 1, b"body");
        bytes(&mut attribute, 6, &body.named_graph());
        number(&mut attribute, 20, 5);
        self.node("Loop", &["", condition, input], output, &[attribute])
    }

    fn node(mut self, kind: &str, inputs: &[&str], output: &str, attributes: &[Vec<u8>]) -> Self {
        let mut node = Vec::new();
        for input in inputs {
            bytes(&mut node, 1, input.as_bytes());
        }
        bytes(&mut node, 2, output.as_bytes());
        bytes(&mut node, 4, kind.as_bytes());
        for attribute in attributes {
            bytes(&mut node, 5, attribute);
        }
        bytes(&mut self.graph, 1, &node);
        self
    }

    fn named_graph(&self) -> Vec<u8> {
        let mut graph = self.graph.clone();
        bytes(&mut graph, 2, b"test");
        graph
    }

    /// The file, of IR version 8 and operator set 13.
    pub fn to_bytes(&self) -> Vec<u8> {
        let (mut model, mut operator_set) = (Vec::new(), Vec::new());
        number(&mut operator_set, 2, 13);
        number(&mut model, 1, 8);
        bytes(&mut model, 7, &self.named_graph());
        bytes(&mut model, 8, &operator_set);
        model
    }
}

/// A model whose score is the mean of its input of `rows × columns` pixels and one channel, channels last.
pub fn mean_model(rows: u64, columns: u64) -> OnnxFile {
    OnnxFile::default().input("image", FLOAT, &[ANY, rows, columns, 1]).mean_of_each("image", "probability").output(
        "probability",
        FLOAT,
        &[ANY],
    )
}

fn integer(name: &str, value: u64) -> Vec<u8> {
    let mut attribute = Vec::new();
    bytes(&mut attribute, 1, name.as_bytes());
    number(&mut attribute, 3, value);
    number(&mut attribute, 20, 2);
    attribute
}

fn value_info(name: &str, element: u64, shape: &[u64]) -> Vec<u8> {
    let mut dimensions = Vec::new();
    for size in shape {
        let mut dimension = Vec::new();
        match *size {
            ANY => bytes(&mut dimension, 2, b"any"),
            size => number(&mut dimension, 1, size),
        }
        bytes(&mut dimensions, 1, &dimension);
    }
    let (mut tensor, mut kind, mut info) = (Vec::new(), Vec::new(), Vec::new());
    number(&mut tensor, 1, element);
    bytes(&mut tensor, 2, &dimensions);
    bytes(&mut kind, 1, &tensor);
    bytes(&mut info, 1, name.as_bytes());
    bytes(&mut info, 2, &kind);
    info
}

/// A field of wire type 0.
fn number(target: &mut Vec<u8>, field: u64, value: u64) {
    varint(target, field << 3);
    varint(target, value);
}

/// A field of wire type 2.
fn bytes(target: &mut Vec<u8>, field: u64, value: &[u8]) {
    varint(target, field << 3 | 2);
    varint(target, value.len() as u64);
    target.extend_from_slice(value);
}

fn varint(target: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        target.push(value as u8 | 0x80);
        value >>= 7;
    }
    target.push(value as u8);
}
