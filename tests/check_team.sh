#!/bin/sh
# The team under settings that OpenMP and the system read before a program starts.
program=$HEDDLE_BUILD/tests/program_team
failed=0

# expect STATUS TEXT COMMAND…: the command ends with STATUS and says TEXT (a pattern of case).
expect() {
    status=$1 text=$2
    shift 2
    said=$("$@" 2>&1)
    got=$?
    case $said in
    $text) test $got -eq "$status" && return ;;
    esac
    echo "check_team: '$*' ended with $got and said '$said', not $status and '$text'" >&2
    failed=1
}

threads=7 # HEDDLE_E_THREADS

expect 0 '8 workers' env OMP_DYNAMIC=true "$program" 8
expect 0 '2 workers' env OMP_THREAD_LIMIT=2 "$program" 2
expect $threads '*8 threads*OMP_THREAD_LIMIT is 2*' env OMP_THREAD_LIMIT=2 "$program" 8
expect 0 '3 workers' env OMP_NUM_THREADS=1 OMP_MAX_ACTIVE_LEVELS=0 "$program" 3
expect 0 '4 workers' env OMP_PROC_BIND=true OMP_PLACES=cores "$program" 4
expect 0 '4 workers' env OMP_WAIT_POLICY=active "$program" 4
expect 0 '64 workers' env OMP_STACKSIZE=256k "$program" 64
expect 1 '*1 to 4096*' "$program" 5000

# No room for the stacks of 200 threads: an error of ours, not the end of the process by OpenMP.
# (A program with AddressSanitizer cannot start so small.)
limited='ulimit -v 400000 && exec "$0" "$@"'
if ! grep -q __asan_init "$program" && sh -c "$limited" "$program" 2 >/dev/null 2>&1; then
    expect $threads '*200 threads*ulimit*' sh -c "$limited" "$program" 200
fi
exit $failed
