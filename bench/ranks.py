#!/usr/bin/env python3
"""Step time of heddle-mpi: measured on this machine, fitted, checked, and predicted for clusters.

    bench/ranks.py measure [HEDDLE-MPI] > build/bench/ranks.csv    a few minutes; leave the machine alone
    bench/ranks.py report  build/bench/ranks.csv                   the fit, its errors, the predictions

The model of a step with R ranks (shards S of K rows, F flop a row, P bytes of parameters):

    rows      each rank computes a run of the shards: the busiest has so many rows
    sums      each rank sends m sums of aligned subtrees, of each (R-1)/R to others, to R-1 ranks
    weights   and its slice of the parameters to R-1 ranks; the losses travel in an all-gather of
              log2 R rounds. Both are done in p parts (src/train/exchange.c)
    t = a F rows + b P (1 + 1/R) + (m + 1) P (R-1)/R / bandwidth + latency (messages) + c
    messages = p (m + 1) (R-1) + log2 R, for p > 1;  m (R-1) + 2 log2 R for one part, which is all-gathered

That is a sum, as if nothing was exchanged while something is computed: what the exchange hides in
between makes a step shorter than predicted.

a, b and c are the computer's (b: summing and updating what a rank owns, and reading all weights);
latency and bandwidth the network's. With more ranks than cores everything but c is done several
times on a core. Fitted: the non-negative a, b, c, 1/bandwidth and latency with the least squares of
relative errors.
"""
import json
import math
import os
import subprocess
import sys

SHAPES = [(784, 128, 10), (784, 512, 512, 10)]
BATCHES = [128, 512, 2048]
RANKS = [1, 2, 3, 4, 5, 6, 8]
REPEATS = 3
LEAST_SECONDS = 0.15

# One-way latency of a small message in seconds and bandwidth in bytes a second, between two hosts,
# as others have measured and published them: what, latency, bandwidth, where.
NETWORKS = [
    ("TCP on Ethernet of 25 to 100 Gbit/s, one connection, a cloud", 25e-6, 1.244e9,
     "20 to 30 µs: https://jiaweizhuang.github.io/blog/mpi-tcp-ec2 (EC2 c5n); osu_bw 1,244 MB/s: "
     "https://github.com/openucx/ucx/issues/4221 (EC2 p3.16xlarge)"),
    ("40 Gbit/s Ethernet past the kernel", 1.93e-6, 37.23e9 / 8,
     "NetPIPE with Open MPI 1.8.1 on Cisco usNIC, back to back: "
     "https://blogs.cisco.com/performance/mpi-over-40gb-ethernet"),
    ("200 Gbit/s InfiniBand (HDR)", 1.61e-6, 23.477e9,
     "osu_latency with Open MPI and osu_mbw_mr on Azure HBv2: https://techcommunity.microsoft.com/"
     "t5/azure-high-performance-computing/hpc-performance-and-scalability-results-with-azure-hbv2-"
     "vms/ba-p/1012813"),
]


def parameters(shape):
    return sum((m + 1) * n for m, n in zip(shape, shape[1:]))


def flop(shape):
    return 2 * (3 * sum(m * n for m, n in zip(shape, shape[1:])) - shape[0] * shape[1])


def shard_of(batch):
    """The default: half of the batch, rounded down to a power of two, 16 to 64."""
    return max(16, min(64, 1 << max(0, (batch // 2).bit_length() - 1)))


def subtrees(first, last):
    """How many maximal aligned subtrees make up shards [first, last)."""
    count = 0
    while first < last:
        size = first & -first if first else 1 << 62
        while size > last - first:
            size //= 2
        first += size
        count += 1
    return count


def shares(batch, shard, ranks):
    """Rows of the busiest rank, and the most sums that a rank has to send."""
    shards = -(-batch // shard)

    def cut(align):
        at = [shards // align * r // ranks * align for r in range(ranks)] + [shards]
        return list(zip(at, at[1:]))

    def most(runs):
        return max(b - a for a, b in runs)

    align, step = 1, 2  # as src/train/shard_plan.c
    while step <= shards // ranks:
        align = step if most(cut(step)) <= most(cut(1)) else align
        step *= 2
    runs = cut(align)
    rows = max(min(batch, b * shard) - min(batch, a * shard) for a, b in runs)
    return rows, max(subtrees(a, b) for a, b in runs)


def features(shape, batch, ranks, cores, speed=1):
    """What a, b, 1/bandwidth, latency and c are multiplied by."""
    rows, sums = shares(batch, shard_of(batch), ranks)
    size = 4 * parameters(shape)
    turns = max(1, ranks / cores)
    part = (ranks - 1) / ranks
    rounds = math.ceil(math.log2(ranks)) if ranks > 1 else 0
    parts = max(1, min(16, size // (131072 * ranks)))
    messages = parts * (sums + 1) * (ranks - 1) + rounds if parts > 1 else \
        sums * (ranks - 1) + 2 * rounds
    return [turns * flop(shape) * rows / speed, turns * size * (1 + 1 / ranks) / speed,
            turns * (sums + 1) * size * part,
            turns * messages, 1]


def fit(rows, times):
    """Non-negative least squares of relative errors, one coefficient after the other."""
    scaled = [[x / t for x in row] for row, t in zip(rows, times)]
    count = len(rows[0])
    norm = [math.sqrt(sum(row[k] ** 2 for row in scaled)) or 1 for k in range(count)]
    scaled = [[x / n for x, n in zip(row, norm)] for row in scaled]
    value = [0.0] * count
    rest = [1.0] * len(rows)
    for _ in range(20000):
        for k in range(count):
            step = sum(row[k] * r for row, r in zip(scaled, rest))
            new = max(0.0, value[k] + step)
            change, value[k] = new - value[k], new
            rest = [r - change * row[k] for r, row in zip(rest, scaled)]
    return [v / n for v, n in zip(value, norm)]


def measure(program):
    env = dict(os.environ, OMP_NUM_THREADS="1", OMPI_ALLOW_RUN_AS_ROOT="1",
               OMPI_ALLOW_RUN_AS_ROOT_CONFIRM="1", OMPI_MCA_mpi_yield_when_idle="1")
    print("shape,batch,ranks,cores,us_per_step")
    os.makedirs("build/bench", exist_ok=True)
    data = "build/bench/ranks.npy"
    rows, columns = 8192, SHAPES[0][0] + 1
    head = "{'descr': '|u1', 'fortran_order': False, 'shape': (%d, %d), }" % (rows, columns)
    head += " " * (63 - (10 + len(head)) % 64) + "\n"
    state, body = 1, bytearray()
    for _ in range(rows * columns):
        state = (state * 1103515245 + 12345) % (1 << 31)
        body.append(state >> 16 & 255)
    for row in range(rows):
        body[row * columns + columns - 1] %= SHAPES[0][-1]
    with open(data, "wb") as file:
        file.write(b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head.encode() + body)
    cores = len(os.sched_getaffinity(0))
    for shape in SHAPES:
        for batch in BATCHES:
            best = {}
            for _ in range(REPEATS):  # ranks in turn: whoever disturbs one disturbs all
                for ranks in RANKS:
                    guess = flop(shape) * batch / 5e10 + 1e-4 * ranks
                    steps = max(10, int(LEAST_SECONDS / guess))
                    out = subprocess.run(
                        ["mpirun", "-n", str(ranks), "--oversubscribe", "--bind-to", "none",
                         program, "train", data, "--task", "classify", "--scale", "byte",
                         "--hidden", ",".join(map(str, shape[1:-1])), "--batch", str(batch),
                         "--steps", str(steps), "--optimizer", "adam", "--rate", "0.001",
                         "--schedule", "constant", "--validation", "0", "--quiet", "--json"],
                        env=env, stdout=subprocess.PIPE, check=True, text=True).stdout
                    result = json.loads(out)
                    one = result["seconds"] / result["steps"] * 1e6
                    best[ranks] = min(one, best.get(ranks, one))
            for ranks in RANKS:
                print("-".join(map(str, shape)), batch, ranks, cores, "%.1f" % best[ranks], sep=",",
                      flush=True)


def report(path):
    rows, times, seen = [], [], []
    with open(path) as file:
        for line in list(file)[1:]:
            shape, batch, ranks, cores, us = line.strip().split(",")
            shape = tuple(map(int, shape.split("-")))
            rows.append(features(shape, int(batch), int(ranks), int(cores)))
            times.append(float(us) * 1e-6)
            seen.append((shape, int(batch), int(ranks)))
    a, b, per_byte, latency, c = fit(rows, times)
    def rate(cost):
        return "%.2f GB/s" % (1e-9 / cost) if cost else "no time that could be told apart"

    print("Fit: %.1f GFLOP/s a core; summing and updating: %s; between ranks: %s, %.2f µs a message; "
          "%.0f µs a step\n" % (1e-9 / a, rate(b), rate(per_byte), latency * 1e6, c * 1e6))
    print("| network | batch | " + " | ".join("%d rank%s" % (r, "s" * (r > 1)) for r in RANKS) + " |")
    print("|---|---|" + "---|" * len(RANKS))
    errors = []
    for shape in SHAPES:
        for batch in BATCHES:
            cells = []
            for (s, n, r), row, t in zip(seen, rows, times):
                if (s, n) == (shape, batch):
                    said = sum(x * y for x, y in zip(row, (a, b, per_byte, latency, c)))
                    errors.append(abs(said / t - 1))
                    cells.append("%.2f (%.2f)" % (t * 1e3, said * 1e3))
            print("| %s | %d | " % ("-".join(map(str, shape)), batch) + " | ".join(cells) + " |")
    errors.sort()
    print("\nmeasured (by the model), ms a step; the model is off by %.0f %% (median), %.0f %% at most\n"
          % (100 * errors[len(errors) // 2], 100 * errors[-1]))
    predict(a, b, c)


def predict(a, b, c, cores=16):
    """One rank a node of `cores` cores like ours; within a node 90 % of them are of use."""
    nodes = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]
    speed = 0.9 * cores
    for name, latency, bandwidth, source in NETWORKS:
        print("**%s** (%.2f µs, %.2f GB/s), nodes of %d cores: speed-up over one node\n\n%s\n" %
              (name, latency * 1e6, bandwidth / 1e9, cores, source))
        print("| network | batch | shards | " + " | ".join(map(str, nodes)) + " |")
        print("|---|---|---|" + "---|" * len(nodes))
        for shape, batch in [((784, 128, 10), 1024), ((784, 128, 10), 16384),
                             ((784, 1024, 1024, 10), 1024), ((784, 1024, 1024, 10), 8192),
                             ((784, 1024, 1024, 10), 65536),
                             ((4096, 4096, 4096, 4096, 1000), 65536)]:
            shards = -(-batch // shard_of(batch))
            one = None
            cells = []
            for n in nodes:
                x = features(shape, batch, n, n, speed)
                t = sum(p * q for p, q in zip(x, (a, b, 1 / bandwidth, latency, c)))
                one = one or t
                cells.append("%.3g" % (one / t) if n <= shards else "–")
            print("| %s | %d | %d | " % ("-".join(map(str, shape)), batch, shards) +
                  " | ".join(cells) + " |")
        print()


if __name__ == "__main__":
    if sys.argv[1:2] == ["measure"]:
        measure(sys.argv[2] if len(sys.argv) > 2 else "build/heddle-mpi")
    elif sys.argv[1:2] == ["report"] and len(sys.argv) == 3:
        report(sys.argv[2])
    else:
        sys.exit(__doc__)
