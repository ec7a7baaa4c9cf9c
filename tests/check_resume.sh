#!/bin/sh
# Runs that are interrupted: whatever ends them, the one that goes on ends with the same bytes.
#
#     HEDDLE=build/heddle sh tests/check_resume.sh [KILLS]
#
# KILLS (10): how many times kill -9 hits. Prints each case that fails, and last
# "N passed, N failed"; status 1 if one failed. Works in a temporary directory.

. "${HEDDLE_TESTS:-$(dirname "$0")}/cases.sh"
kills=${1:-10}

# is NAME TRUTH: count a case; TRUTH is a status.
is() {
    if [ "$2" = 0 ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED $1"
        sed 's/^/    stderr: /' err 2>/dev/null | tail -n 4
    fi
}

# same NAME FILE: it is the model of the uninterrupted run.
same() {
    cmp -s whole.model "$2"
    is "$1: the model differs" $?
}

no_leftovers() {
    [ -z "$(find . -name '.heddle-*')" ]
    is "$1: a temporary file was left" $?
}

train() { "$HEDDLE" train "$@" >out 2>err </dev/null; }

# Stop after every step with one number of threads, go on with another, for every kind of state.
interrupted() {
    name=$1
    shift
    train "$@" --threads 3 -o whole.model || { is "$name: trains" 1; return; }
    steps=$(sed -n 's/.*(\([0-9]*\) step.*/\1/p' out)
    [ -n "$steps" ] || steps=$(sed -n 's/^steps *\([0-9]*\).*/\1/p' out)
    k=1
    wrong=0
    while [ "$k" -lt "$steps" ]; do
        rm -f at.ck*
        # SIGTERM to ourselves would be a race; --time-limit ends a run after its next step.
        while :; do
            train "$@" --threads 2 --checkpoint at.ck --checkpoint-every 1 --resume auto \
                --time-limit 1e-9 || break
            at=$(sed -n 's/.*(\([0-9]*\) step.*/\1/p' out)
            [ -n "$at" ] || at=$(sed -n 's/^steps *\([0-9]*\).*/\1/p' out)
            [ "${at:-0}" -ge "$k" ] && break
        done
        train "$@" --threads $((k % 5 + 1)) --checkpoint at.ck --resume auto -o at.model &&
            cmp -s whole.model at.model || wrong=$((wrong + 1))
        k=$((k + 5))
    done
    is "$name: $wrong of the interrupted runs ended elsewhere" "$wrong"
    # one step a run, from the first to the last
    rm -f at.ck* at.model
    n=0
    while [ "$n" -le "$steps" ]; do
        train "$@" --threads $((n % 3 + 1)) --checkpoint at.ck --resume auto --time-limit 1e-9 \
            -o at.model || break
        n=$((n + 1))
    done
    same "$name: one step a run" at.model
}

xor='builtin:xor --hidden 5 --seed 3'
for optimizer in sgd momentum nesterov adam adamw rmsprop adagrad; do
    interrupted "$optimizer" $xor --optimizer $optimizer --batch 3 --shard 1 --epochs 8
done
interrupted rprop $xor --optimizer rprop --batch full --epochs 12
interrupted lbfgs builtin:spirals --hidden 9 --activation tanh --optimizer lbfgs --batch full --epochs 14 \
    --l2 1e-3 --validation 0.1
interrupted tutorial builtin:xor --recipe tutorial --steps 12
digits='builtin:digits --hidden 12 --batch 512 --seed 9'
interrupted 'one-cycle, dropout, noise' $digits --epochs 5 --dropout 0.3 --noise 0.1
interrupted 'patience, plateau' $digits --epochs 6 --optimizer adam --schedule plateau --rate 0.3 \
    --schedule-every 1 --patience 2
interrupted 'double, clip, max-norm' $digits --epochs 4 --precision double --clip 0.1 --max-norm 1 \
    --optimizer momentum --schedule cosine

# A default that was another when the checkpoint was made: the run goes on as it was.
rm -f at.ck*
train $digits --epochs 2 --shard 5 -o whole.model &&
    train $digits --epochs 2 --shard 5 --time-limit 1e-9 --checkpoint at.ck
train $digits --epochs 2 --shard 7 --checkpoint at.ck --resume auto
[ $? = 75 ] && grep -q "shard was '5' and is '7' now" err
is 'another shard that is asked for' $?
train $digits --epochs 2 --checkpoint at.ck --resume auto -o at.model
same 'the shard of the checkpoint' at.model

# What is decided otherwise though no option says so is named with its values: a run with a time limit
# chooses no --l2.
rm -f at.ck*
train builtin:spirals --epochs 40 --time-limit 1e-9 --checkpoint at.ck
train builtin:spirals --epochs 40 --checkpoint at.ck --resume auto
[ $? = 75 ] && grep -Eq "the recipe's 'l2' was none and is [0-9.e-]+ now" err
is 'what was decided otherwise is told' $?

# Weight deltas that are divided by weights: a network of more weights than a batch has values.
interrupted 'many weights' builtin:spirals --hidden 90,40 --batch 48 --epochs 4 --optimizer adam --dropout 0.1 \
    --max-norm 2 --patience 2 --validation 0.2
interrupted 'many weights, one batch' builtin:spirals --hidden 90,40 --batch full --shuffle no --epochs 12 \
    --optimizer nesterov

# A checkpoint is the same whoever writes it, and a model too.
for threads in 1 2 5; do
    train $digits --epochs 3 --threads $threads --checkpoint t$threads.ck
done
cmp -s t1.ck t2.ck && cmp -s t1.ck t5.ck
is "checkpoints of 1, 2 and 5 threads differ" $?
"$HEDDLE" predict t1.ck builtin:digits >out 2>err
is "a checkpoint predicts" $?

# So it is while many workers put the best weights aside: the last but one is written in that moment.
wrong=0
for try in 1 2 3 4 5 6 7 8; do
    rm -f many.ck*
    threads=16
    [ $try = 1 ] && threads=1
    train builtin:digits --hidden 256,256 --epochs 7 --report-every 50 --validation 0.2 --patience 100 \
        --checkpoint many.ck --checkpoint-every 1e --threads $threads
    [ $try = 1 ] && mv many.ck.previous one.ck
    [ $try = 1 ] || cmp -s one.ck many.ck.previous || wrong=$((wrong + 1))
done
is "checkpoints of 16 threads with the best weights: $wrong differ" "$wrong"

# A longer run goes on where the end does not matter, and is refused where it does.
train $digits --optimizer adam --epochs 6 -o whole.model
train $digits --optimizer adam --epochs 4 --checkpoint short.ck
train $digits --optimizer adam --epochs 6 --checkpoint short.ck --resume auto -o at.model
same "more epochs" at.model

# refused STATUS WORDS OPTION...: going on from t1.ck is refused, and says why.
refused() {
    status=$1
    words=$2
    shift 2
    cp t1.ck before.ck
    rm -f at.model
    train "$@" --resume t1.ck --checkpoint t1.ck -o at.model
    [ $? = "$status" ] && grep -q -e "$words" err && [ ! -e at.model ] && cmp -s before.ck t1.ck
    is "$*: is refused with $status and '$words'" $?
}
refused 75 "--epochs was '3' and is '9' now" $digits --epochs 9
refused 75 "--rate was" $digits --epochs 3 --rate 0.5
refused 75 "--seed was '9' and is '10'" builtin:digits --hidden 12 --batch 512 --seed 10 --epochs 3
refused 75 "--hidden was" builtin:digits --hidden 13 --batch 512 --seed 9 --epochs 3
refused 75 "--precision was" $digits --epochs 3 --precision double
refused 75 "--scale was" $digits --epochs 3 --scale minmax
"$HEDDLE" convert builtin:digits digits.csv >out 2>err
train digits.csv --hidden 12 --batch 512 --seed 9 --epochs 3 --checkpoint t1.ck
sed '3s/^[0-9]*/7/' digits.csv >other.csv
cmp -s digits.csv other.csv && is "the other table is another" 1
refused 75 "data" other.csv --hidden 12 --batch 512 --seed 9 --epochs 3
sed '1s/[^,]*/other/' digits.csv >other.csv
refused 75 "input 1 was '[^']*' and is 'other' now" other.csv --hidden 12 --batch 512 --seed 9 --epochs 3
sed '1s/[^,]*$/other/' digits.csv >other.csv
refused 75 "'targets'" other.csv --hidden 12 --batch 512 --seed 9 --epochs 3
train $digits --epochs 3 --seed 4 -o plain.model
refused 75 "the model of --init" $digits --epochs 3 --init plain.model
train $digits --epochs 3 --init plain.model --checkpoint t1.ck
cp plain.model first.model
train $digits --epochs 3 --seed 5 -o plain.model
refused 75 "the model of --init" $digits --epochs 3 --init plain.model
train $digits --epochs 3 --init first.model --resume t1.ck
is "the same model under another name" $?
train $digits --epochs 3 -o plain.model --checkpoint t1.ck
cp plain.model t1.ck
refused 65 "no checkpoint" $digits --epochs 3
train $digits --epochs 3 --resume auto
[ $? = 2 ] && grep -q -e "--checkpoint" err
is "--resume auto without --checkpoint" $?
train $digits --epochs 3 --resume nowhere.ck
[ $? = 66 ]
is "a checkpoint that is not there" $?

# A damaged last checkpoint: auto takes the one before, a name of its own is refused.
train $digits --epochs 6 -o whole.model --checkpoint two.ck --checkpoint-every 7
for damage in cut flip gone; do
    rm -f at.ck* at.model
    cp two.ck at.ck
    cp two.ck.previous at.ck.previous
    case $damage in
    cut) head -c 1000 two.ck >at.ck ;;
    flip) printf 'X' | dd of=at.ck bs=1 seek=5000 conv=notrunc 2>/dev/null ;;
    gone) rm at.ck ;;
    esac
    if [ $damage != gone ]; then
        train $digits --epochs 6 --resume at.ck
        [ $? = 65 ]
        is "$damage: named, it is refused" $?
    fi
    train $digits --epochs 6 --resume auto --checkpoint at.ck -o at.model
    same "$damage: from the one before" at.model
done

# Signals: the status tells, the checkpoint is good, the next run goes on.
# With --l2 nothing is tried out before the first step.
long='builtin:digits --hidden 64 --batch 32 --epochs 900 --seed 2 --l2 0.001'
train $long -o whole.model
for signal in INT TERM HUP USR1 INT TERM; do
    rm -f s.ck* s.model
    "$HEDDLE" train $long --checkpoint s.ck -o s.model >out 2>err &
    sleep 0.2
    kill -$signal $!
    wait $!
    status=$?
    case $signal in INT) wanted=130 ;; TERM) wanted=143 ;; HUP) wanted=129 ;; USR1) wanted=0 ;; esac
    # A run that was over already ended well.
    [ $status = $wanted ] || [ $status = 0 ]
    is "SIG$signal: status $status instead of $wanted" $?
    [ -s s.ck ]
    is "SIG$signal: a checkpoint" $?
    train $long --checkpoint s.ck --resume auto -o s.model
    same "SIG$signal" s.model
done
no_leftovers signals

# kill -9, at any moment, until the run comes to its end.
n=0
while [ "$n" -lt "$kills" ]; do
    n=$((n + 1))
    [ -e k.ck ] || rm -f k.model
    "$HEDDLE" train $long --checkpoint k.ck --checkpoint-every 20 --resume auto -o k.model \
        --threads $((n % 3 + 1)) >out 2>err &
    child=$!
    sleep "0.$((n * 7919 % 25 + 5))"
    kill -9 $child 2>/dev/null
    wait $child 2>/dev/null
    [ ! -e k.model ] || { cmp -s k.model whole.model || is "kill $n: a wrong model" 1; rm -f k.ck* k.model; }
done
train $long --checkpoint k.ck --resume auto -o k.model
same "after $kills times kill -9" k.model

# What was left is removed by whoever writes beside it, when it is an hour old.
find . -name '.heddle-*' -exec touch -d '2 hours ago' {} +
touch -d '2 hours ago' .heddle-0123456789abcdef
train $long --checkpoint k.ck --resume auto -o k.model
no_leftovers "after $kills times kill -9"
touch -d '2 hours ago' .heddle-0123456789abcdef
"$HEDDLE" predict t1.ck builtin:digits -o p.csv >out 2>err
no_leftovers 'predict'
touch -d '2 hours ago' .heddle-0123456789abcdef
"$HEDDLE" export t1.ck -o t1.c >out 2>err
no_leftovers 'export'

# A full disk, at every 4 KiB of a checkpoint and of the model: nothing of the old is lost.
if (ulimit -f 1) 2>/dev/null; then
    size=$(($(wc -c <t2.ck) / 1024 + 2))
    blocks=0
    wrong=0
    cp t2.ck f.ck
    train $digits --epochs 3 -o f.model
    cp f.model good.model
    while [ "$blocks" -le "$size" ]; do
        (
            ulimit -f "$blocks"
            "$HEDDLE" train $digits --epochs 3 --checkpoint f.ck --resume auto -o f.model 2>err >/dev/null
        )
        status=$?
        { [ $status = 0 ] || [ $status = 74 ] || [ $status = 73 ]; } || wrong=$((wrong + 1))
        cmp -s f.ck t2.ck && cmp -s f.model good.model || wrong=$((wrong + 1))
        blocks=$((blocks + 4))
    done
    is "a full disk: $wrong times wrong" "$wrong"
    no_leftovers "a full disk"
fi

# A save that fails on the way warns and goes on; only at the end it is a failure.
mkdir sub
train $digits --epochs 3 --checkpoint /dev/full -o at.model
[ $? = 74 ] && [ -s at.model ]
is "checkpoints on /dev/full: 74, and the model is there" $?

results
