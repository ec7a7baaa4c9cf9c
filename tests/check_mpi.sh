#!/bin/sh
# heddle-mpi: one model for any number of ranks and threads, errors of one rank, killed ranks. Runs
# where the build has MPI (MPI=1).
set -eu
cd "$HEDDLE_SCRATCH"
mpi=${HEDDLE_BUILD}/heddle-mpi
if [ ! -x "$mpi" ] || ! command -v mpirun >/dev/null; then
    echo "skipped: built without MPI (make MPI=1)"
    exit 0
fi
export OMP_WAIT_POLICY=passive OMP_NUM_THREADS=1
# More ranks than cores, as root in a container: what Open MPI wants to be told.
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_mpi_yield_when_idle=1 # a rank that waits must not keep others' threads from a core
start='mpirun --oversubscribe --bind-to none'
count=0

fail() {
    echo "check_mpi: $*" >&2
    exit 1
}
# ranks N THREADS ARGUMENT…: stdout in out, stderr in err, status in $status
ranks() {
    n=$1 threads=$2
    shift 2
    status=0
    OMP_NUM_THREADS=$threads timeout 300 $start -n "$n" "$mpi" "$@" >out 2>err </dev/null || status=$?
}
# same 'RANKSxTHREADS…' ARGUMENT…: the model of one process, byte for byte
same() {
    list=$1
    shift
    "$HEDDLE" train "$@" --quiet -o mpi_one.model >/dev/null || fail "heddle train $*"
    one=$(sha256sum <mpi_one.model)
    for pair in $list; do
        rm -f mpi.model
        ranks "${pair%x*}" "${pair#*x}" train "$@" --quiet -o mpi.model
        [ $status = 0 ] || fail "$pair (ranks x threads) ended with $status: $*: $(cat err)"
        [ "$(sha256sum <mpi.model)" = "$one" ] || fail "another model with $pair: $*"
        [ "$(grep -c sha256 out)" = 1 ] || fail "not one result: $(cat out)"
        count=$((count + 1))
    done
}
# refused STATUS TEXT: what ranks() did just now
refused() {
    [ $status = "$1" ] || fail "status $status, not $1 for: $2: $(cat err)"
    [ "$(grep -c '^heddle: ' err)" = 1 ] || fail "not one message: $(cat err)"
    grep -q "$2" err || fail "no '$2' in: $(cat err)"
    count=$((count + 1))
}

# heddle never needs MPI.
if command -v ldd >/dev/null; then
    ldd "$HEDDLE" | grep -q libmpi && fail "heddle is linked with MPI"
    ldd "$mpi" | grep -q libmpi || fail "heddle-mpi is not linked with MPI"
fi

# Open MPI leaves memory of its own behind.
export ASAN_OPTIONS="${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=0"

# 1,000 rows of three classes, and of a number, from integer arithmetic alone
awk 'BEGIN {
    print "a,b,c,d,kind"
    s = 4711
    for (i = 0; i < 1000; i++) {
        for (j = 0; j < 4; j++) { s = (s * 1103 + 12345) % 65536; x[j] = s / 4096 }
        k = x[0] + x[1] > x[2] + 16 ? "top" : x[3] > 8 ? "left" : "right"
        printf "%.3f,%.3f,%.3f,%.3f,%s\n", x[0], x[1], x[2], x[3], k
    }
}' >mpi.csv

# A page is rank 0's, with what all of them did.
ranks 3 1 train mpi.csv --hidden 8 --epochs 2 --validation 0.2 --quiet --report mpi.html
[ $status = 0 ] && [ "$(grep -c '</html>' mpi.html)" = 1 ] || fail "no page: $(cat err)"
grep -q '<td>ranks</td><td>3</td>' mpi.html || fail "a page without its ranks"
grep -q "$(sed -n 's/.*sha256 //p' out)" mpi.html || fail "a page of another model"
count=$((count + 1))

all='1x2 2x1 3x2 4x3 5x1 8x2' # long_mpi.sh has more
few='3x2'
# 700 rows in batches of 96 and one of 28: six shards, then two; dropout, validation, patience, clip
same "$all" mpi.csv --hidden 40,24 --batch 96 --shard 16 --epochs 6 --dropout 0.2 --clip 0.5 \
    --validation 0.3 --patience 2
for optimizer in sgd momentum nesterov adam adamw rmsprop adagrad rprop lbfgs; do
    batch=100
    case $optimizer in rprop | lbfgs) batch=full ;; esac
    same "$few" mpi.csv --hidden 20 --optimizer $optimizer --batch $batch --shard 16 --epochs 3
done
same "$few" mpi.csv --target a --hidden 130,20 --batch 250 --shard 7 --epochs 3 --max-norm 0.7 \
    --l1 0.001 --weight-decay 0.01 --clip-value 0.3 --noise 0.1 --precision double
same "$few" mpi.csv --hidden 20 --epochs 30 --schedule plateau --schedule-every 1 --validation 0.2 \
    --batch full
same "3x2" builtin:xor --recipe tutorial --steps 2000 # one shard: seven ranks have none
same "2x1 3x2 4x3" builtin:digits --steps 10 --hidden 700,700 --batch 512 # exchanged in many parts
same "1x2 3x1" mpi.csv --cv 3 --epochs 2
same "2x2" mpi.csv --search grid --rate 0.1,0.01,1000 --hidden 8/20 --optimizer sgd --epochs 2
# Numbers that are categories are the same words on all ranks.
awk -F, -v OFS=, 'NR > 1 { $1 = int($1 / 4) * 7 % 5 } { print }' mpi.csv >mpi_codes.csv
same "1x1 3x1" mpi_codes.csv --categories a --hidden 8 --epochs 3 --validation 0.2
# A large text is read once on a machine, and its table shared.
{ cat mpi.csv && for i in $(seq 120); do tail -n +2 mpi.csv; done; } >mpi_large.csv
same "3x2" mpi_large.csv --target a --steps 20 --validation mpi_large.csv --test mpi.csv
same "3x1" mpi.csv --epochs 2 --test mpi.csv --validation mpi.csv --init zeros

# … from standard input, too.
one=$("$HEDDLE" train mpi_large.csv --steps 20 --quiet | tail -1)
many=$(timeout 300 $start -n 3 "$mpi" train - --steps 20 --quiet <mpi_large.csv | tail -1)
[ "$one" = "$many" ] || fail "other data from a large standard input: $one, $many"

# Standard input goes to rank 0 alone.
one=$("$HEDDLE" train mpi.csv --epochs 2 --quiet | tail -1)
many=$(timeout 300 $start -n 3 "$mpi" train - --epochs 2 --quiet <mpi.csv | tail -1)
[ "$one" = "$many" ] || fail "other data from standard input: $one, $many"
# Without a launcher: one rank.
[ "$one" = "$("$mpi" train mpi.csv --epochs 2 --quiet | tail -1)" ] || fail "another model alone"
count=$((count + 2))

# Ranks whose threads take turns on the cores are told what to do, once, unless they do it.
if mpirun --version | grep -q "Open MPI"; then
    many=$(getconf _NPROCESSORS_ONLN)
    export OMPI_MCA_mpi_yield_when_idle=0
    ranks 2 "$many" train mpi.csv --steps 2
    export OMPI_MCA_mpi_yield_when_idle=1
    [ $status = 0 ] && [ "$(grep -c 'take turns on .* --mca mpi_yield_when_idle 1' err)" = 1 ] ||
        fail "not one note about ranks that take turns: $(cat err)"
    ranks 2 "$many" train mpi.csv --steps 2
    [ $status = 0 ] && ! grep -q 'take turns' err || fail "a note for ranks that yield: $(cat err)"
    count=$((count + 2))
fi

# Errors: one status, one message.
ranks 3 1 train no-such-file.csv
refused 66 "cannot open 'no-such-file.csv'"
ranks 2 1 train mpi.csv --epochs x
refused 2 "epochs"
ranks 2 1 predict mpi_one.model mpi.csv
refused 2 "only 'train' runs on several ranks"
wild='--optimizer sgd --schedule exponential --schedule-factor 1.5 --loss mse
    --output-activation linear --epochs 50 --quiet'
ranks 3 1 train mpi.csv $wild -o mpi_wild.model
refused 3 "diverged in step"
alone=0
"$HEDDLE" train mpi.csv $wild -o mpi_tame.model >/dev/null 2>alone || alone=$?
[ "$alone" = 3 ] && [ "$(grep '^heddle: training' alone)" = "$(grep '^heddle: training' err)" ] ||
    fail "alone: $(cat alone), with ranks: $(cat err)"
cmp mpi_wild.model.good mpi_tame.model.good || fail "ranks keep another model when they diverge"
ranks 2 1 train mpi.csv -o no-such-directory/x.model
refused 73 "no-such-directory"

sed '90000s/^[^,]*/oops/' mpi_large.csv >mpi_slip.csv
ranks 3 1 train mpi_slip.csv --target a --steps 5
refused 65 "^heddle: 'mpi_slip.csv' line 90000 column 1: 'oops'"

# Ranks that are not alike: rank 1 has other data, other options, or fails alone.
two() { # ARGUMENTS OF RANK 0 -- OF RANK 1
    left=${1} right=${2}
    status=0
    timeout 300 $start -n 1 "$mpi" $left : -n 1 "$mpi" $right >out 2>err </dev/null || status=$?
}
sed '500s/^./7/' mpi.csv >mpi_other.csv
two "train mpi.csv --epochs 2" "train mpi_other.csv --epochs 2"
refused 65 "rank 1 has not the same data as rank 0"
two "train mpi.csv --epochs 2" "train mpi.csv --epochs 3"
refused 2 "rank 1 has not the same options as rank 0"
two "train mpi.csv --epochs 2" "train mpi.csv --epochs 2 --init mpi_one.model"
refused 2 "rank 1"
two "train mpi.csv --epochs 2" "train gone.csv --epochs 2"
refused 66 "rank 1: cannot open 'gone.csv'"
two "train mpi.csv --epochs 2" "train mpi.csv --epochs 2 --test mpi.csv"
refused 2 "rank 1 has not the same options"
two "train mpi.csv --search grid --rate 1,2" "train mpi.csv --search grid --rate 1,2,3"
refused 2 "rank 1 has not the same options"
two "train mpi_large.csv --epochs 2 --target a" "train mpi_slip.csv --epochs 2 --target a"
refused 65 "rank 1: 'mpi_slip.csv' line 90000"
two "train mpi.csv --epochs 2" "train mpi.csv --epoch"
refused 2 "rank 1: "
two "train mpi.csv --max-memory 1G" "train mpi.csv --max-memory 10k"
refused 71 "rank 1: "

# … or is out of memory alone, at whatever moment.
for at in 1 12 24 60 120 170; do
    status=0
    timeout 300 $start -n 1 "$mpi" train mpi.csv --epochs 2 --hidden 20 --rate 0.1 --validation 0.2 : \
        -n 1 env HEDDLE_FAIL_ALLOC_FROM=$at "$mpi" train mpi.csv --epochs 2 --hidden 20 --rate 0.1 \
        --validation 0.2 >out 2>err </dev/null || status=$?
    [ $status = 71 ] && grep -q '^heddle: .*out of memory' err ||
        fail "status $status when allocation $at of rank 1 fails: $(cat err)"
    count=$((count + 1))
done

# run_ranks N ARGUMENT…: in the background; $job, and $pids once all ranks are there
run_ranks() {
    n=$1
    shift
    $start -n "$n" "$mpi" train "$@" >out 2>err </dev/null &
    job=$!
    pids=
    for i in 1 2 3 4 5 6 7 8 9 10; do
        sleep 0.3
        pids=$(ps -eo pid=,ppid=,comm= | awk -v job=$job '
            { parent[$1] = $2; name[$1] = $3 }
            END {
                for (p in parent) # its own, or of a proxy of its own (MPICH)
                    if (name[p] == "heddle-mpi" && (parent[p] == job || parent[parent[p]] == job))
                        print p
            }')
        [ "$(echo "$pids" | wc -w)" -lt "$n" ] || break
    done
}
# within SECONDS COMMAND…
within() {
    i=$(($1 * 10))
    shift
    while ! "$@"; do
        i=$((i - 1))
        [ $i -gt 0 ] || return 1
        sleep 0.1
    done
}
dead() { # or a zombie, where nobody waits for orphans
    case $(ps -o stat= -p "$1") in
    '' | Z*) return 0 ;;
    *) return 1 ;;
    esac
}
gone() {
    ! kill -0 $job 2>/dev/null
}

# A killed rank ends them all, leaves nobody behind, and the rest is done on other numbers of ranks.
long='mpi.csv --hidden 24,12 --optimizer adam --epochs 1500 --validation 0.2 --patience 1500 --quiet
    --shuffle yes --dropout 0.1'
"$HEDDLE" train $long -o mpi_one.model >/dev/null
rm -f mpi.check*
run_ranks 3 $long --checkpoint mpi.check --checkpoint-every 10e -o mpi.model
within 20 test -e mpi.check || fail "no checkpoint: $(cat err)"
kill -9 "$(echo $pids | cut -d' ' -f2)"
within 5 gone || fail "the others go on 5 s after a rank was killed"
wait $job && fail "a killed rank ended with status 0"
for pid in $pids; do
    within 5 dead "$pid" || fail "rank $pid is left behind"
done
cp mpi.check mpi.killed
rm -f mpi.model
ranks 2 2 train $long --checkpoint mpi.check --resume auto -o mpi.model
[ $status = 0 ] || fail "resume ended with $status: $(cat err)"
cmp mpi.model mpi_one.model || fail "another model, interrupted and resumed on 2 ranks"
cp mpi.killed mpi.check
rm -f mpi.model
"$HEDDLE" train $long --checkpoint mpi.check --resume auto -o mpi.model >/dev/null 2>&1 ||
    fail "one process does not go on"
cmp mpi.model mpi_one.model || fail "another model, interrupted and resumed by one process"
count=$((count + 3))

# SIGUSR1 to mpirun: a checkpoint. SIGTERM: a checkpoint and the end.
rm -f mpi.check*
rm -f mpi.log
run_ranks 2 $long --epochs 10000000 --checkpoint mpi.check --checkpoint-every 10000000 --log mpi.log
within 10 test -e mpi.log || fail "no log: $(cat err)" # it trains
[ ! -e mpi.check ] || fail "a checkpoint that nobody asked for"
kill -USR1 $job
within 5 test -e mpi.check || fail "no checkpoint after SIGUSR1: $(cat err)"
kill -0 $job || fail "SIGUSR1 ended the run"
rm -f mpi.check
kill -TERM $job
within 5 gone || fail "SIGTERM does not end it"
wait $job && fail "SIGTERM ended it with status 0"
[ -e mpi.check ] || fail "no checkpoint after SIGTERM"
count=$((count + 2))

echo "$count passed, 0 failed"
