#!/usr/bin/env python3
"""A training step while other programs keep cores busy, Heddle's and PyTorch's.

    beside.py --heddle build/heddle --out build/bench/beside.md

Workers of a step meet every few microseconds to milliseconds, and the system gives cores away for
milliseconds at a time: a barrier that hands its core over loses a turn at every meeting. Each of 0, 1,
... as many loops as there are cores run beside each contestant in turn, on one thread and on as
many as there are cores; medians of the rounds.
"""
import argparse
import os
import statistics
import subprocess
import sys
import time

import peers

CASES = [((10, 46, 46, 10), 128), ((784, 128, 10), 128), ((784, 1024, 1024, 10), 64)]
SETTLE = 0.3  # seconds until the system has given the loops their cores


class Loops:
    """So many programs that do nothing, without a pause."""

    def __init__(self, count):
        self.count = count

    def __enter__(self):
        self.loops = [subprocess.Popen(["sh", "-c", "while :; do :; done"])
                      for _ in range(self.count)]
        time.sleep(SETTLE)

    def __exit__(self, *_):
        for loop in self.loops:
            loop.kill()
            loop.wait()


def torch_step(threads, shape, batch):
    served = peers.Served("PyTorch", threads)
    us = None if served.error else served.measure(shape, batch, 1.0)
    served.end()
    return us


def text(us):
    if not us:
        return "–"
    middle = statistics.median(us)
    return f"{middle:.3g} µs" if middle < 1000 else f"{middle / 1000:.3g} ms"


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--heddle", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    cores = len(os.sched_getaffinity(0))
    threads = [1, cores] if cores > 1 else [1]
    lines = ["| network, batch | busy loops |" + "".join(
        f" {name}, {t} thread{'s' * (t > 1)} |" for name in ("Heddle", "PyTorch") for t in threads)]
    lines.append("|---|---:|" + "---:|" * (2 * len(threads)))
    for shape, batch in CASES:
        for loops in sorted({0, 1, cores}):
            heddle, torch = ({t: [] for t in threads} for _ in range(2))
            with Loops(loops):
                for _ in range(args.rounds):
                    for t in threads:
                        heddle[t] += peers.heddle_bench(args.heddle, shape, batch, [t])[0].values()
                        us = torch_step(t, shape, batch)
                        torch[t] += [us] if us else []
            lines.append(f"| {'-'.join(map(str, shape))}, {batch} | {loops} |" + "".join(
                f" {text(found[t])} |" for found in (heddle, torch) for t in threads))
            print(lines[-1], file=sys.stderr, flush=True)
    with open(args.out, "w") as out:
        out.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
