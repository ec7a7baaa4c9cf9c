#!/usr/bin/env python3
"""Heddle beside PyTorch, scikit-learn, numpy (the tutorial's algorithm) and FANN, in one run.

    peers.py --heddle build/heddle --fann build/bench/peer_fann --out build/bench/peers.md

Every contestant runs whole training steps in processes of its own, once for each number of threads
(1 and all cores); rounds are interleaved, medians are compared, and each contestant is shown with
the number of threads that suits it best. A step of Heddle, PyTorch, scikit-learn and numpy takes a
shuffled batch out of 16,384 rows; FANN trains on a batch that is there. Networks are sigmoid, the
error is squared, the optimizer plain gradient descent; reals are floats, but doubles in numpy, as
in the tutorial.

What is not installed is left out and named.
"""
import argparse
import gzip
import json
import os
import platform
import statistics
import subprocess
import sys
import time

CASES = [
    ((2, 2, 1), 4),
    ((4, 16, 3), 32),
    ((64, 32, 10), 32),
    ((10, 46, 46, 10), 128),
    ((784, 128, 10), 128),
    ((784, 1024, 1024, 10), 64),
    ((784, 1024, 1024, 10), 1024),
]
ROWS = 16384
PEERS = ["PyTorch", "scikit-learn", "numpy", "FANN"]
FASHION = ["/usr/share/datasets/fashion-mnist", "/usr/share/dataset/fashion-mnist",
           "/usr/share/dataset-fashion-mnist"]
FANN_FLOP = 1e9  # a step larger than this would take FANN seconds


def flop(shape, batch):
    """2 B (3 Σ n[l-1] n[l] - n[0] n[1]): no pull-back into the inputs."""
    products = [a * b for a, b in zip(shape[:-1], shape[1:])]
    return 2.0 * batch * (3 * sum(products) - products[0])


# ------------------------------------------------------------------ contestants, in a process each


def timed(steps, seconds):
    """Microseconds of a step: steps(n) runs n of them."""
    steps(2)
    n = 1
    while True:
        begin = time.perf_counter()
        steps(n)
        took = time.perf_counter() - begin
        if took >= seconds:
            return 1e6 * took / n
        n = max(n + 1, int(1.2 * n * seconds / took)) if took > seconds / 20 else 8 * n


class Batches:
    """Row numbers of one batch after the other, shuffled anew each epoch."""

    def __init__(self, rows, batch, permutation):
        self.rows, self.batch, self.permutation = rows, batch, permutation
        self.at, self.order = rows, None

    def next(self):
        if self.at + self.batch > self.rows:
            self.at, self.order = 0, self.permutation(self.rows)
        self.at += self.batch
        return self.order[self.at - self.batch : self.at]


class PyTorch:
    def __init__(self, threads):
        import torch

        self.torch = torch
        torch.set_num_threads(threads)
        self.version = torch.__version__

    def measure(self, shape, batch, seconds):
        torch = self.torch
        torch.manual_seed(0)
        layers = []
        for a, b in zip(shape[:-1], shape[1:]):
            layers += [torch.nn.Linear(a, b), torch.nn.Sigmoid()]
        net = torch.nn.Sequential(*layers)
        loss = torch.nn.MSELoss()
        optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
        X, T = torch.rand(ROWS, shape[0]), torch.rand(ROWS, shape[-1])
        batches = Batches(ROWS, batch, torch.randperm)

        def steps(n):
            for _ in range(n):
                rows = batches.next()
                optimizer.zero_grad(set_to_none=True)
                loss(net(X[rows]), T[rows]).backward()
                optimizer.step()

        return timed(steps, seconds)


class ScikitLearn:
    def __init__(self, threads):
        import sklearn
        import sklearn.neural_network
        import numpy

        self.np, self.sklearn = numpy, sklearn
        self.version = sklearn.__version__

    def measure(self, shape, batch, seconds):
        np = self.np
        rng = np.random.default_rng(0)
        rows = min(ROWS, 16 * batch if flop(shape, batch) > 1e9 else 128 * batch)
        X = rng.random((rows, shape[0]), dtype=np.float32)
        T = rng.random((rows, shape[-1]), dtype=np.float32)
        T = T[:, 0] if shape[-1] == 1 else T
        net = self.sklearn.neural_network.MLPRegressor(
            shape[1:-1], activation="logistic", solver="sgd", alpha=0.0, batch_size=batch,
            learning_rate_init=0.01, momentum=0.0, nesterovs_momentum=False, random_state=0)
        each = rows // batch
        net.partial_fit(X, T)
        epochs = timed(lambda n: [net.partial_fit(X, T) for _ in range(n)], seconds)
        return epochs / each


class Numpy:
    """The tutorial's algorithm: biases as a last column fed by 1, sigmoid everywhere, double."""

    def __init__(self, threads):
        import numpy

        self.np = numpy
        self.version = numpy.__version__

    def measure(self, shape, batch, seconds):
        np = self.np
        rng = np.random.default_rng(0)
        W = [rng.normal(0, 0.1, (b, a + 1)) for a, b in zip(shape[:-1], shape[1:])]
        X, T = rng.random((ROWS, shape[0])), rng.random((ROWS, shape[-1]))
        ones = np.ones((1, batch))
        batches = Batches(ROWS, batch, rng.permutation)

        def steps(n):
            for _ in range(n):
                rows = batches.next()
                out = [np.vstack([X[rows].T, ones])]
                for w in W:
                    out.append(np.vstack([1 / (1 + np.exp(-w.dot(out[-1]))), ones]))
                x = out[-1][:-1]
                delta = (x - T[rows].T) * x * (1 - x)
                for k in reversed(range(len(W))):
                    below = None
                    if k > 0:
                        x = out[k][:-1]
                        below = W[k].T.dot(delta)[:-1] * x * (1 - x)
                    W[k] -= 0.01 / batch * delta.dot(out[k].T)
                    delta = below

        return timed(steps, seconds)


CLASSES = {"PyTorch": PyTorch, "scikit-learn": ScikitLearn, "numpy": Numpy}


def serve(name, threads):
    """Answer lines of JSON (shape, batch, seconds) with microseconds, until there are no more."""
    try:
        contestant = CLASSES[name](threads)
    except ImportError as error:
        print(json.dumps({"error": str(error)}), flush=True)
        return
    print(json.dumps({"version": contestant.version}), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        us = contestant.measure(tuple(asked["shape"]), asked["batch"], asked["seconds"])
        print(json.dumps(us), flush=True)


class Served:
    """A contestant's process, as seen from here."""

    def __init__(self, name, threads):
        env = dict(os.environ, OMP_NUM_THREADS=str(threads), OPENBLAS_NUM_THREADS=str(threads),
                   OMP_PROC_BIND="true", OMP_WAIT_POLICY="active" if threads > 1 else "passive",
                   GOMP_SPINCOUNT="20000")
        if threads == 1:  # or it would be bound to the first core beside others
            env.pop("OMP_PROC_BIND")
        self.process = subprocess.Popen(
            [sys.executable, os.path.abspath(__file__), "--serve", name, "--threads", str(threads)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            env=env)
        first = self.process.stdout.readline()
        answer = json.loads(first) if first else {"error": "it did not start"}
        self.error = answer.get("error")
        self.version = answer.get("version")

    def measure(self, shape, batch, seconds):
        self.process.stdin.write(
            json.dumps({"shape": shape, "batch": batch, "seconds": seconds}) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        return json.loads(line) if line else None

    def end(self):
        self.process.stdin.close()
        self.process.wait()


class Fann:
    version = "2.2"

    def __init__(self, program):
        self.program = program
        self.error = None if program and os.access(program, os.X_OK) else "not built (libfann-dev)"

    def measure(self, shape, batch, seconds):
        if flop(shape, batch) > FANN_FLOP:
            return None
        out = subprocess.run([self.program, ",".join(map(str, shape)), str(batch), str(seconds)],
                             capture_output=True, text=True, check=True).stdout
        return float(out)

    def end(self):
        pass


def heddle_bench(program, shape, batch, threads, rows=ROWS):
    """{threads: us}, and {threads, as text: the limit}."""
    command = [program, "bench", "--shape", ",".join(map(str, shape)), "--batch", str(batch),
               "--threads", ",".join(map(str, threads)), "--repeats", "3", "--rows", str(rows),
               "--format", "json"]
    answer = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return {row["threads"]: row["us_per_step"] for row in answer["rows"]}, answer["limit_gflops"]


# ------------------------------------------------------------------ the real run


def read_idx(path):
    import numpy

    with gzip.open(path, "rb") as stream:
        data = stream.read()
    dims = data[3]
    shape = [int.from_bytes(data[4 + 4 * i : 8 + 4 * i], "big") for i in range(dims)]
    return numpy.frombuffer(data, numpy.uint8, offset=4 + 4 * dims).reshape(shape)


def load(folder):
    X = read_idx(os.path.join(folder, "train-images-idx3-ubyte.gz"))
    y = read_idx(os.path.join(folder, "train-labels-idx1-ubyte.gz"))
    Xt = read_idx(os.path.join(folder, "t10k-images-idx3-ubyte.gz"))
    yt = read_idx(os.path.join(folder, "t10k-labels-idx1-ubyte.gz"))
    scale = lambda a: (a.reshape(len(a), -1) / 255.0).astype("float32")
    return scale(X), y, scale(Xt), yt


def real_torch(folder, threads):
    import torch

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    X, y, Xt, yt = load(folder)
    X, y, Xt, yt = (torch.from_numpy(a.copy()) for a in (X, y.astype("int64"), Xt,
                                                         yt.astype("int64")))
    net = torch.nn.Sequential(torch.nn.Linear(784, 128), torch.nn.ReLU(), torch.nn.Linear(128, 10))
    optimizer = torch.optim.Adam(net.parameters(), lr=0.001)
    loss = torch.nn.CrossEntropyLoss()
    begin = time.perf_counter()
    for _ in range(10):
        order = torch.randperm(len(X))
        for i in range(0, len(X), 128):
            rows = order[i : i + 128]
            optimizer.zero_grad(set_to_none=True)
            loss(net(X[rows]), y[rows]).backward()
            optimizer.step()
    took = time.perf_counter() - begin
    with torch.no_grad():
        accuracy = (net(Xt).argmax(1) == yt).float().mean().item()
    return took, accuracy


def real_sklearn(folder, threads):
    import warnings
    from sklearn.neural_network import MLPClassifier

    warnings.simplefilter("ignore")
    X, y, Xt, yt = load(folder)
    net = MLPClassifier((128,), activation="relu", solver="adam", alpha=0.0, batch_size=128,
                        learning_rate_init=0.001, max_iter=10, n_iter_no_change=10, random_state=0)
    begin = time.perf_counter()
    net.fit(X, y)
    took = time.perf_counter() - begin
    return took, net.score(Xt, yt)


REAL = {"PyTorch": real_torch, "scikit-learn": real_sklearn}


def run_real(name, folder, threads):
    """(training seconds, seconds of the whole command, accuracy) of one run."""
    env = dict(os.environ, OMP_NUM_THREADS=str(threads), OPENBLAS_NUM_THREADS=str(threads))
    begin = time.perf_counter()
    out = subprocess.run(
        [sys.executable, os.path.abspath(__file__), "--real", name, "--threads", str(threads),
         "--fashion", folder], capture_output=True, text=True, env=env).stdout
    whole = time.perf_counter() - begin
    if not out:
        return None
    took, accuracy = json.loads(out)
    return took, whole, accuracy


def run_real_heddle(program, folder, threads):
    command = [program, "train", os.path.join(folder, "train-images-idx3-ubyte.gz"),
               "--labels", os.path.join(folder, "train-labels-idx1-ubyte.gz"),
               "--test", os.path.join(folder, "t10k-images-idx3-ubyte.gz"),
               "--test-labels", os.path.join(folder, "t10k-labels-idx1-ubyte.gz"),
               "--hidden", "128", "--activation", "relu", "--optimizer", "adam", "--rate", "0.001",
               "--batch", "128", "--epochs", "10", "--threads", str(threads), "--quiet", "--json"]
    begin = time.perf_counter()
    answer = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return answer["seconds"], time.perf_counter() - begin, answer["test"]["accuracy"]


# ------------------------------------------------------------------ all of it


def processor():
    try:
        with open("/proc/cpuinfo") as stream:
            for line in stream:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor()


def blas():
    """What numpy and PyTorch multiply with."""
    code = ("import numpy, os; numpy.ones((9, 9)).dot(numpy.ones((9, 9)));"
            "print('\\n'.join(sorted({l.split()[-1] for l in open('/proc/self/maps')"
            " if 'blas' in l})))")
    try:
        out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout
        names = [os.path.basename(path) for path in out.split()]
        return ", ".join(names) or "unknown"
    except OSError:
        return "unknown"


def number(us):
    if us is None:
        return "–"
    for unit, size in (("µs", 1), ("ms", 1e3), ("s", 1e6)):
        if us < 1000 * size:
            break
    return "%.3g %s" % (us / size, unit)


def put_down(path, text):
    """What came of it, into a file and on standard output."""
    os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
    with open(path, "w") as stream:
        stream.write(text)
    print(text)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--heddle", default="build/heddle")
    parser.add_argument("--fann", default="build/bench/peer_fann")
    parser.add_argument("--out", default="build/bench/peers.md")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.2, help="of one measurement")
    parser.add_argument("--fashion", default=os.environ.get("FASHION_MNIST"),
                        help="folder of Fashion-MNIST (Debian: dataset-fashion-mnist)")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    parser.add_argument("--real", help=argparse.SUPPRESS)
    parser.add_argument("--threads", type=int, default=1, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        return serve(args.serve, args.threads)
    if args.real:
        return print(json.dumps(REAL[args.real](args.fashion, args.threads)))

    cores = len(os.sched_getaffinity(0))
    counts = sorted({1, cores})
    missing, versions = {}, {}
    contestants = {}  # (name, threads): what measures
    for name in PEERS:
        for threads in counts if name != "FANN" else [1]:
            one = Fann(args.fann) if name == "FANN" else Served(name, threads)
            if one.error:
                missing[name] = one.error
            else:
                contestants[name, threads] = one
                versions[name] = one.version
    for name, why in missing.items():
        print("left out: %s: %s" % (name, why), file=sys.stderr)

    seen, limits = {}, {n: 0.0 for n in counts}
    for turn in range(args.rounds):
        for shape, batch in CASES:
            ours, limit = heddle_bench(args.heddle, shape, batch, counts)
            for threads, us in ours.items():
                seen.setdefault((shape, batch, "heddle", threads), []).append(us)
                limits[threads] = max(limits[threads], limit[str(threads)])
            for (name, threads), one in contestants.items():
                key = shape, batch, name, threads
                if turn > 1 and seen.get(key) and min(seen[key]) > 1e6:
                    continue  # seconds a step: twice is enough
                us = one.measure(shape, batch, args.seconds)
                if us is not None:
                    seen.setdefault(key, []).append(us)
        print("round %d of %d" % (turn + 1, args.rounds), file=sys.stderr)
    for one in contestants.values():
        one.end()

    def best(shape, batch, name):
        """(median, threads) at the best number of threads."""
        found = [(statistics.median(us), key[3]) for key, us in seen.items()
                 if key[:3] == (shape, batch, name)]
        return min(found) if found else (None, 0)

    names = [name for name in PEERS if name not in missing]
    lines = ["One training step (batch assembled, forward, back, update), sigmoid network, squared "
             "error, plain gradient descent. Each at its best number of threads of %s (in "
             "brackets); medians of %d interleaved rounds."
             % (" and ".join(map(str, counts)), args.rounds), "",
             "| network, batch | Heddle | GFLOP/s | of the limit | "
             + " | ".join(names) + " | times the best of them |",
             "|---|---:|---:|---:|" + "---:|" * len(names) + "---:|"]
    for shape, batch in CASES:
        us, threads = best(shape, batch, "heddle")
        speed = flop(shape, batch) / us * 1e-3
        cells = ["%s, %d" % ("-".join(map(str, shape)), batch), "%s (%d)" % (number(us), threads),
                 "%.3g" % speed, "%.0f %%" % (100 * speed / limits[threads])]
        theirs = [best(shape, batch, name) for name in names]
        cells += ["%s (%d)" % (number(t), n) if t else "–" for t, n in theirs]
        others = [t for t, _ in theirs if t]
        cells.append("%.3g" % (min(others) / us) if others else "–")
        lines.append("| " + " | ".join(cells) + " |")

    folder = args.fashion or next((f for f in FASHION if os.path.isdir(f)), None)
    real = {}
    if folder:
        runners = [("heddle", n, lambda n: run_real_heddle(args.heddle, folder, n)) for n in counts]
        runners += [(name, n, lambda n, name=name: run_real(name, folder, n))
                    for name in REAL if name not in missing for n in counts]
        for turn in range(min(3, args.rounds)):
            for name, threads, runner in runners:
                answer = runner(threads)
                if answer:
                    real.setdefault((name, threads), []).append(answer)
        lines += ["", "Fashion-MNIST, 784-128-10, ReLU, softmax cross-entropy, Adam 0.001, batch 128, "
                  "10 epochs; median of %d interleaved runs." % min(3, args.rounds), "",
                  "| | threads | training | whole command | test accuracy |", "|---|---:|---:|---:|---:|"]
        for (name, threads), runs in real.items():
            took, whole, accuracy = (statistics.median(v) for v in zip(*runs))
            lines.append("| %s | %d | %.2f s | %.2f s | %.1f %% |" % (
                "Heddle" if name == "heddle" else name, threads, took, whole, 100 * accuracy))
    else:
        lines += ["", "The real run was left out: no Fashion-MNIST (Debian: dataset-fashion-mnist)."]

    lines += ["", "%s, %d cores; limit %s GFLOP/s; %s; BLAS of numpy, scikit-learn and PyTorch: %s."
              % (processor(), cores,
                 ", ".join("%.0f (%d)" % (limits[n], n) for n in counts),
                 ", ".join("%s %s" % (n, versions[n]) for n in names), blas())]
    if "libblas" in blas() and "openblas" not in blas():
        lines += ["", "That is the slow reference BLAS: install libopenblas0-openmp for a fair "
                  "comparison."]
    lines += ["Left out: %s (%s)." % (n, w) for n, w in missing.items()]
    text = "\n".join(lines) + "\n"
    put_down(args.out, text)


if __name__ == "__main__":
    main()
