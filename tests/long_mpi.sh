#!/bin/sh
# heddle-mpi over all ranks and threads and every optimizer, 64 ranks, and ranks killed at random
# moments and the run resumed on other numbers of ranks. Two machines, one of them lost.
set -eu
cd "$HEDDLE_SCRATCH"
mpi=${HEDDLE_BUILD}/heddle-mpi
if [ ! -x "$mpi" ] || ! command -v mpirun >/dev/null; then
    echo "skipped: built without MPI (make MPI=1)"
    exit 0
fi
export OMP_WAIT_POLICY=passive
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
export OMPI_MCA_mpi_yield_when_idle=1 # a rank that waits must not keep others' threads from a core
start='mpirun --oversubscribe --bind-to none'
count=0

fail() {
    echo "long_mpi: $*" >&2
    exit 1
}
# same RANKS THREADS ARGUMENT…
same() {
    n=$1 threads=$2
    shift 2
    one=$("$HEDDLE" train "$@" --quiet | tail -1)
    many=$(timeout 300 $start -n "$n" "$mpi" train "$@" --quiet --threads "$threads" 2>err </dev/null |
        tail -1)
    [ -n "$one" ] && [ "$one" = "$many" ] ||
        fail "$n ranks of $threads: '$many', not '$one': $*: $(cat err)"
    count=$((count + 1))
}

for n in 1 2 3 4 5 6 7 8; do
    for threads in 1 2 3; do
        same $n $threads builtin:digits --hidden 33,20 --batch 200 --epochs 4 --dropout 0.1 \
            --validation 0.2 --patience 3 --clip 0.5
    done
done
# large enough for an exchange in many parts, among them parts of two layers; needed whole, too
for n in 2 3 5 8; do
    for more in '' '--max-norm 0.7' '--clip 0.5' '--validation 0.2 --dropout 0.1'; do
        same $n 2 builtin:digits --hidden 500,30,700 --batch 300 --steps 12 $more
    done
done
for optimizer in sgd momentum nesterov adam adamw rmsprop adagrad rprop lbfgs; do
    batch=100
    case $optimizer in rprop | lbfgs) batch=full ;; esac
    for n in 2 3 5 8; do
        same $n 2 builtin:digits --hidden 40 --optimizer $optimizer --batch $batch --epochs 3
    done
done
# 64 ranks: more than shards, as many, fewer
same 64 1 builtin:digits --hidden 20 --batch 256 --epochs 2 --validation 0.2
same 64 1 builtin:digits --hidden 20 --batch 1024 --shard 16 --steps 10
same 64 1 builtin:digits --hidden 20 --batch full --shard 5 --steps 10

# A rank is killed at a random moment, again and again, until the run comes to its end.
long='builtin:digits --hidden 48 --optimizer adam --epochs 1500 --validation 0.2 --dropout 0.1 --quiet'
"$HEDDLE" train $long -o mpi_one.model >/dev/null
rm -f mpi.check* mpi.model
seed=20240229
kills=0
while [ ! -e mpi.model ]; do
    seed=$(((seed * 1103515245 + 12345) % 2147483648))
    n=$((seed / 65536 % 4 + 2))
    $start -n $n "$mpi" train $long --threads $((seed / 1024 % 2 + 1)) --checkpoint mpi.check \
        --checkpoint-every 10e --resume auto -o mpi.model >out 2>err </dev/null &
    job=$!
    if [ $kills -lt 15 ]; then
        sleep "1.$((seed / 256 % 10))"
        victim=$(ps -o pid= --ppid $job | sed -n "$((seed / 4096 % n + 1))p" | tr -d ' ')
        [ -z "$victim" ] || kill -9 "$victim" 2>/dev/null || true
        kills=$((kills + 1))
        i=0
        while kill -0 $job 2>/dev/null; do
            sleep 0.1
            i=$((i + 1))
            [ $i -lt 50 ] || fail "the ranks go on 5 s after one was killed"
        done
        wait $job || true
    else
        wait $job || fail "it does not end: $(cat err)"
    fi
done
cmp mpi.model mpi_one.model || fail "another model after $kills kills"
count=$((count + 1))

# Two machines: network namespaces with a cable between them, names of their own, TCP alone. The
# second is reached through an agent in place of ssh.
a=heddle-a-$$ b=heddle-b-$$
no_machines() {
    ip netns del $a 2>/dev/null || true
    ip netns del $b 2>/dev/null || true
}
two_machines() {
    command -v ip >/dev/null && command -v unshare >/dev/null || return 1
    ip netns add $a && ip netns add $b || return 1
    ip -n $a link add cable type veth peer name cable netns $b || return 1
    ip -n $a addr add 10.213.0.1/24 dev cable && ip -n $b addr add 10.213.0.2/24 dev cable || return 1
    for host in $a $b; do
        ip -n $host link set lo up && ip -n $host link set cable up || return 1
        ip netns exec $host unshare --uts hostname $host || return 1
    done
}
# on_both ARGUMENT…: a rank of one thread on each; timeout becomes it, so $! is not to be killed
on_both() {
    net=10.213.0.0/24
    ip netns exec $a unshare --uts sh -c "hostname $a && exec \"\$@\"" sh timeout 120 mpirun \
        --mca plm_rsh_agent "$PWD/mpi_agent" --mca pml ob1 --mca btl tcp,self \
        --mca btl_tcp_if_include $net --mca oob_tcp_if_include $net --host $a:1,$b:1 -n 2 \
        --bind-to none "$mpi" train "$@" --quiet --threads 1
}
# rank_of HOST: its process there, once it trains
rank_of() {
    for i in $(seq 60); do
        sleep 0.5
        for pid in $(ip netns pids $1); do
            ! grep -qs heddle-mpi /proc/$pid/comm || [ ! -e mpi.log ] || {
                echo $pid
                return
            }
        done
    done
}
# ended WHAT: within 5 s, everywhere
ended() {
    i=0
    while kill -0 $job 2>/dev/null || [ -n "$(ip netns pids $a)$(ip netns pids $b)" ]; do
        sleep 0.1
        i=$((i + 1))
        [ $i -lt 50 ] || fail "$1 was killed and the others go on after 5 s: $(cat err)"
    done
    ! wait $job || fail "$1 was killed and the status is 0"
    count=$((count + 1))
}
trap no_machines EXIT
if two_machines 2>skip; then
    cat >mpi_agent <<'END'
#!/bin/sh
host=$1
shift
exec ip netns exec "$host" unshare --uts sh -c "hostname $host && $*"
END
    chmod +x mpi_agent
    for arguments in 'builtin:digits --epochs 4 --validation 0.2 --dropout 0.1 --patience 3' \
        'builtin:digits --hidden 300,300 --batch 512 --steps 50'; do
        one=$("$HEDDLE" train $arguments --quiet | tail -1)
        many=$(on_both $arguments 2>err </dev/null | tail -1)
        [ -n "$one" ] && [ "$one" = "$many" ] ||
            fail "two machines: '$many', not '$one': $arguments: $(cat err)"
        count=$((count + 1))
    done
    for lost in rank machine; do
        rm -f mpi.log
        on_both builtin:digits --epochs 1000000 --log mpi.log >out 2>err </dev/null &
        job=$!
        victim=$(rank_of $b)
        [ -n "$victim" ] || fail "no rank on the second machine: $(cat err)"
        [ $lost = rank ] || victim=$(ip netns pids $b)
        kill -9 $victim
        ended "a $lost"
    done
else
    echo "skipped: two machines: $(tail -1 skip)"
fi
echo "$count passed, 0 failed ($kills ranks killed)"
