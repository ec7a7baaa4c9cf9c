#!/usr/bin/env python3
"""Heddle beside a network of LIBXSMM's kernels (bench/libxsmm_mlp.c), in one run.

    libxsmm.py --heddle build/heddle --libxsmm build/bench/peer_libxsmm --out build/bench/libxsmm.md

The shapes are those that suit LIBXSMM, multiples of 64. A step of it assembles no batch: all data
are in blocks beforehand. So Heddle is shown as always, with batches out of 16,384 shuffled rows, and
with one batch's rows alone. LIBXSMM's settings are tried for each shape and number of threads, for
steps as its own MLP has them and for steps that update weights block by block; what comes out is
compared with plain loops. Then rounds are interleaved, and medians compared.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys

from peers import ROWS, flop, heddle_bench, number, processor, put_down

CASES = [
    ((768, 1024, 1024, 64), 1024),
    ((768, 1024, 1024, 64), 64),
    ((768, 128, 64), 128),
]
HEDDLE = {"Heddle": None, "Heddle, always the same rows": "batch"}
LIBXSMM = {"LIBXSMM, update after all weight deltas": 0, "LIBXSMM, update block by block": 1}


def libxsmm(program, shape, batch, seconds, threads, settings):
    """What peer_libxsmm prints."""
    env = dict(os.environ, OMP_NUM_THREADS=str(threads))
    if threads > 1:  # one thread would be bound to the first core beside others
        env.update(OMP_PROC_BIND="true", OMP_PLACES="cores")
    command = [program, ",".join(map(str, shape)), str(batch), str(seconds), str(threads),
               str(settings)]
    out = subprocess.run(command, capture_output=True, text=True, check=True, env=env).stdout
    return json.loads(out)


def rounds(args, counts):
    """{(shape, batch, name, threads): [(us, limit)]}, and LIBXSMM's settings as they were tried."""
    tried, seen = {}, {}
    for shape, batch in CASES:
        for name, fused in LIBXSMM.items():
            for threads in counts:
                answer = libxsmm(args.libxsmm, shape, batch, args.seconds, threads, fused)
                tried[shape, batch, name, threads] = answer
                print("%s, %d: %s, %d threads: %s" % (shape, batch, name, threads, answer),
                      file=sys.stderr)
    for turn in range(args.rounds):
        for shape, batch in CASES:
            for name, rows in HEDDLE.items():
                ours, limit = heddle_bench(args.heddle, shape, batch, counts,
                                           batch if rows else ROWS)
                for threads, us in ours.items():
                    seen.setdefault((shape, batch, name, threads), []).append(
                        (us, limit[str(threads)]))
            for name in LIBXSMM:
                for threads in counts:
                    key = shape, batch, name, threads
                    answer = libxsmm(args.libxsmm, shape, batch, args.seconds, threads,
                                     tried[key]["settings"])
                    seen.setdefault(key, []).append((answer["us"], answer["limit_gflops"]))
        print("round %d of %d" % (turn + 1, args.rounds), file=sys.stderr)
    return seen, tried


def blocks(answer):
    """LIBXSMM's settings, in words: rows × features of input, hidden layers, output; loops."""
    _, rows, *rest = answer["settings"].split(",")
    swapped = [name for name, swap in zip(("forward", "backward", "update"), rest[3:])
               if swap == "1"]
    return "%s × %s%s" % (rows, "/".join(rest[:3]),
                          " (loops swapped: %s)" % ", ".join(swapped) if swapped else "")


def table(args, counts):
    seen, tried = rounds(args, counts)
    lines = ["Whole steps, sigmoid network, squared error, plain gradient descent, float; medians of "
             "%d interleaved rounds, each in percent of the limit beside it." % args.rounds, "",
             "| network, batch | |" + "".join(" %d thread%s | of the limit |" % (n, "s"[n == 1:])
                                              for n in counts)
             + (" speed-up |" if len(counts) > 1 else "") + " LIBXSMM's blocks |",
             "|---|---|" + "---:|---:|" * len(counts) + ("---:|" if len(counts) > 1 else "")
             + "---|"]
    for shape, batch in CASES:
        title = "%s, %d" % ("-".join(map(str, shape)), batch)
        for name in [*HEDDLE, *LIBXSMM]:
            cells, medians = [title, name], []
            for threads in counts:
                runs = seen[shape, batch, name, threads]
                medians.append(statistics.median(us for us, _ in runs))
                percent = statistics.median(
                    0.1 * flop(shape, batch) / us / limit for us, limit in runs)
                cells += [number(medians[-1]), "%.1f %%" % percent]
            if len(counts) > 1:
                cells.append("%.2f" % (medians[0] / medians[-1]))
            kinds = [blocks(tried[shape, batch, name, n]) for n in counts] if name in LIBXSMM else []
            cells.append("; ".join(dict.fromkeys(kinds)))
            lines.append("| " + " | ".join(cells) + " |")
            title = ""
    error = max(answer["error"] for answer in tried.values())
    limits = [statistics.median(limit for key, runs in seen.items() if key[3] == n
                                for _, limit in runs) for n in counts]
    lines += ["", "%s; limit %s GFLOP/s. LIBXSMM's code is for %s; its weights after a step are "
              "those of plain loops in double, but for %.1g of the largest change. Blocks: rows × "
              "features of the input, the hidden layers, the output, the fastest of those tried."
              % (processor(), ", ".join("%.0f (%d)" % pair for pair in zip(limits, counts)),
                 next(iter(tried.values()))["isa"], error)]
    return lines


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--heddle", default="build/heddle")
    parser.add_argument("--libxsmm", default="build/bench/peer_libxsmm")
    parser.add_argument("--out", default="build/bench/libxsmm.md")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=0.4, help="of one measurement")
    args = parser.parse_args()
    if not os.access(args.libxsmm, os.X_OK):
        return print("left out: LIBXSMM: not built (libxsmm-dev)", file=sys.stderr)
    counts = sorted({1, len(os.sched_getaffinity(0))})
    text = "\n".join(table(args, counts)) + "\n"
    put_down(args.out, text)


if __name__ == "__main__":
    main()
