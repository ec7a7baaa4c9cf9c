# cases: what scripts of cases at the command line share; they read it with `. tests/cases.sh`.
#
# Sets $HEDDLE (build/heddle unless given) and $tests as whole paths, goes to a temporary directory
# that is removed in the end, and counts $passed and $failed; the last line of a script is `results`.

HEDDLE=${HEDDLE:-build/heddle}
case $HEDDLE in /*) ;; *) HEDDLE=$PWD/$HEDDLE ;; esac
[ -x "$HEDDLE" ] || { echo "no program '$HEDDLE'" >&2; exit 1; }
heddle() { "$HEDDLE" "$@"; }
tests=${HEDDLE_TESTS:-$(cd "$(dirname "$0")" && pwd)}

room=$(mktemp -d) || exit 1
trap 'cd /; rm -rf "$room"' EXIT
trap 'exit 1' INT TERM HUP
cd "$room" || exit 1
passed=0
failed=0

# complain TEXT...: one case failed.
complain() {
    failed=$((failed + 1))
    printf 'FAILED %s\n' "$case"
    printf '    %s\n' "$@"
    sed 's/^/    stdout: /' out | head -n 6
    sed 's/^/    stderr: /' err | head -n 6
}

# matches FILE REGEX: '' is anything, '-' is nothing at all, else an extended regular expression.
matches() {
    case $2 in
    '') return 0 ;;
    -) [ ! -s "$1" ] ;;
    *) grep -Eq -e "$2" "$1" ;;
    esac
}

# t STATUS STDOUT STDERR COMMAND: run a line of shell and compare.
t() {
    case=$4
    (eval "$4") >out 2>err </dev/null
    status=$?
    if [ "$status" != "$1" ]; then
        complain "status $status instead of $1"
    elif ! matches out "$2"; then
        complain "stdout does not match '$2'"
    elif ! matches err "$3"; then
        complain "stderr does not match '$3'"
    else
        passed=$((passed + 1))
    fi
}

# holds NAME COMMAND: the line of shell must succeed.
holds() {
    case=$1
    if (eval "$2") >out 2>err </dev/null; then
        passed=$((passed + 1))
    else
        complain "not so: $2"
    fi
}

# results: what came of all cases, as a line and a status.
results() {
    echo "$passed passed, $failed failed"
    [ "$failed" = 0 ]
}
