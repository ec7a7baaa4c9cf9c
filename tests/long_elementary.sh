#!/bin/sh
# exp, log, tanh and the logistic function of all 2^32 floats, on all levels: a few minutes.
program=$HEDDLE_BUILD/tests/program_elementary
out=$HEDDLE_SCRATCH/elementary
failed=0

"$program" 0 2 >"$out.0" &
other=$!
"$program" 1 2 >"$out.1" || failed=1
wait $other || failed=1

# The worse of the two halves of each function; anything that is no such line is a complaint.
awk 'NF != 3 { print; next }
     !($1 in worst) || $2 > worst[$1] { worst[$1] = $2; at[$1] = $3 }
     END { for (f in worst) printf "%-8s worst %.4f ulp at %s\n", f, worst[f], at[f] }' \
    "$out.0" "$out.1" | sort
test $failed -eq 0 || echo 'long_elementary: more than is promised, or levels that differ' >&2
exit $failed
