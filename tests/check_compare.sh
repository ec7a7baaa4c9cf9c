#!/bin/sh
# --cv and --search at the command line: tables, JSON, and that a candidate has the bits that it has
# when its options are given by themselves.
set -eu
cd "$HEDDLE_SCRATCH"
fail() { echo "$*" >&2; exit 1; }
expect() { # STATUS WORDS COMMAND...
    want=$1 words=$2 status=0
    shift 2
    "$@" >compare.out 2>compare.err || status=$?
    [ "$status" -eq "$want" ] || fail "$*: status $status, not $want: $(cat compare.err)"
    grep -q -e "$words" compare.out compare.err || fail "$*: no '$words' in $(cat compare.out compare.err)"
}
field() { # NAME: the first value of a member of compare.out
    sed -n "s/.*\"$1\": \"\([^\"]*\)\".*/\1/p" compare.out | head -1
}
T="$HEDDLE train builtin:digits --epochs 2 -q"

expect 2 'search grid' $T --rate 1e-2,1e-3
expect 2 'needs lists' $T --search grid
expect 2 'random:N' $T --search random --rate 1e-2,1e-3
expect 2 'random:N' $T --search random:0 --rate 1e-2,1e-3
expect 2 '2 or more' $T --cv 1
expect 2 '2 or more' $T --cv 2.5
expect 2 'leave out --validation' $T --cv 3 --validation 0.1
expect 2 'fewer than there are folds' $T --cv 179
expect 2 'needs as many rows' $HEDDLE train builtin:digits --task regress --cv 1798
expect 2 'not a number' $T --search grid --rate 1e-2,x
expect 2 'watch training' $T --patience 2 --validation 0
expect 0 '^mean' $T --cv 3 --patience 2
printf 'a,c,w\n1,x,0\n2,y,0\n3,x,0\n4,y,0\n' >flat.csv
expect 65 'is 0 in all rows' $HEDDLE train flat.csv --target c --weights w
expect 2 'must be above 0' $T --rate 0
expect 3 'every candidate' $T --search grid --optimizer sgd --activation linear --rate 1e5,1e6

expect 0 '^deviation' $T --cv 4 --threads 1
cp compare.out one.out
expect 0 '^mean' $T --cv 4 --threads 3
cmp one.out compare.out || fail "folds depend on threads"
[ "$(grep -c '^[1-4]  ' one.out)" -eq 4 ] || fail "not four folds"

# The model is the one of all rows.
expect 0 'model' $T --validation 0
tail -1 compare.out >all.out
tail -1 one.out | cmp - all.out || fail "the model of --cv is not that of all rows"

expect 0 '"search"' $T --search grid --hidden 12,6/9 --rate 1e-2,1e-3 -o best.model --json
best=$(field sha256)
[ "$best" = "$(sha256sum best.model | cut -d' ' -f1)" ] || fail "-o is not the best"
for hidden in 12,6 9; do
    for rate in 1e-2 1e-3; do
        sha=$(sed -n "s/.*{\"hidden\": \"$hidden\", \"rate\": \"$rate\"}.*\"sha256\": \"\([0-9a-f]*\)\".*/\1/p" compare.out)
        $T --hidden $hidden --rate $rate | grep -q " sha256 $sha\$" ||
            fail "$hidden $rate is something else when it is alone"
    done
done
expect 0 '^3 .*--rate' $T --search random:3 --rate 1e-1/1e-2/1e-3/1e-4 --cv 2
expect 0 'dry run' $T --search grid --rate 1e-2,1e-3 --dry-run
expect 0 '^network *64-20-10,' $T --search grid --hidden 8/20/12 --dry-run
expect 0 '^tries *3 candidates; then' $T --search grid --hidden 8/20/12 --dry-run
expect 0 '^tries *3 candidates, 4 folds each; then' $T --search grid --hidden 8/20/12 --cv 4 --dry-run
expect 0 '^rows *1797$' $T --cv 4 --dry-run
expect 0 '^tries *4 folds; then this' $T --cv 4 --dry-run
expect 0 '"candidates": 3' $T --search grid --hidden 8/20/12 --dry-run --json
