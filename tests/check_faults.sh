#!/bin/sh
# Allocations and system calls that fail, and signals during those that write: every command, each
# in turn (system calls need strace and are left out without it, and under sanitizers).
#
#     HEDDLE=build/heddle sh tests/check_faults.sh [STRIDE]
#
# STRIDE (9): of calls that are many (open, read, close) only each STRIDE-th fails; 1: all.
# Allowed are the statuses of the manual; never a crash, a half-written file, a changed old one
# after a failure, or a temporary one left.

HEDDLE=${HEDDLE:-build/heddle}
case $HEDDLE in /*) ;; *) HEDDLE=$PWD/$HEDDLE ;; esac
stride=${1:-9}
memory_stride=$((stride / 2 + 1))
tests=${HEDDLE_TESTS:-$(cd "$(dirname "$0")" && pwd)}
room=$(mktemp -d) || exit 1
trap 'cd /; rm -rf "$room"' EXIT
trap 'exit 1' INT TERM HUP
cd "$room" || exit 1
traces=yes
strace -o /dev/null -e inject=fsync:error=EIO true 2>/dev/null || traces=no
grep -q __asan_init "$HEDDLE" && traces=no
faults=0
failed=0

"$HEDDLE" convert builtin:xor xor.csv >/dev/null
"$HEDDLE" convert builtin:xor xor.npy >/dev/null
gzip -k xor.csv
"$HEDDLE" train xor.csv --hidden 3 --steps 20 --checkpoint old.ck -o old.model --log old.jsonl -q >/dev/null
"$HEDDLE" train xor.csv --hidden 3 --steps 24 -o new.model --checkpoint new.ck -q >/dev/null
cp "$tests/data/fann_plain.net" xor.net

# before_each: outputs that were there already.
before_each() {
    rm -rf at
    mkdir at
    cp old.model at/out.model
    cp old.ck at/out.ck
    cp xor.csv at/out.csv
    cp xor.npy at/out.npy
    cp old.model at/out.c
    cp old.model at/out.onnx
    echo old >at/out.html
}

# outputs WHAT: each is as it was, or whole and new; sets $wrong if not.
outputs() {
    for file in out.model out.ck out.csv out.npy out.c out.onnx; do
        cmp -s "at/$file" "before/$file" || cmp -s "at/$file" "after/$file" ||
            wrong="$file is neither old nor new (status $status)"
    done
    case $(tail -n 1 at/out.html) in # a page has times in it
    old | '</body></html>') ;;
    *) wrong="out.html is neither old nor whole (status $status)" ;;
    esac
}

# complain WHAT COMMAND...
complain() {
    failed=$((failed + 1))
    echo "FAILED $*"
    sed 's/^/    /' at/stderr | head -n 3
}

# memory COMMAND...: the 1st, 2nd, ... allocation fails, alone and with all after it.
memory() {
    for how in HEDDLE_FAIL_ALLOC HEDDLE_FAIL_ALLOC_FROM; do
        n=1
        unharmed=0 # in a row: some failures are got over, such as that of a second thread
        while [ "$unharmed" -lt 4 ]; do
            before_each
            (cd at && env OMP_NUM_THREADS=1 $how=$n "$HEDDLE" "$@" >stdout 2>stderr </dev/null)
            status=$?
            wrong=
            outputs
            case $status in
            0) ;;
            71) [ -s at/stderr ] || wrong="status 71 without a message" ;;
            *) wrong="status $status" ;;
            esac
            [ -z "$(find at -name '.heddle*' -o -name 'out.html?*')" ] || wrong="a temporary file was left"
            [ -z "$wrong" ] || complain "allocation $n ($how) of heddle $*: $wrong"
            unharmed=$((status == 0 ? unharmed + 1 : 0))
            faults=$((faults + (status != 0)))
            n=$((n + memory_stride))
        done
    done
}

# faulty CALL ERROR STRIDE COMMAND...: fail the 1st, 2nd, … call until the command never notices.
faulty() {
    call=$1
    error=$2
    step=$3
    shift 3
    n=1
    while :; do
        before_each
        (cd at && OMP_NUM_THREADS=1 strace -f -o ../trace -e "trace=$call" \
            -e "inject=$call:error=$error:when=$n" "$HEDDLE" "$@" >stdout 2>stderr </dev/null)
        status=$?
        grep -q INJECTED trace || break
        faults=$((faults + 1))
        wrong=
        case $status in
        0 | 3 | 65 | 66 | 70 | 71 | 73 | 74) ;;
        127) ;; # a library could not be loaded
        1) grep -q 'error while loading\|libgomp' at/stderr || wrong="status 1" ;;
        *) wrong="status $status" ;;
        esac
        if [ "$error" = EINTR ] && [ "$status" != 0 ] && [ "$status" != 127 ]; then
            wrong="status $status after an interrupted call"
        fi
        if [ "$status" != 0 ] && [ "$status" != 127 ] && ! [ -s at/stderr ] && [ "$call" != write ]; then
            wrong="status $status without a message"
        fi
        outputs
        # One call fails: unlink of what is left over may be that one.
        if [ "$call" != unlinkat ] && [ -n "$(find at -name '.heddle*' -o -name 'out.html?*')" ]; then
            wrong="a temporary file was left"
        fi
        [ -z "$wrong" ] || complain "$error in $call $n of heddle $*: $wrong"
        n=$((n + step))
    done
}

# What the outputs are when nothing fails.
without_fault() {
    rm -rf before after
    before_each
    mv at before
    before_each
    mv at after
    (cd after && OMP_NUM_THREADS=1 "$HEDDLE" "$@" >stdout 2>stderr) ||
        { echo "FAILED heddle $*"; cat after/stderr; failed=$((failed + 1)); }
}

# struck CALL WHEN SIGNAL STATUS COMMAND...: a signal during those calls ends the command; true if
# it came.
struck() {
    call=$1 when=$2 signal=$3 wanted=$4
    shift 4
    before_each
    { # a shell may say "Terminated"
        (cd at && OMP_NUM_THREADS=1 strace -f -o ../trace -e "trace=$call" \
            -e "inject=$call:signal=$signal:delay_exit=$delay:when=$when" \
            "$HEDDLE" "$@" >stdout 2>stderr </dev/null)
    } 2>/dev/null
    status=$?
    grep -q -e "--- SIG$signal" trace || return 1
    faults=$((faults + 1))
    wrong=
    [ "$status" = "$wanted" ] || wrong="status $status, not $wanted"
    outputs
    [ -z "$(find at -name '.heddle*')" ] || wrong="a temporary file was left"
    [ -z "$wrong" ] || complain "SIG$signal in $call $when of heddle $*: $wrong"
}

# signalled COMMAND...: at each call that has to do with the output, while there is one.
signalled() {
    without_fault "$@"
    delay=0
    before_each
    (cd at && strace -f -o ../trace -e trace=openat "$HEDDLE" "$@" >stdout 2>stderr)
    created=$(grep 'openat(' trace | grep -n 'O_CREAT.*O_EXCL\|O_EXCL.*O_CREAT' | head -n 1 | cut -d: -f1)
    # TERM, not HUP: that one is ignored under nohup
    struck openat "$created" TERM 143 "$@" || complain "no output is created by heddle $*"
    for call in write fchmod fsync renameat rename; do
        n=1
        while struck $call $n TERM 143 "$@"; do
            n=$((n + 1))
        done
    done
}

command_faults() {
    without_fault "$@"
    memory "$@"
    [ $traces = yes ] || return
    faulty write ENOSPC 1 "$@"
    faulty write EINTR 1 "$@"
    faulty fsync EIO 1 "$@"
    faulty fsync EINTR 1 "$@"
    faulty renameat EIO 1 "$@"
    faulty linkat EIO 1 "$@"
    faulty fchmod EPERM 1 "$@"
    faulty read EIO "$stride" "$@"
    faulty read EINTR "$stride" "$@"
    faulty openat EMFILE "$stride" "$@"
    faulty close EIO "$stride" "$@"
}

command_faults train ../xor.csv --hidden 3 --steps 24 -o out.model --checkpoint out.ck --log run.jsonl -q
command_faults train ../xor.csv.gz --hidden 3 --steps 24 --checkpoint out.ck --resume ../new.ck -q
command_faults train ../xor.csv --hidden 3 --steps 24 --report out.html -q
command_faults predict ../old.model ../xor.csv -o out.csv
command_faults evaluate ../old.model ../xor.npy --json
command_faults predict ../old.model ../xor.csv
command_faults convert ../xor.csv out.npy
command_faults convert ../xor.npy out.csv
command_faults convert ../xor.net out.model
command_faults export ../old.model -o out.c
command_faults verify ../old.jsonl
command_faults info ../xor.csv

if [ $traces = yes ]; then
    signalled predict ../old.model ../xor.csv -o out.csv
    signalled convert ../xor.csv out.npy
    signalled convert ../xor.net out.model
    signalled export ../old.model -o out.c
    # To train the first signal is a request; the second, a while later, finds the last file half
    # done: fsync is of a file, its directory, the next file.
    delay=300000
    run='train ../xor.csv --hidden 3 --steps 24 -o out.model --checkpoint out.ck -q'
    without_fault $run
    struck fsync 1+2 TERM 143 $run ||
        complain "train is not signalled"
fi

echo "$faults calls failed or were signalled, $failed of them badly"
[ "$failed" = 0 ]
