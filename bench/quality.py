#!/usr/bin/python3
"""How good Heddle is without options, beside scikit-learn's networks.

    quality.py --heddle build/heddle [--data DIR] [--seeds 5] [--only NAME,...] [--options '...']
               [--out FILE.md]

Each set is split by the seed: a fifth of the rows (each class in proportion) is the test. Both are
trained on the same rows and tell the accuracy or R² of the test rows: mean and standard deviation
over the seeds, and the seconds of a whole `heddle train TRAIN --test TEST`, reading and all, and of
fit() alone. scikit-learn has standardised inputs and targets, its default network (100 ReLU units,
Adam) and as many epochs as it takes to converge (at most 1,000); for California housing and letter
recognition 50, as it would take minutes.

Sets are those that come with scikit-learn, Heddle's builtin spirals, and those found in DIR:
letter-recognition.csv, california-housing.csv, fann/two-spiral.train and .test,
fann/thyroid, fann/mushroom and fann/robot (these with their own split; of robot's three targets the
mean R²).
"""
import argparse
import csv
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
NAN = float("nan")


def shipped(name):
    d = getattr(datasets, "load_" + name)(**({"scaled": False} if name == "diabetes" else {}))
    return d.data, d.target, name == "diabetes"


def spirals(heddle):
    with tempfile.TemporaryDirectory() as room:
        path = os.path.join(room, "spirals.csv")
        subprocess.run([heddle, "convert", "builtin:spirals", path], check=True,
                       capture_output=True)
        a = np.genfromtxt(path, delimiter=",", skip_header=1)
    return a[:, :-1], a[:, -1].astype(int), False


def letters(path):
    rows = list(csv.reader(open(path)))[1:]
    return np.array([r[1:] for r in rows], float), np.array([r[0] for r in rows]), False


def housing(path):
    rows = list(csv.DictReader(open(path)))
    names = [n for n in rows[0] if n not in ("median_house_value", "ocean_proximity")]
    x = np.array([[float(r[n]) if r[n] else NAN for n in names] for r in rows])
    x = np.where(np.isnan(x), np.nanmean(x, 0), x)
    kinds = sorted({r["ocean_proximity"] for r in rows})
    hot = np.array([[r["ocean_proximity"] == k for k in kinds] for r in rows], float)
    return np.hstack([x, hot]), np.array([float(r["median_house_value"]) for r in rows]), True


def fann(path, numbers=False):
    def load(part):
        a = np.array(open(path + part).read().split(), float)
        n, i, o = a[:3].astype(int)
        a = a[3:].reshape(n, i + o)
        if numbers:
            return a[:, :i], a[:, i:]
        return a[:, :i], a[:, i:].argmax(1) if o > 1 else (a[:, i] > 0.5).astype(int)
    return (*load(".train"), numbers, *load(".test"))


def write(path, x, y):
    with open(path, "w", newline="") as stream:
        out = csv.writer(stream)
        targets = y.reshape(len(y), -1)
        out.writerow(["x%d" % i for i in range(x.shape[1])] +
                     ["y%d" % i for i in range(targets.shape[1])])
        for row, target in zip(x.tolist(), targets.tolist()):
            out.writerow([repr(v) for v in row] + target)


def of_heddle(arguments, train, test, numbers, seed, room):
    write(room + "/train.csv", *train)
    write(room + "/test.csv", *test)
    begin = time.perf_counter()
    run = subprocess.run([arguments.heddle, "train", room + "/train.csv", "--test",
                          room + "/test.csv", "--task", "regress" if numbers else "classify",
                          "--target", ",".join("y%d" % i for i in range(train[1][0].size)),
                          "--seed", str(seed), "--json", "-q"] + arguments.options.split(),
                         capture_output=True, text=True)
    seconds = time.perf_counter() - begin
    if run.returncode:
        sys.exit("heddle: " + run.stderr)
    score = json.loads(run.stdout)["test"]
    return score["r2" if numbers else "accuracy"], seconds


def of_sklearn(train, test, numbers, seed):
    (x, y), (xt, yt) = train, test
    mean, deviation = x.mean(0), x.std(0)
    deviation[deviation == 0] = 1
    center, unit = (y.mean(0), y.std(0)) if numbers else (0, 1)
    net = (MLPRegressor if numbers else MLPClassifier)(
        max_iter=1000 if len(x) < 10000 else 50, random_state=seed)
    begin = time.perf_counter()
    net.fit((x - mean) / deviation, (y - center) / unit if numbers else y)
    seconds = time.perf_counter() - begin
    p = net.predict((xt - mean) / deviation)
    if not numbers:
        return (p == yt).mean(), seconds
    left = ((p * unit + center - yt) ** 2).sum(0) / ((yt - yt.mean(0)) ** 2).sum(0)
    return np.mean(1 - left), seconds


def text(values, numbers):
    scale, digits, unit = (1, 3, "") if numbers else (100, 1, " %")
    return "%.*f ± %.*f%s" % (digits, scale * np.mean(values), digits, scale * np.std(values), unit)


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
    sets = {name: (lambda n=name: shipped(n))
            for name in ("iris", "wine", "breast_cancer", "digits", "diabetes")}
    sets["spirals"] = lambda: spirals(arguments.heddle)
    for name, file, load in (("letters", "letter-recognition.csv", letters),
                             ("housing", "california-housing.csv", housing)):
        path = os.path.join(arguments.data, file)
        if arguments.data and os.path.exists(path):
            sets[name] = lambda p=path, f=load: f(p)
    for name in ("two-spiral", "thyroid", "mushroom", "robot"):
        path = os.path.join(arguments.data, "fann", name)
        if arguments.data and os.path.exists(path + ".train"):
            sets[name] = lambda p=path, n=name == "robot": fann(p, n)
    lines = ["| data, rows to train on + to test | Heddle, no options | seconds | scikit-learn | "
             "seconds |", "|---|---|---|---|---|"]
    print("\n".join(lines), flush=True)
    for name, load in sets.items():
        if arguments.only and name not in arguments.only.split(","):
            continue
        x, y, numbers, *own = load()
        results = []
        for seed in range(arguments.seeds):
            if own:
                train, test = (x, y), own
            else:
                a, b, c, d = train_test_split(x, y, test_size=0.2, random_state=seed,
                                              stratify=None if numbers else y)
                train, test = (a, c), (b, d)
            with tempfile.TemporaryDirectory() as room:
                ours = of_heddle(arguments, train, test, numbers, seed, room)
            theirs = (NAN, NAN) if arguments.no_peer else of_sklearn(train, test, numbers, seed)
            results.append((*ours, *theirs))
        r = np.array(results)
        lines.append("| %s, %d + %d | %s | %.2f | %s | %.2f |" % (
            name, len(train[0]), len(test[0]), text(r[:, 0], numbers), np.mean(r[:, 1]),
            text(r[:, 2], numbers), np.mean(r[:, 3])))
        print(lines[-1], flush=True)
    if arguments.out:
        with open(arguments.out, "w") as stream:
            stream.write("\n".join(lines) + "\n")


main()
