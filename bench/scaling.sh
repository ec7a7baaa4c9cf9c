#!/bin/sh
# Strong and weak scaling by `heddle bench`, as Markdown.
#
#     HEDDLE=build/heddle sh bench/scaling.sh [THREADS]      THREADS such as 1,2,4; default: all cores
#
# Strong: a batch stays as it is and more threads share it. Weak: each thread has as many examples
# however many there are, so that the ideal is a step that takes as long.
set -eu
HEDDLE=${HEDDLE:-build/heddle}
threads=${1:-}
if [ -z "$threads" ]; then
    cores=$("$HEDDLE" info --json | sed -n 's/.*"allowed_cores": \([0-9]*\).*/\1/p')
    threads=1
    n=2
    while [ "$n" -lt "$cores" ]; do
        threads=$threads,$n
        n=$((n * 2))
    done
    [ "$cores" -le 1 ] || threads=$threads,$cores
fi
repeats=${REPEATS:-9}

# bench SHAPE BATCH THREADS: csv
bench() {
    "$HEDDLE" bench --shape "$1" --batch "$2" --threads "$3" --repeats "$repeats" --format csv
}

echo "Strong scaling: the batch is shared by more and more threads."
echo
echo "| network, batch | threads | µs a step | examples/s | GFLOP/s | % of limit | speed-up | efficiency |"
echo "|---|---:|---:|---:|---:|---:|---:|---:|"
for case in '2,2,1 4' '10,46,46,10 128' '784,128,10 128' '784,1024,1024,10 64' \
    '784,1024,1024,10 1024' '768,1024,1024,64 1024'; do
    shape=${case% *}
    batch=${case#* }
    bench "$shape" "$batch" "$threads" | awk -F, -v shape="$shape" -v batch="$batch" '
        /^[0-9]/ { gsub(",", "-", shape)
            printf "| %s, %s | %d | %.4g | %.0f | %.1f | %.1f | %.3g | %.0f %% |\n", shape, batch,
                $1, $2, $5, $6, $8, $9, 100 * $10 }'
done

echo
echo "Weak scaling: 128 examples a thread (784-128-10), 512 (784-1024-1024-10)."
echo
echo "| network | threads | batch | µs a step | efficiency |"
echo "|---|---:|---:|---:|---:|"
for case in '784,128,10 128' '784,1024,1024,10 512'; do
    shape=${case% *}
    each=${case#* }
    base=
    for n in $(echo "$threads" | tr , ' '); do
        us=$(bench "$shape" $((each * n)) "$n" | awk -F, '/^[0-9]/ { print $2 }')
        base=${base:-$us}
        awk -v shape="$shape" -v n="$n" -v batch=$((each * n)) -v us="$us" -v base="$base" 'BEGIN {
            gsub(",", "-", shape)
            printf "| %s | %d | %d | %.4g | %.0f %% |\n", shape, n, batch, us, 100 * base / us }'
    done
done
