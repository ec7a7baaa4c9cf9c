"""Golden values for tests/test_golden.c, from programs that share nothing with Heddle.

    /usr/bin/python3 golden.py        writes golden_xor.txt, golden_layers.txt, golden_torch.txt

The first two are the tutorial's algorithm in numpy float64: full batch, sigmoid everywhere, error
sum of squares, deltas without its factor 2, biases as the last column of each matrix. The third is
PyTorch in float64: tanh, softmax cross-entropy (mean of a batch), batches in the order of the rows.
Files are names and hexadecimal floats; weights stand layer by layer, matrix (out, in) by rows, then
biases. Never run this to make a test pass: a difference is a bug until it is understood.
"""
import os
import sys

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))

# Every fifth row of R. A. Fisher's iris data (UCI Machine Learning Repository, CC BY 4.0).
IRIS = [
    (5.1, 3.5, 1.4, 0.2, 0), (5.4, 3.9, 1.7, 0.4, 0), (5.4, 3.7, 1.5, 0.2, 0),
    (5.7, 4.4, 1.5, 0.4, 0), (5.4, 3.4, 1.7, 0.2, 0), (5.0, 3.0, 1.6, 0.2, 0),
    (4.8, 3.1, 1.6, 0.2, 0), (5.0, 3.2, 1.2, 0.2, 0), (5.0, 3.5, 1.3, 0.3, 0),
    (4.8, 3.0, 1.4, 0.3, 0), (7.0, 3.2, 4.7, 1.4, 1), (5.7, 2.8, 4.5, 1.3, 1),
    (5.0, 2.0, 3.5, 1.0, 1), (6.7, 3.1, 4.4, 1.4, 1), (5.9, 3.2, 4.8, 1.8, 1),
    (6.6, 3.0, 4.4, 1.4, 1), (5.5, 2.4, 3.8, 1.1, 1), (6.0, 3.4, 4.5, 1.6, 1),
    (5.5, 2.6, 4.4, 1.2, 1), (5.7, 3.0, 4.2, 1.2, 1), (6.3, 3.3, 6.0, 2.5, 2),
    (7.6, 3.0, 6.6, 2.1, 2), (6.5, 3.2, 5.1, 2.0, 2), (6.4, 3.2, 5.3, 2.3, 2),
    (6.9, 3.2, 5.7, 2.3, 2), (7.2, 3.2, 6.0, 1.8, 2), (7.4, 2.8, 6.1, 1.9, 2),
    (7.7, 3.0, 6.1, 2.3, 2), (6.7, 3.1, 5.6, 2.4, 2), (6.7, 3.0, 5.2, 2.3, 2),
]

class File:
    def __init__(self, name, origin):
        self.file = open(os.path.join(HERE, name), "w")
        for line in (origin, "made by tests/data/golden.py"):
            self.file.write("# %s\n" % line)

    def put(self, name, *values):
        words = [v if isinstance(v, str) else "%d" % v if isinstance(v, int) else float(v).hex()
                 for v in values]
        self.file.write(" ".join([name] + words) + "\n")

    def put_all(self, name, arrays):
        flat = [v for a in arrays for v in np.asarray(a, float).ravel()]
        self.put(name, len(flat))
        for v in flat:
            self.file.write(float(v).hex() + "\n")


def logistic(z):
    return 1.0 / (1.0 + np.exp(-z))


def separate(matrices):
    """[W | b] per layer to W, b, W, b, ..."""
    return [part for m in matrices for part in (m[:, :-1], m[:, -1])]


def tutorial(matrices, inputs, targets, rate, iterations, watched):
    """Gradient descent on all examples at once; yields nothing, returns weights and errors."""
    ones = np.ones((len(inputs), 1))
    errors = {}
    for iteration in range(iterations):
        layers = [inputs]                       # (examples, width)
        for m in matrices:
            layers.append(logistic(np.hstack([layers[-1], ones]) @ m.T))
        away = layers[-1] - targets
        if iteration in watched:
            errors[iteration] = np.sum(away * away)
        delta = away * layers[-1] * (1.0 - layers[-1])
        changed = []
        for m, below in reversed(list(zip(matrices, layers))):
            changed.insert(0, m - rate * (delta.T @ np.hstack([below, ones])))
            delta = (delta @ m[:, :-1]) * below * (1.0 - below)
        matrices = changed
    return matrices, errors


def numpy_file(name, shape, spread, seed, inputs, targets, rate, iterations, watched):
    random = np.random.RandomState(seed)
    first = [random.normal(0.0, spread, (n, m + 1)) for m, n in zip(shape, shape[1:])]
    last, errors = tutorial(first, inputs, targets, rate, iterations, watched)
    f = File(name, "the tutorial's algorithm in numpy %s float64, Python %s"
             % (np.__version__, sys.version.split()[0]))
    f.put("shape", *shape)
    f.put("rate", rate)
    f.put("iterations", iterations)
    f.put_all("inputs", [inputs])
    f.put_all("targets", [targets])
    f.put_all("first", separate(first))
    for iteration in watched:
        f.put("error", iteration, errors[iteration])
    f.put_all("last", separate(last))


def torch_file(name):
    import torch
    torch.set_default_dtype(torch.float64)
    torch.set_num_threads(1)
    shape, batch, steps = (4, 6, 3), 8, 50
    inputs = torch.tensor([row[:4] for row in IRIS])
    classes = torch.tensor([row[4] for row in IRIS])
    random = np.random.RandomState(3)
    first = [random.normal(0.0, 0.4, (n, m + 1)) for m, n in zip(shape, shape[1:])]
    f = File(name, "PyTorch %s float64, Python %s" % (torch.__version__, sys.version.split()[0]))
    f.put("shape", *shape)
    f.put("batch", batch)
    f.put("iterations", steps)
    f.put_all("inputs", [inputs.numpy()])
    f.put_all("targets", [classes.numpy()])
    f.put_all("first", separate(first))
    for optimizer, rate, make in (
            ("sgd", 0.1, lambda p, r: torch.optim.SGD(p, lr=r)),
            ("momentum", 0.02, lambda p, r: torch.optim.SGD(p, lr=r, momentum=0.9)),
            ("nesterov", 0.02, lambda p, r: torch.optim.SGD(p, lr=r, momentum=0.9, nesterov=True)),
            ("adam", 0.03, lambda p, r: torch.optim.Adam(p, lr=r, betas=(0.9, 0.999), eps=1e-8))):
        weights = [torch.tensor(np.ascontiguousarray(w), requires_grad=True)
                   for w in separate(first)]
        rule = make(weights, rate)
        f.put("optimizer", optimizer)
        f.put("rate", rate)
        at, epoch, total = 0, 0, 0.0
        for _ in range(steps):
            x, t = inputs[at:at + batch], classes[at:at + batch]
            hidden = torch.tanh(x @ weights[0].T + weights[1])
            logits = hidden @ weights[2].T + weights[3]
            loss = torch.nn.functional.cross_entropy(logits, t)
            rule.zero_grad()
            loss.backward()
            rule.step()
            total += float(loss) * len(x)
            at += batch
            if at >= len(inputs):
                epoch += 1
                f.put("error", epoch, total / len(inputs))
                at, total = 0, 0.0
        f.put_all("last", [w.detach().numpy() for w in weights])


if __name__ == "__main__":
    xor = np.array([[0, 0], [1, 1], [0, 1], [1, 0]], float)
    numpy_file("golden_xor.txt", (2, 2, 1), 1.0, 1, xor, np.array([[0], [0], [1], [1]], float),
               0.2, 1000, (0, 1, 10, 100, 500, 999))
    flowers = np.array([row[:4] for row in IRIS])
    kinds = np.array([[float(row[4] == k) for k in range(3)] for row in IRIS])
    numpy_file("golden_layers.txt", (4, 5, 4, 3), 0.5, 2, flowers, kinds, 0.05, 200,
               (0, 1, 10, 50, 100, 199))
    torch_file("golden_torch.txt")
