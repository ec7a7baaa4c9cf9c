"""An exported ONNX file against `heddle predict`, in numpy.

    python3 onnx_run.py FILE.onnx DATA.csv PREDICTIONS.csv TOLERANCE [DUMP]

The file must pass onnx's checker with shape inference. Then every node is evaluated, with numpy's own
arithmetic, on the columns of DATA that the metadata name, and what comes out is compared: labels must
be equal, numbers differ by at most TOLERANCE relative to the largest of their column; by no bit for 0.
With DUMP the inputs and the wanted outputs are written to DUMP.json for other runtimes (onnx_run.mjs).
"""
import csv
import json
import sys

import numpy
import onnx
from onnx import checker, numpy_helper, shape_inference

TYPES = {1: numpy.float32, 7: numpy.int64, 11: numpy.float64}


def erf(x):
    from math import erf as one
    return numpy.vectorize(one)(x.astype(numpy.float64)).astype(x.dtype)


def softmax(x, a):
    e = numpy.exp(x - x.max(axis=a.get("axis", -1), keepdims=True))
    return e / e.sum(axis=a.get("axis", -1), keepdims=True)


def selu(x):
    alpha, gamma = 1.67326319217681884765625, 1.05070102214813232421875
    return gamma * numpy.where(x > 0, x, alpha * numpy.expm1(numpy.minimum(x, 0)))


def one_hot(index, depth, off_on, a):
    assert a["axis"] == -1
    hit = index[..., None] == numpy.arange(int(depth))
    return numpy.where(hit, off_on[1], off_on[0])


def encode(words, a):
    table = dict(zip(a["keys_strings"], a["values_int64s"]))
    return numpy.array([table.get(word.encode(), a["default_int64"]) for word in words], numpy.int64)


OPERATORS = {
    "Identity": lambda a, x: x,
    "Cast": lambda a, x: x.astype(TYPES[a["to"]]),
    "IsNaN": lambda a, x: numpy.isnan(x),
    "Where": lambda a, c, x, y: numpy.where(c, x, y),
    "Less": lambda a, x, y: x < y,
    "Round": lambda a, x: numpy.rint(x),
    "Floor": lambda a, x: numpy.floor(x),
    "Pow": lambda a, x, y: numpy.power(x, y),
    "Shape": lambda a, x: numpy.array(x.shape, numpy.int64),
    "Expand": lambda a, x, shape: numpy.broadcast_to(x, numpy.broadcast_shapes(x.shape, tuple(shape))),
    "Unsqueeze": lambda a, x, axes: numpy.expand_dims(x, tuple(axes)),
    "ReduceMax": lambda a, x: x.max(axis=tuple(a["axes"]), keepdims=True),
    "Scan": lambda a, *x: scan(a, *x),
    "Add": lambda a, x, y: x + y,
    "Sub": lambda a, x, y: x - y,
    "Mul": lambda a, x, y: x * y,
    "Div": lambda a, x, y: x / y,
    "Max": lambda a, x, y: numpy.maximum(x, y),
    "Min": lambda a, x, y: numpy.minimum(x, y),
    "Neg": lambda a, x: -x,
    "Abs": lambda a, x: numpy.abs(x),
    "Exp": lambda a, x: numpy.exp(x),
    "Log": lambda a, x: numpy.log(x),
    "Sin": lambda a, x: numpy.sin(x),
    "Erf": lambda a, x: erf(x),
    "Sigmoid": lambda a, x: (1 / (1 + numpy.exp(-x))).astype(x.dtype),
    "Tanh": lambda a, x: numpy.tanh(x),
    "Relu": lambda a, x: numpy.maximum(x, x.dtype.type(0)),
    "LeakyRelu": lambda a, x: numpy.where(x < 0, x * x.dtype.type(a.get("alpha", 0.01)), x),
    "Elu": lambda a, x: numpy.where(x < 0, numpy.expm1(numpy.minimum(x, 0)), x),
    "Selu": lambda a, x: selu(x).astype(x.dtype),
    "Softplus": lambda a, x: numpy.logaddexp(x, x.dtype.type(0)),
    "Softsign": lambda a, x: x / (1 + numpy.abs(x)),
    "Softmax": lambda a, x: softmax(x, a),
    "ArgMax": lambda a, x: x.argmax(axis=a["axis"]),
    "GreaterOrEqual": lambda a, x, y: x >= y,
    "Squeeze": lambda a, x, axes: x.squeeze(tuple(axes)),
    "Concat": lambda a, *x: numpy.concatenate(x, axis=a["axis"]),
    "Gather": lambda a, x, i: x.take(i, axis=a["axis"]),
    "OneHot": lambda a, i, depth, off_on: one_hot(i, depth, off_on, a),
    "LabelEncoder": lambda a, x: encode(x, a),
    "Gemm": lambda a, x, w, b: x @ (w.T if a.get("transB") else w) + b,
}


def scan(a, state, *columns):
    body = a["body"]
    assert a["num_scan_inputs"] == len(columns) and a["scan_input_axes"] == [1] * len(columns)
    names = [value.name for value in body.input]
    for k in range(columns[0].shape[1]):
        values = dict(zip(names, [state] + [column.take(k, axis=1) for column in columns]))
        state = evaluate(body, values)[body.output[0].name]
    return state


def evaluate(graph, values):
    for node in graph.node:
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        values[node.output[0]] = OPERATORS[node.op_type](attributes, *(values[i] for i in node.input))
    return values


def run(graph, feeds):
    values = {t.name: numpy_helper.to_array(t) for t in graph.initializer}
    values.update(feeds)
    with numpy.errstate(over="ignore", under="ignore"):
        evaluate(graph, values)
    return {o.name: values[o.name] for o in graph.output}


def read(path):
    with open(path, newline="") as file:
        rows = list(csv.reader(file))
    return rows[0], rows[1:]


def inputs(model, data):
    names, rows = read(data)
    notes = {p.key: p.value for p in model.metadata_props}
    feeds = {}
    for value in model.graph.input:
        tensor = value.type.tensor_type
        text = tensor.elem_type == onnx.TensorProto.STRING
        columns = json.loads(notes["text_columns" if text else "columns"])
        assert tensor.shape.dim[1].dim_value == len(columns), "width of " + value.name
        places = [names.index(column) for column in columns]
        cells = [[row[place] for place in places] for row in rows]
        feeds[value.name] = (numpy.array(cells, dtype=object) if text else numpy.array(
            [[float(cell or "nan") for cell in row] for row in cells], TYPES[tensor.elem_type]))
    return feeds, notes


def main(path, data, predictions, tolerance, dump=None):
    model = onnx.load(path)
    checker.check_model(model, full_check=True)
    inferred = shape_inference.infer_shapes(model, check_type=True, strict_mode=True)
    assert {s.domain: s.version for s in model.opset_import}[""] == 13 and model.ir_version == 7
    feeds, notes = inputs(model, data)
    outputs = run(inferred.graph, feeds)
    for value in model.graph.output:
        got, tensor = outputs[value.name], value.type.tensor_type
        assert got.dtype == TYPES[tensor.elem_type], value.name + " is of another type"
        assert got.ndim == len(tensor.shape.dim), value.name + " is of another rank"
    names, rows = read(predictions)
    if "classes" in notes:
        classes = json.loads(notes["classes"])
        assert names == ["prediction"] + ["p_" + c for c in classes], "names of the classes"
        told = numpy.array([classes.index(row[0]) for row in rows])
        assert (outputs["label"] == told).all(), "labels differ"
        rows, got = [row[1:] for row in rows], outputs["probabilities"]
    else:
        told, got = None, outputs["y"]
        assert names == json.loads(notes["targets"]), "names of the targets"
    want = numpy.array(rows, dtype=got.dtype).astype(numpy.float64)
    assert got.shape == want.shape, "shape"
    absolute = numpy.abs(got - want)
    scaled = (absolute / numpy.maximum(numpy.abs(want).max(axis=0), 1e-300)).max()
    relative = (absolute / numpy.maximum(numpy.abs(want), 1e-300)).max()
    print("%d rows, largest difference %.1e, of the column's largest %.1e, relative %.1e" %
          (len(want), absolute.max(), scaled, relative))
    if dump:
        with open(dump + ".json", "w") as file:
            json.dump({"feeds": {name: [[None if cell != cell else cell for cell in row] for row in feed.tolist()]
                                 for name, feed in feeds.items()},
                       "types": {name: feed.dtype.name for name, feed in feeds.items()},
                       "label": None if told is None else told.tolist(), "want": want.tolist()}, file)
    return int(scaled > tolerance)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3], float(sys.argv[4]), *sys.argv[5:]))
