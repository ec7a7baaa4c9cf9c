// An exported ONNX file in onnxruntime-web, on what onnx_run.py has dumped:
//
//     node onnx_run.mjs NODE_MODULES FILE.onnx DUMP.json TOLERANCE
//
// Prints the largest differences from `heddle predict`; status 1 if they exceed TOLERANCE. Not part of `make check`, which uses no npm.
import fs from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [modules, file, dump, tolerance] = process.argv.slice(2);
const ort = await import(
    pathToFileURL(path.resolve(modules, "onnxruntime-web/dist/ort.node.min.mjs")).href,
);
ort.env.logLevel = "error";
const { feeds, types, label, want } = JSON.parse(fs.readFileSync(dump));
const inputs = {};
for (const [name, rows] of Object.entries(feeds)) {
    const shape = [rows.length, rows[0].length];
    const cells = rows.flat().map((cell) => (cell === null ? NaN : cell));
    inputs[name] =
        types[name] === "object"
            ? new ort.Tensor("string", cells, shape)
            : types[name] === "float64"
              ? new ort.Tensor("float64", Float64Array.from(cells), shape)
              : new ort.Tensor("float32", Float32Array.from(cells), shape);
}
const session = await ort.InferenceSession.create(fs.readFileSync(file));
const outputs = await session.run(inputs);
const got = (outputs.probabilities ?? outputs.y).data;
const columns = want[0].length;
const largest = new Array(columns).fill(1e-300);
want.flat().forEach((value, i) => {
    largest[i % columns] = Math.max(largest[i % columns], Math.abs(value));
});
let absolute = 0;
let scaled = 0;
let relative = 0;
want.flat().forEach((value, i) => {
    const off = Math.abs(got[i] - value);
    absolute = Math.max(absolute, off);
    scaled = Math.max(scaled, off / largest[i % columns]);
    relative = Math.max(relative, off / Math.max(Math.abs(value), 1e-300));
});
const wrong = label ? label.filter((value, i) => Number(outputs.label.data[i]) !== value).length : 0;
console.log(
    `${want.length} rows, largest difference ${absolute.toExponential(1)}, of the column's largest ` +
        `${scaled.toExponential(1)}, relative ${relative.toExponential(1)}, ${wrong} labels differ`,
);
process.exit(wrong || !(scaled <= Number(tolerance)) ? 1 : 0);
