#!/bin/sh
# No two workers touch a number at a time, one of them writing: runs of many kinds, watched by
# ThreadSanitizer, in a build directory of their own. Takes some minutes.
program=$HEDDLE_BUILD/races/heddle
source=$HEDDLE_TESTS/..
flags=-fsanitize=thread

. "$HEDDLE_TESTS/cases.sh"

# What OpenMP hands to a region is written by the program and read by the workers with nothing
# between that ThreadSanitizer knows of; only that is let pass (team.c tells it the rest).
echo 'race_top:region._omp_fn' >let-pass
export TSAN_OPTIONS="suppressions=$room/let-pass exitcode=66"
export OMP_WAIT_POLICY=passive HEDDLE_ALL_WORKERS=1

env -u MAKEFLAGS -u MAKELEVEL make -s -C "$source" build="$HEDDLE_BUILD/races" CFLAGS=$flags LDFLAGS=$flags "$program" >log 2>&1 || {
    tail -n 5 log
    echo 'long_races: skipped, no program with ThreadSanitizer can be built here'
    exit 0
}
HEDDLE=$program

t 0 '' - 'heddle train builtin:xor --steps 3 --quiet --threads 2'
while read -r options; do
    for threads in 2 3 5; do
        t 0 '' - "heddle train builtin:digits --quiet --threads $threads $options"
    done
done <<'RUNS'
--hidden 32 --batch 64 --epochs 2
--hidden 32 --batch 600 --epochs 2 --optimizer momentum --clip 1
--hidden 512,512 --batch 16 --steps 12
--hidden 600,400 --batch 33 --steps 12 --clip 1 --optimizer momentum
--hidden 1024 --batch 8 --steps 10 --dropout 0.3 --validation 0.1
--hidden 700,700,30 --batch 40 --steps 12 --clip 0.5 --dropout 0.2 --noise 0.1
--hidden 512,512 --batch 512 --epochs 3 --validation 0.2 --patience 2 --checkpoint a.ck --checkpoint-every 1
--hidden 300,300 --batch 64 --steps 40 --max-norm 1 --optimizer rmsprop --schedule plateau --watch training
--hidden 512,1000 --batch full --shuffle no --optimizer rprop --steps 6
--hidden 64 --batch full --epochs 3 --optimizer lbfgs --validation 0.1
--hidden 1000,300 --batch 20 --epochs 1 --precision double --log a.jsonl --report-every 1
--hidden 16384 --batch 16 --steps 3
--hidden none --batch 50 --epochs 1 --task regress --target p1,p2 --l2 0.1
--hidden 24 --epochs 2 --cv 3
--hidden 24 --epochs 30 --steps 40
--hidden 16,24/300,300 --steps 30 --search grid
RUNS
# a run that diverges
wild='--optimizer sgd --rate 1e6 --init normal:100 --activation linear --output-activation linear --loss mse'
for network in '--hidden 40' '--hidden 600,600 --batch 48' '--hidden 600,600 --batch 48 --clip 100'; do
    t 3 '' 'diverged' "heddle train builtin:digits --threads 3 --quiet $wild $network"
done
t 0 '' - 'heddle train builtin:digits --quiet --threads 1 --hidden 300 --steps 9 -o a.model'
t 0 '' '' 'heddle predict a.model builtin:digits --threads 3 -o a.csv'
t 0 '' '' 'heddle evaluate a.model builtin:digits --threads 3'
results
