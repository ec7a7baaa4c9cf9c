#!/bin/sh
# What --dry-run says of memory is what a run takes, and --max-memory refuses what is more.
. "${HEDDLE_TESTS:-$(dirname "$0")}/cases.sh"

big='builtin:digits --hidden 1024,1024 --epochs 1 --threads 2 -q'
t 71 - 'training needs [0-9]+ bytes, --max-memory allows' "heddle train $big --max-memory 20M -o no.model"
holds 'nothing is written then' '! [ -e no.model ]'
t 0 '' - "heddle train $big --max-memory 55M"
t 71 - 'training needs' "heddle train $big --max-memory 55M --checkpoint no.ck"
holds 'no checkpoint either' '! [ -e no.ck ]'
t 0 'checkpoints, log +[0-9]' - "heddle train $big --checkpoint some.ck --dry-run"

if grep -q __asan_init "$HEDDLE"; then
    echo 'skipped: measuring, under a sanitizer'
else
    large='builtin:digits --hidden 5000,5000 --steps 1 --threads 2 -q'
    t 71 - '^heddle: training needs [0-9.]+ MiB besides the data, there are [0-9.]+ MiB' \
        "ulimit -v 600000; heddle train $large -o no.model"
    holds 'nothing is written then, either' '! [ -e no.model ]'
    t 0 'all, with the data' '^heddle: note: training needs [0-9.]+ MiB besides the data' \
        "ulimit -v 600000; heddle train ${large% -q} --dry-run"
    # runs of a search beside each other: no more than there is memory for
    awk 'BEGIN { for (i = 0; i < 50000; i++) { for (j = 0; j < 40; j++) printf "%d,", i * (j + 3) % 97
        print i % 2 } }' >many.csv
    t 0 '^many.npy' - 'heddle convert many.csv many.npy'
    search='train many.npy --search grid --hidden 8/12 --rate 0.01,0.02,0.03,0.04,0.05,0.06,0.07,0.08
        --epochs 1 --threads 16 -q'
    t 0 '^model' - "ulimit -d 190000; heddle $(echo $search)"
    t 71 - '^heddle: a run of the search needs [0-9]+ bytes, --max-memory allows less' \
        'heddle train builtin:digits --search grid --hidden 300,300/200,200 --epochs 1 --max-memory 2M'
    holds 'the estimates' "'${HEDDLE_BUILD:-$(dirname "$HEDDLE")}/tests/program_memory' '$HEDDLE' ."
    [ "$failed" = 0 ] || cat out
fi
results
