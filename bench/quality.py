#!/usr/bin/python3
"""How good Heddle is without options, beside scikit-learn's networks.

    quality.py --heddle build/heddle [--data DIR] [--seeds 5] [--only NAME,...] [--options '...']
               [--out FILE.md] [--no-peer]

Two tables. Both trainers see the same rows and tell the accuracy or R² of the same test rows (of
several targets the mean R²): mean and standard deviation over the seeds of the weights, the seconds
of a whole `heddle train TRAIN --test TEST`, reading and all, and of fit() alone.

1. Sets with a split of their own, found in DIR (Fashion-MNIST also where Debian's
   dataset-fashion-mnist puts it). scikit-learn has a network, a batch and epochs chosen by hand for
   each set (SETS below), ReLU, Adam 0.001, no penalty, inputs standardised (images / 255, mushroom
   and robot as they are, words one column each, empty cells the training median). Heddle is given
   the files and told no more than which column is the target, and for housing what to do about empty
   cells. Whole files are split by row: row i, from 0, is a test row where i % 5 == 4; the last 4,000
   of the letters are. Of xor the four rows are both.
2. Sets that come with scikit-learn, and Heddle's builtin spirals: a fifth of the rows, each class in
   proportion, are the test rows, others with each seed. scikit-learn has its default network (100
   ReLU units, Adam) and as many epochs as it takes to converge (at most 1,000).
"""
import argparse
import csv
import gzip
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings

import numpy as np
from sklearn import datasets
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor

warnings.filterwarnings("ignore", category=ConvergenceWarning)
DEBIAN = "/usr/share/datasets"


class Data:
    """Files for Heddle and what to tell it, arrays for scikit-learn and its network's arguments."""

    def __init__(self, files, arrays, numbers=False, options=(), net=None):
        self.train, self.test = files
        self.x, self.y, self.xt, self.yt = arrays
        self.numbers, self.options, self.net = numbers, list(options), net


def standard(x, xt):
    mean, deviation = x.mean(0), x.std(0)
    deviation[deviation == 0] = 1
    return (x - mean) / deviation, (xt - mean) / deviation


def encode(train, test):
    """A column of a table as scikit-learn needs it, by what the training rows hold."""
    try:
        a, b = (np.array([float(cell or "nan") for cell in part]) for part in (train, test))
    except ValueError:
        kinds = sorted(set(train))
        return [np.array([[c == k for k in kinds] for c in p], float) for p in (train, test)]
    middle = np.nanmedian(a)
    return standard(*(np.where(np.isnan(p), middle, p)[:, None] for p in (a, b)))


def table(path, room, net, target, is_test, numbers, options):
    header, *rows = list(csv.reader(open(path)))
    parts = [[r for i, r in enumerate(rows) if part in is_test(i, len(rows))]
             for part in ("train", "test")]
    files = [os.path.join(room, part) for part in ("train.csv", "test.csv")]
    for file, part in zip(files, parts):
        with open(file, "w", newline="") as stream:
            csv.writer(stream).writerows([header] + part)
    t = header.index(target)
    columns = [encode(*([r[c] for r in part] for part in parts))
               for c in range(len(header)) if c != t]
    x, xt = (np.hstack([c[i] for c in columns]) for i in range(2))
    y, yt = (np.array([r[t] for r in part], float if numbers else str) for part in parts)
    return Data(files, (x, y, xt, yt), numbers, ["--target", target] + options, net)


def fann(path, net, scaled, numbers):
    files = [path, path[:-len("train")] + "test"]
    arrays = []
    for file in files:
        a = np.array(open(file).read().split(), float)
        n, i, o = a[:3].astype(int)
        a = a[3:].reshape(n, i + o)
        classes = a[:, i:].argmax(1) if o > 1 else a[:, i] > 0.5
        arrays += [a[:, :i], a[:, i:] if numbers else classes.astype(int)]
    if scaled:
        arrays[0], arrays[2] = standard(arrays[0], arrays[2])
    return Data(files, arrays, numbers, net=net)


def images(path, net):
    files = [path, os.path.join(os.path.dirname(path), "t10k-images-idx3-ubyte.gz")]
    arrays = []
    for file in files:
        labels = file.replace("images-idx3", "labels-idx1")
        y = np.frombuffer(gzip.open(labels).read(), np.uint8, offset=8)
        x = np.frombuffer(gzip.open(file).read(), np.uint8, offset=16)
        arrays += [x.reshape(len(y), -1) / np.float32(255), y]
    return Data(files, arrays, net=net)


def fifth(i, _):
    return ["test"] if i % 5 == 4 else ["train"]


def whole(target, numbers=False, options=(), is_test=fifth):
    return lambda path, room, net: table(path, room, net, target, is_test, numbers, list(options))


def pair(scaled=False, numbers=False):
    return lambda path, room, net: fann(path, net, scaled, numbers)


# name: the file in DIR, what makes it data, scikit-learn's network, batch and epochs, seeds at most
SETS = {
    "xor": ("xor.csv", whole("y", is_test=lambda *_: ["train", "test"]), (8,), 4, 2000, 20),
    "iris": ("iris.csv", whole("species"), (8,), 8, 150, 20),
    "digits-8x8": ("digits-8x8.csv", whole("digit"), (64,), 32, 40, 20),
    "letter-recognition": (
        "letter-recognition.csv",
        whole("lettr", is_test=lambda i, n: ["test"] if i >= n - 4000 else ["train"]),
        (128,), 64, 100, 2),
    "diabetes": ("diabetes.csv", whole("progression", True), (16,), 32, 60, 20),
    "california-housing": (
        "california-housing.csv", whole("median_house_value", True, ["--missing", "mean"]),
        (64, 64), 64, 100, 2),
    "fann/mushroom": ("fann/mushroom.train", pair(), (32,), 32, 10, 3),
    "fann/thyroid": ("fann/thyroid.train", pair(scaled=True), (32,), 32, 60, 3),
    "fann/two-spiral": ("fann/two-spiral.train", pair(scaled=True), (64, 64), 16, 1000, 20),
    "fann/robot": ("fann/robot.train", pair(numbers=True), (32,), 16, 100, 20),
    "fashion-mnist": ("fashion-mnist/train-images-idx3-ubyte.gz",
                      lambda path, room, net: images(path, net), (128,), 128, 10, 2),
}
SHIPPED = ["iris", "wine", "breast_cancer", "digits", "diabetes", "spirals"]


def find(name, directory):
    """The set's file, or None."""
    for folder in (directory, DEBIAN) if name == "fashion-mnist" else (directory,):
        path = os.path.join(folder, SETS[name][0])
        if folder and os.path.exists(path):
            return path
    return None


def shipped(name, heddle, seed, room):
    """A set that comes with scikit-learn, or builtin:spirals, split by the seed."""
    if name == "spirals":
        path = os.path.join(room, "spirals.csv")
        subprocess.run([heddle, "convert", "builtin:spirals", path], check=True,
                       capture_output=True)
        a = np.genfromtxt(path, delimiter=",", skip_header=1)
        x, y = a[:, :-1], a[:, -1].astype(int)
    else:
        d = getattr(datasets, "load_" + name)(**({"scaled": False} if name == "diabetes" else {}))
        x, y = d.data, d.target
    numbers = name == "diabetes"
    x, xt, y, yt = train_test_split(x, y, test_size=0.2, random_state=seed,
                                    stratify=None if numbers else y)
    files = [os.path.join(room, part) for part in ("train.csv", "test.csv")]
    for file, inputs, targets in zip(files, (x, xt), (y, yt)):
        with open(file, "w", newline="") as stream:
            out = csv.writer(stream)
            out.writerow(["x%d" % i for i in range(x.shape[1])] + ["y"])
            out.writerows([repr(v) for v in row] + [target]
                          for row, target in zip(inputs.tolist(), targets.tolist()))
    x, xt = standard(x, xt)
    return Data(files, (x, y, xt, yt), numbers)


def of_heddle(arguments, data, seed):
    begin = time.perf_counter()
    run = subprocess.run([arguments.heddle, "train", data.train, "--test", data.test, "--seed",
                          str(seed), "--json", "-q"] + data.options + arguments.options.split(),
                         capture_output=True, text=True)
    seconds = time.perf_counter() - begin
    if run.returncode:
        sys.exit("heddle: " + run.stderr)
    return json.loads(run.stdout)["test"]["r2" if data.numbers else "accuracy"], seconds


def of_sklearn(data, seed):
    center, unit = (data.y.mean(0), data.y.std(0)) if data.numbers else (0, 1)
    net = (MLPRegressor if data.numbers else MLPClassifier)(
        random_state=seed, **(data.net or {"max_iter": 1000}))
    begin = time.perf_counter()
    net.fit(data.x, (data.y - center) / unit if data.numbers else data.y)
    seconds = time.perf_counter() - begin
    p = net.predict(data.xt)
    if not data.numbers:
        return (p == data.yt).mean(), seconds
    error = ((p * unit + center - data.yt) ** 2).sum(0)
    return np.mean(1 - error / ((data.yt - data.yt.mean(0)) ** 2).sum(0)), seconds


def text(values, numbers):
    scale, digits, unit = (1, 3, "") if numbers else (100, 1, " %")
    return "%.*f ± %.*f%s" % (digits, scale * np.mean(values), digits, scale * np.std(values), unit)


def row(name, arguments, seeds, make):
    """A line of a table; is Heddle behind by more than scikit-learn's spread?"""
    results = []
    with tempfile.TemporaryDirectory() as room:
        for seed in range(seeds):
            data = make(seed, room)
            peer = (np.nan, np.nan) if arguments.no_peer else of_sklearn(data, seed)
            results.append((*of_heddle(arguments, data, seed), *peer))
    ours, seconds, theirs, their_seconds = np.array(results).T
    line = "| %s, %d + %d | %s | %.2f | %s | %.2f | %d |" % (
        name, len(data.y), len(data.yt), text(ours, data.numbers), seconds.mean(),
        text(theirs, data.numbers), their_seconds.mean(), seeds)
    return line, ours.mean() < theirs.mean() - theirs.std() - 1e-9


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--heddle", default="build/heddle")
    parser.add_argument("--data", default="")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--only", default="")
    parser.add_argument("--options", default="", help="for heddle train, to try others")
    parser.add_argument("--out")
    parser.add_argument("--no-peer", action="store_true", help="Heddle alone")
    arguments = parser.parse_args()
    lines, behind = [], []

    def say(line):
        lines.append(line)
        print(line, flush=True)

    def tell(name, seeds, make):
        if not arguments.only or name in arguments.only.split(","):
            line, worse = row(name, arguments, seeds, make)
            say(line)
            behind.extend([name] if worse else [])

    def head(words):
        say("| %s, rows to train on + to test | Heddle, no options | seconds | scikit-learn | "
            "seconds | seeds |" % words)
        say("|---|---:|---:|---:|---:|---:|")

    head("split of its own")
    for name, (_, make, hidden, batch, epochs, most) in SETS.items():
        path = find(name, arguments.data)
        if not path:
            continue
        net = {"hidden_layer_sizes": hidden, "batch_size": batch, "max_iter": epochs, "alpha": 0,
               "tol": 0, "n_iter_no_change": epochs + 1}
        tell(name, min(arguments.seeds, most), lambda seed, room: make(path, room, net))
    say("")
    head("split by the seed")
    for name in SHIPPED:
        tell(name, arguments.seeds,
             lambda seed, room: shipped(name, arguments.heddle, seed, room))
    if not arguments.no_peer:
        say("\nBehind scikit-learn by more than its own spread: %s." % (", ".join(behind) or "none"))
    if arguments.out:
        with open(arguments.out, "w") as stream:
            stream.write("\n".join(lines) + "\n")


main()
