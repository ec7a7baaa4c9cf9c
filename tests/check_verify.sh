#!/bin/sh
# heddle verify: a logged run repeats with the same bits, and what was changed is found.
#
#     HEDDLE=build/heddle sh tests/check_verify.sh

HEDDLE=${HEDDLE:-build/heddle}
case $HEDDLE in /*) ;; *) HEDDLE=$PWD/$HEDDLE ;; esac
room=$(mktemp -d) || exit 1
trap 'cd /; rm -rf "$room"' EXIT
cd "$room" || exit 1
failed=0

# t STATUS REGEX COMMAND: run a line of shell; stdout and stderr together must match.
t() {
    (eval "$3") >out 2>&1 </dev/null
    status=$?
    if [ "$status" != "$1" ] || ! grep -Eq -e "$2" out; then
        failed=$((failed + 1))
        echo "FAILED status $status: $3"
        sed 's/^/    /' out
    fi
}
verify() { "$HEDDLE" verify "$@"; }

"$HEDDLE" convert builtin:digits digits.csv >/dev/null
mkdir logs
"$HEDDLE" train digits.csv --hidden 20 --epochs 4 --dropout 0.1 --threads 2 --log logs/d.jsonl \
    -o d.model --checkpoint d.ck -q >/dev/null
"$HEDDLE" train builtin:xor --recipe tutorial --steps 3000 --log x.jsonl -q >/dev/null
"$HEDDLE" train builtin:spirals --epochs 40 --log chosen.jsonl -q >/dev/null
before=$(cat d.model d.ck | cksum)

t 0 'the same bits: 104 steps, .* sha256 [0-9a-f]{64}' 'verify logs/d.jsonl --threads 3'
t 0 'the same bits: the first 7 steps, 7 comparisons' 'verify logs/d.jsonl --steps 7'
t 0 'the same bits: 3000 steps' 'verify x.jsonl --threads 1'
t 0 '"same": true' 'verify x.jsonl --json'

# A default that was another when the run was logged: the record says what came of it.
"$HEDDLE" train digits.csv --hidden 20 --epochs 2 --shard 5 --log shard.jsonl -q >/dev/null
t 0 'the same bits: 52 steps' "sed -i 's/\"shard\": \"5\"/\"shard\": \"auto\"/' shard.jsonl &&
    head -n 1 shard.jsonl | grep -q '\"shard\": \"auto\".*\"shard\": 5,' && verify shard.jsonl"

# So does one before whose first step short runs chose --l2.
t 0 'the same bits: [0-9]+ steps' 'verify chosen.jsonl'
t 0 '"l2.*"data_sha256": "[0-9a-f]{64}"' 'head -n 1 chosen.jsonl'

t 0 'the same bits' '(cd logs && verify d.jsonl)'
t 0 untouched "[ '$before' = \"\$(cat d.model d.ck | cksum)\" ] && echo untouched"

# A file of --test leaves no rows to be held out; PROBEN1 says itself which are.
"$HEDDLE" train digits.csv --epochs 2 --test digits.csv --log test.jsonl -q >/dev/null
{
    printf 'bool_in=0\nreal_in=2\nbool_out=0\nreal_out=1\n'
    printf 'training_examples=60\nvalidation_examples=30\ntest_examples=10\n'
    seq 100 | awk '{ print $1 % 7, $1 % 5, $1 % 7 * 0.1 }'
} >parts.dt
"$HEDDLE" train parts.dt --epochs 5 --log parts.jsonl -q >/dev/null
"$HEDDLE" train parts.dt --epochs 5 --test parts.dt --log parts_test.jsonl -q >/dev/null
t 0 'the same bits: [0-9]* steps' 'verify test.jsonl'
t 0 'the same bits: [0-9]* steps' 'verify parts.jsonl'
t 0 'the same bits: [0-9]* steps' 'verify parts_test.jsonl'

# Also where L2, or the width too, was chosen first.
"$HEDDLE" convert builtin:spirals spirals.csv >/dev/null
"$HEDDLE" train spirals.csv --hidden 4 --epochs 30 --log chosen.jsonl -q >/dev/null
"$HEDDLE" train spirals.csv --task regress --epochs 30 --log width.jsonl -q >/dev/null
t 0 'the same bits: [0-9]* steps' 'verify chosen.jsonl --threads 2'
t 0 'the same bits: [0-9]* steps' 'verify width.jsonl --threads 2'

# A run that goes on from a checkpoint goes on with its log: nothing of it is lost, what the run does
# again stands there once, and the whole is verified. A log of other steps is no part of it.
parts="digits.csv --hidden 20 --schedule constant --checkpoint p.ck --checkpoint-every 1e -q"
parts() { "$HEDDLE" train $parts "$@" >/dev/null; }
events() { # what a log says of steps, without what depends on the clock or the process
    grep -E '"event": "(step|report)"' "$1" | sed 's/"seconds": [^,]*, //; s/"last": .*//'
}
resumed() { sed -n 's/.*"start".*"resumed": \([0-9]*\).*/\1/p' "$1" | tr '\n' ' '; }
parts --epochs 6 --log whole.jsonl
parts --epochs 2 --log p.jsonl
printf '{"event": "st' >>p.jsonl # as kill -9 leaves it
parts --epochs 4 --resume auto --log p.jsonl
parts --epochs 6 --resume p.ck.previous --log p.jsonl
t 0 '^0 52 78 $' 'resumed p.jsonl'
t 0 '^same$' 'events whole.jsonl >1; events p.jsonl >2; [ -s 1 ] && cmp 1 2 && echo same'
t 0 '^1$' "grep -c '\"event\": \"end\"' p.jsonl"
t 0 'the same bits: 156 steps, [0-9]+ comparisons, model' 'verify p.jsonl'
t 0 'same' 'parts --epochs 6 --resume auto --log p.jsonl; events p.jsonl | cmp - 1 && echo same'
t 0 '^156 $' 'cp logs/d.jsonl o.jsonl; parts --epochs 6 --resume auto --log o.jsonl; resumed o.jsonl'

# What was changed is named: a loss, one weight, one unit, the model.
sed '/"step": 5,/s/"loss": 1/"loss": 2/' logs/d.jsonl >changed.jsonl
t 65 'differs at step 5: its loss: 2[0-9.]* in the log, 1[0-9.]* here' 'verify changed.jsonl digits.csv'
sed '/"step": 52,/s/"units": "\(.\{24\}\).\{8\}/"units": "\100000000/' logs/d.jsonl >changed.jsonl
t 65 'differs at step 52: layer 1, weights of unit 4' 'verify changed.jsonl'
sed '/"event": "report", "step": 2500/s/"weights": "\(.\{16\}\).\{16\}/"weights": "\13ff0000000000000/' x.jsonl >changed.jsonl
t 65 'differs at step 2500: layer 1, weight of unit 1 from input 2: 1 in the log, -?[0-9.]+ here' \
    'verify changed.jsonl'
sed 's/"sha256": "./"sha256": "x/' logs/d.jsonl >changed.jsonl
t 65 'differs at step 104: the model file' 'verify changed.jsonl'

# Another version's log is repeated like any other; if it differs, that may be why.
sed 's/"version": "[^"]*"/"version": "0.0.1"/' changed.jsonl >version.jsonl
t 65 "note: Heddle 0.0.1 logged 'version.jsonl', and this is [0-9.]*, whose" 'verify version.jsonl'
sed 's/"version": "[^"]*"/"version": "0.0.1"/' logs/d.jsonl >version.jsonl
t 0 '^1$' 'verify version.jsonl digits.csv 2>&1 | wc -l'
t 0 '^1$' 'verify changed.jsonl 2>&1 | wc -l'

# Reports hold all metrics of the validation rows; the last one's are those of the end. Logs of
# before that was so are repeated like any other.
"$HEDDLE" train digits.csv --hidden 20 --epochs 4 --validation 0.2 --report-every 1 --top 2 \
    --log metrics.jsonl -q >/dev/null
"$HEDDLE" train digits.csv --task regress --hidden 5 --epochs 4 --validation 0.2 \
    --log numbers.jsonl -q >/dev/null
metric() { # EVENT KEY LOG: of the last record of that kind
    sed -n "/^{\"event\": \"$1\"/s/.*\"validation\": {[^}]*\"$2\": \([^,}]*\).*/\1/p" "$3" | tail -1
}
for key in accuracy balanced_accuracy top2 log_loss auc; do
    t 0 '^0\.[0-9]*$' "[ \"\$(metric report $key metrics.jsonl)\" = \"\$(metric end $key metrics.jsonl)\" ] &&
        metric report $key metrics.jsonl"
done
for key in rmse r2 mae; do
    t 0 '^-*[0-9.]*$' "[ \"\$(metric report $key numbers.jsonl)\" = \"\$(metric end $key numbers.jsonl)\" ] &&
        metric report $key numbers.jsonl"
done
t 0 '^4$' 'grep -c "\"event\": \"report\".*\"f1\": \[0" metrics.jsonl'
t 0 'the same bits' 'verify metrics.jsonl'
sed '/"event": "report"/s/"validation": {[^}]*}, //' metrics.jsonl >older.jsonl
t 0 'the same bits' '! grep -q "report.*\"auc\"" older.jsonl && verify older.jsonl'

# Other data, another recipe, no log.
sed '3s/^[0-9]*/7/' digits.csv >other.csv
t 75 'the data differ' 'verify logs/d.jsonl other.csv'
t 75 'differ' 'verify logs/d.jsonl builtin:xor'
t 66 'nowhere.jsonl' 'verify nowhere.jsonl'
t 65 'line 1' 'verify digits.csv'
t 65 'no log' "echo '{}' >empty.jsonl; verify empty.jsonl"

# Data of standard input are not in the log: they must be given again, and it is said how.
"$HEDDLE" train - --hidden 5 --epochs 2 --log piped.jsonl -q <digits.csv >/dev/null
"$HEDDLE" train digits.csv --validation - --hidden 5 --epochs 2 --log judged.jsonl -q <digits.csv \
    >/dev/null
t 65 "the data of 'piped.jsonl' came from standard input.* 'heddle verify piped.jsonl DATA'" \
    'verify piped.jsonl'
t 74 "the data of 'piped.jsonl' came from standard input" 'verify piped.jsonl <&-'
t 65 "the validation data of 'judged.jsonl' came from standard input" 'verify judged.jsonl'
t 0 'the same bits' 'verify piped.jsonl <digits.csv'
t 0 'the same bits' 'verify piped.jsonl digits.csv'
t 0 'the same bits' 'verify judged.jsonl <digits.csv'
t 75 'the data differ' 'verify piped.jsonl <other.csv'
t 65 silent 'verify cut.jsonl empty.jsonl 2>&1 | grep -q "standard input" || { echo silent; exit 65; }'

# A run that was killed is repeated as far as its log goes.
sed '$d' logs/d.jsonl | sed '$d' >cut.jsonl
printf '{"event": "rep' >>cut.jsonl
t 0 'the same bits: the first [0-9]+ steps' 'verify cut.jsonl'

t 66 'cannot read' 'verify .'

[ "$failed" = 0 ] && echo "all passed"
