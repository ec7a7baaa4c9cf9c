#!/bin/sh
# check_resume.sh with 200 times kill -9, and a kill at every system call of a save (needs strace),
# after which the run goes on to the same bytes and an hour later no temporary file stays.
#
#     HEDDLE=build/heddle sh tests/long_resume.sh

HEDDLE=${HEDDLE:-build/heddle}
case $HEDDLE in /*) ;; *) HEDDLE=$PWD/$HEDDLE ;; esac
here=$(cd "$(dirname "$0")" && pwd)
export HEDDLE
sh "$here/check_resume.sh" 200 || exit 1
command -v strace >/dev/null || { echo "no strace: saves are not killed call by call"; exit 0; }

room=$(mktemp -d) || exit 1
trap 'cd /; rm -rf "$room"' EXIT
cd "$room" || exit 1
run="builtin:digits --hidden 12 --batch 512 --epochs 4 --threads 1 -q"
# shellcheck disable=SC2086
"$HEDDLE" train $run -o whole.model >/dev/null || exit 1
kills=0
wrong=0
for call in openat write fsync fchmod fchown linkat renameat unlinkat close; do
    n=1
    while :; do
        rm -rf at && mkdir at
        # shellcheck disable=SC2086
        (cd at && "$HEDDLE" train $run --time-limit 1e-9 --checkpoint c >/dev/null 2>&1)
        # shellcheck disable=SC2086
        (cd at && strace -f -o /dev/null -e "inject=$call:signal=KILL:when=$n" \
            "$HEDDLE" train $run --resume auto --checkpoint c --checkpoint-every 2 -o model \
            >/dev/null 2>&1)
        status=$?
        # shellcheck disable=SC2086
        (cd at && find . -name '.heddle-*' -exec touch -d '2 hours ago' {} + && "$HEDDLE" train $run --resume auto --checkpoint c -o model >/dev/null 2>err &&
            cmp -s model ../whole.model) || { wrong=$((wrong + 1)); echo "FAILED $call $n"; cat at/err; }
        [ -z "$(find at -name '.heddle-*')" ] || { wrong=$((wrong + 1)); echo "LEFT $call $n"; }
        [ "$status" = 0 ] && break
        kills=$((kills + 1))
        n=$((n + 1))
    done
done
echo "$kills kills at system calls, $wrong of them lost the run or left a temporary file"
[ "$wrong" = 0 ]
