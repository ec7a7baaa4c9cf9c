#!/bin/sh
# The command line as users and scripts meet it: exit status, stdout and stderr of every command.
#
#     HEDDLE=build/heddle sh tests/check_cli.sh
#
# Prints each case that fails with what was expected and what came, and last "N passed, N failed";
# status 1 if one failed. Works in a temporary directory, needs no network and no other data.
# Cases that need python3 are skipped where there is none.

. "${HEDDLE_TESTS:-$(dirname "$0")}/cases.sh"
nl='
'

# ---------------------------------------------------------------- data

printf 'a,b,y\n0,0,0\n0,1,1\n1,0,1\n1,1,0\n' >xor.csv
awk 'BEGIN {
    print "length,width,kind"
    for (i = 0; i < 60; i++)
        printf "%d.%d,%d.5,%s\n", i % 7, i % 10, (i * 3) % 11, i % 7 < 3 ? "small" : "large, wide"
}' | sed 's/large, wide/"large, wide"/' >kinds.csv
awk 'BEGIN {
    print "x,z"
    for (i = 0; i < 50; i++) printf "%d.5,%d.25\n", i, 3 * i + 1
}' >line.csv
: >empty.csv
printf 'a,b,y\n' >header.csv
printf 'a,b,y\n1,2,3\n1,2\n3,4,5\n' >ragged.csv
printf 'this is no model' >no.model
mkdir dir
quick='--epochs 3 --threads 1 -q'

# ---------------------------------------------------------------- help and misuse

t 0 '^Usage: heddle COMMAND' - 'heddle'
t 0 '^Usage: heddle COMMAND' - 'heddle help'
t 0 '^Usage: heddle COMMAND' - 'heddle --help'
t 0 '^heddle [0-9]+\.[0-9]+\.[0-9]+$' - 'heddle --version'
for command in train predict evaluate info; do
    t 0 "^Usage: heddle $command " - "heddle $command --help"
    t 0 '^Examples$' - "heddle help $command"
    t 0 "^  $command " - 'heddle help'
    holds "help of $command is at most 100 columns wide" \
        "! heddle $command --help | grep -E '.{101}'"
done
t 0 'default: auto' - 'heddle train --help'
for option in target drop labels task validation validation-labels test test-labels scale missing \
    delimiter header hidden activation output-activation loss init precision recipe optimizer rate \
    momentum batch epochs steps min-error seed shard shuffle threads bind isa max-memory output log \
    report report-every progress quiet dry-run config json; do
    t 0 "^  (-., )?--$option( |\$)" - 'heddle train --help'
done

t 2 - "unknown command 'trian'; did you mean 'heddle train'\\?" 'heddle trian xor.csv'
t 2 - "did you mean 'heddle evaluate'" 'heddle eval xor.csv'
t 2 - "did you mean 'heddle train xor.csv'" 'heddle xor.csv'
t 2 - "^heddle: unknown command 'qqqq'\$" 'heddle qqqq'
t 2 - "^try 'heddle --help'\$" 'heddle qqqq'
t 2 - "unknown option '--nothing'" 'heddle --nothing'
t 2 - "unknown option '--epoch'; did you mean '--epochs'\\?" 'heddle train xor.csv --epoch 3'
t 2 - "unknown option '--epoch'; did you mean '--epochs'\\?" 'heddle train xor.csv --epoch=3'
t 2 - "did you mean '--min-error'" 'heddle train xor.csv --min_error 3'
t 2 - "did you mean '--rate'" 'heddle train xor.csv --learning-rate 3'
t 2 - "did you mean '--epochs'" 'heddle train xor.csv -epochs 3'
t 2 - "^try 'heddle train --help'\$" 'heddle train xor.csv --qqqq'
t 2 - "train needs DATA" 'heddle train'
t 2 - "predict needs MODEL DATA" 'heddle predict xor.csv'
t 2 - "unexpected argument 'more'" 'heddle train xor.csv more'
t 2 - "option '--epochs' needs a value" 'heddle train xor.csv --epochs'
t 2 - "option '-o' needs a value" 'heddle train xor.csv -o'
t 2 - "option '--json' takes no value" 'heddle train xor.csv --json=yes'
t 2 - "epochs.*'many'" 'heddle train xor.csv --epochs many'
t 2 - "epochs.*-3" 'heddle train xor.csv --epochs -3'
t 2 - "hidden.*8,x" 'heddle train xor.csv --hidden 8,x'
t 2 - '--loss custom: only a program' 'heddle train xor.csv --loss custom'
t 2 - '--activation custom: only a program' 'heddle train xor.csv --activation custom'
t 2 - '--activation custom: only a program' 'heddle train xor.csv --activation tanh,custom --hidden 2,2'
t 2 - '--activation custom: only a program' 'heddle train xor.csv --activation custom --hidden none'
t 2 - '--activation custom: only a program' 'heddle train xor.csv --search grid --activation custom/tanh'
t 2 - '--loss custom: only a program' 'heddle bench --shape 2,1 --loss custom'
t 2 - "optimizer.*'best'" 'heddle train xor.csv --optimizer best'
t 2 - "progress.*'sometimes'" 'heddle train xor.csv --progress sometimes'
t 2 - "header.*'perhaps'" 'heddle info xor.csv --header perhaps'
t 2 - "delimiter.*'x'" 'heddle info xor.csv --delimiter x'
t 2 - "max-memory.*'lots'" 'heddle predict no.model xor.csv --max-memory lots'
t 2 - "threads.*'0'" 'heddle predict no.model xor.csv --threads 0'
t 2 - "init 'glorto'" 'heddle train xor.csv --init glorto'
t 2 - "validation.*needs a file" 'heddle train xor.csv --validation-labels xor.csv'
t 2 - "test.*needs a file" 'heddle train xor.csv --test-labels xor.csv'

# ---------------------------------------------------------------- inputs that cannot be used

t 66 - "^heddle: cannot open 'none.csv': No such file or directory\$" 'heddle train none.csv'
t 66 - "'dir'" 'heddle train dir'
t 66 - "cannot open 'none.model'" 'heddle predict none.model xor.csv'
t 66 - "cannot open 'none.model'" 'heddle evaluate none.model xor.csv'
t 66 - "cannot open 'none'" 'heddle info none'
t 66 - "cannot open 'none.model'" 'heddle train xor.csv --init none.model'
t 66 - "cannot open 'none.csv'" "heddle train xor.csv $quick --test none.csv"
t 66 - "cannot open 'none.csv'" "heddle train xor.csv $quick --validation none.csv"
t 65 - "'empty.csv'" 'heddle train empty.csv -o bad.model --log bad.jsonl'
t 65 - "'header.csv'" 'heddle train header.csv -o bad.model --log bad.jsonl'
t 65 - "'ragged.csv' line 3" 'heddle train ragged.csv -o bad.model --log bad.jsonl'
t 65 - "'no.model'" 'heddle predict no.model xor.csv -o bad.csv'
t 65 - "'no.model'" 'heddle evaluate no.model xor.csv'
t 2 - 'nosuch' 'heddle train builtin:nosuch'
t 65 - "'-'" 'heddle train -'
holds 'no output is left behind by bad input' '! ls bad.* 2>/dev/null'

# ---------------------------------------------------------------- outputs that cannot be made

t 73 - "^heddle: cannot create 'none/x.model': No such file or directory\$" \
    'heddle train xor.csv -o none/x.model'
t 73 - "cannot create 'dir': Is a directory" 'heddle train xor.csv -o dir'
t 73 - "cannot create 'xor.csv/x'" 'heddle train xor.csv -o xor.csv/x'
t 73 - "cannot create 'none/x.jsonl'" 'heddle train xor.csv --log none/x.jsonl'
t 73 - "cannot create 'none/x.csv'" 'heddle predict no.model xor.csv -o none/x.csv'
t 2 - "would overwrite the input 'xor.csv'" 'heddle train xor.csv -o xor.csv'
t 2 - "would overwrite the input 'none.model'" 'heddle predict none.model xor.csv -o none.model'
t 2 - "would overwrite the input './xor.csv'" 'heddle predict none.model ./xor.csv -o xor.csv'
t 2 - "would overwrite the input 'xor.c'" 'heddle export xor.c -o xor.c'
long=$(printf '%0250d' 0)
t 73 - "leaves no room for .previous" "heddle train xor.csv --epochs 1 --checkpoint $long -q"
t 2 - 'are the same file' 'heddle train xor.csv -o same --log same'
t 2 - "cannot be '-'" 'heddle train xor.csv -o -'
holds 'xor.csv is as it was' '[ $(wc -l <xor.csv) = 5 ]'

# ---------------------------------------------------------------- train

t 0 '^model - sha256 [0-9a-f]{64}$' 'not saved' 'heddle train xor.csv --epochs 3'
t 0 '^model k.model sha256 [0-9a-f]{64}$' - "heddle train kinds.csv $quick -o k.model"
t 0 '^network +2-.*parameters$' - "heddle train kinds.csv $quick"
t 0 '^test +accuracy' - "heddle train kinds.csv $quick --test kinds.csv"
t 0 '^validation +accuracy.*\(12 rows\)' - "heddle train kinds.csv $quick --validation 0.2"
t 0 '^validation +accuracy.*\(60 rows\)' - "heddle train kinds.csv $quick --validation kinds.csv"
t 0 '^model l.model sha256' - "heddle train line.csv $quick -o l.model"
t 0 '^test +rmse' - "heddle train line.csv $quick --test line.csv"
t 0 '^model ' - "cat kinds.csv | heddle train - $quick"
t 0 '^model ' 'epoch 3/3' 'heddle train kinds.csv --epochs 3 --threads 1'
holds 'who waits at a terminal sees how far the choice of --l2 is' \
    'heddle train builtin:spirals --hidden 4 --epochs 30 --progress always 2>&1 | tr "\r" "\n" |
     grep "^choosing --l2: run 0 of 20$"'
holds '... and a file of messages is spared it' \
    '! heddle train builtin:spirals --hidden 4 --epochs 30 2>&1 | grep choosing'
holds '--progress never shows no progress' \
    '! heddle train kinds.csv --epochs 3 --progress never 2>&1 | grep "^epoch .*loss"'
t 0 'dry run' - "heddle train kinds.csv $quick --dry-run -o dry.model --log dry.jsonl"
holds 'a dry run writes nothing' '! ls dry.* 2>/dev/null'
t 0 '^model o.model' - "heddle train --output=o.model $quick -- kinds.csv"
t 0 '^model last.model' - "heddle train kinds.csv $quick -o first.model -o last.model"
holds 'the last of a repeated option counts' '[ -f last.model ] && [ ! -e first.model ]'
holds 'the last line is the sha256 of the file' \
    '[ "$(heddle train kinds.csv '"$quick"' -o k.model | tail -n 1)" = \
       "model k.model sha256 $(sha256sum <k.model | cut -d" " -f1)" ]'
holds 'without -o the sha256 is the same' \
    '[ "$(heddle train kinds.csv '"$quick"' | tail -n 1 | cut -d" " -f4)" = \
       "$(sha256sum <k.model | cut -d" " -f1)" ]'
heddle train kinds.csv --epochs 5 --threads 1 -q -o k1.model >expected
for threads in 2 3 7; do
    holds "stdout is the same with $threads threads" \
        "heddle train kinds.csv --epochs 5 --threads $threads -q -o k1.model | cmp - expected"
done
holds 'a locale with a decimal comma changes nothing' \
    'LC_ALL=de_DE.UTF-8 heddle train kinds.csv --epochs 5 -q -o k1.model | cmp - expected'
holds 'all of the tutorial: reports' \
    'heddle train builtin:xor --recipe tutorial --steps 5001 2>&1 >/dev/null |
     grep -Eq "^Iteration 2500	Error: [0-9]+\.[0-9]{6}$"'
t 0 '^Input 	Output 		Target$' '^Iteration 0	Error: ' \
    'heddle train builtin:xor --recipe tutorial --steps 11'
t 0 '^\[1 0\]	 \[ 0\.[0-9]{1,8}\] 	\[ 1\.\]$' - \
    'heddle train builtin:xor --recipe tutorial --steps 11 -q'
holds 'the tutorial ends at the iteration it says, counted from 0' \
    'run="heddle train builtin:xor --recipe tutorial --min-error 0.5 --rate 2 --report-every 1"
     last=$($run 2>&1 >/dev/null | sed -n "s/^Iteration \([0-9]*\).*/\1/p" | tail -n 1)
     $run 2>/dev/null | grep -q "^Minimum error reached at iteration $last\$"'
t 0 '^Minimum error reached at iteration [0-9]+$' '' \
    'heddle train builtin:xor --recipe tutorial --min-error 0.5 --rate 2'

# ---------------------------------------------------------------- classes without rows, divergence

printf 'a,b,y\n1,2,red\n2,1,red\n3,3,blue\n2,4,blue\n1,,green\n5,5,red\n,2,grey\n' >few.csv
few='heddle train few.csv --missing drop --epochs 2'
t 0 '^model ' "note: class 'green' \\(and 1 more\\) has no row to train on" "$few"
t 65 - "class-weights balanced: class 'green' has no row to train on" "$few --class-weights balanced"
t 2 - 'no class that has rows counts' "$few --class-weights green:2,red:0,blue:0"
t 0 '^model ' - 'cut -d, -f1,3 few.csv | head -5 | heddle train - --epochs 2 --class-weights balanced -q'

# --scale none is of the targets too: other programs' weights fit the numbers as they are.
t 0 '^model raw.model' - 'heddle train line.csv --epochs 2 --scale none -q -o raw.model'
t 0 '^model std.model' - 'heddle train line.csv --epochs 2 -q -o std.model'
holds 'targets are scaled, but not with --scale none' \
    'grep -aq factor std.model && ! grep -aq factor raw.model'
t 65 - "'xor.csv' is no model file: it does not begin as one does" 'heddle predict xor.csv xor.csv'
t 2 - "^heddle: --header 'x': it takes auto" 'heddle train xor.csv --header x'
# nothing that is printed for a reader is wider than a terminal
for command in '' train predict evaluate info bench export convert verify; do
    holds "help of '$command' fits" "heddle $command --help | awk 'length > 80 { exit 1 }'"
done
# names with commas in lists, and in what is proposed
printf '"a, b",c,d,y\n1,2,3,x\n4,5,6,y\n' >commas.csv
t 0 '^left.csv CSV, 2 x 2' - "heddle convert commas.csv left.csv --drop 'a, b,d'"
t 65 - "has no column 'b'" "heddle convert commas.csv left.csv --drop 'd,b'"
# words never seen in training are no error, and are told wherever rows are scored or predicted
printf 'k,x,y\nred,1,a\ngreen,2,b\nred,3,a\ngreen,4,b\n' >seen.csv
sed s/red/teal/ seen.csv >unseen.csv
note="^heddle: note: 'unseen.csv': 'teal' of column 'k' was not in the training data \\(nor were those of 1 more cell\\)"
t 0 '^model ' "$note" 'heddle train seen.csv --epochs 2 --test unseen.csv -o seen.model'
t 0 '^model ' "$note" 'heddle train seen.csv --epochs 2 --validation unseen.csv'
t 0 '^prediction' "$note" 'heddle predict seen.model unseen.csv'
t 0 'rows' "$note" 'heddle evaluate seen.model unseen.csv --json'
# in a row without a target it is predicted, not scored
sed '2s/red/puce/; 2s/[^,]*$//' seen.csv >puce.csv
t 0 '^prediction' "'puce' of column 'k'" 'heddle predict seen.model puce.csv'
t 0 'rows' - 'heddle evaluate seen.model puce.csv'
t 0 '^prediction' - 'heddle predict seen.model seen.csv'
# options that change nothing are named, if they were given as something else than their default
brief='heddle train builtin:xor --epochs 1 --progress never'
t 0 '^model ' '^heddle: note: --beta1 has no effect with --optimizer sgd$' "$brief --optimizer sgd --beta1 0.5 --momentum 0.9"
holds 'and no others' "[ \"\$($brief --optimizer sgd --beta1 0.5 --momentum 0.9 2>&1 | grep -c 'has no effect')\" = 1 ]"
t 0 '^model ' '^heddle: note: --schedule-factor has no effect with --schedule one-cycle$' "$brief --schedule-factor 0.5"
t 0 '^model ' '^heddle: note: --watch has no effect without --patience' "$brief --watch training"
t 0 '' '^heddle: note: --momentum has no effect with --optimizer adam$' "$brief --optimizer adam --momentum 0.5 --dry-run"
t 1 - - "$brief --optimizer nesterov --momentum 0.5 --schedule step --schedule-factor 0.5 \
    --schedule-every 2 --watch training --patience 3 2>&1 | grep 'has no effect'"
t 0 '^model ' "^heddle: note: targets go from 1.25 to 148.25, but outputs of --output-activation sigmoid lie between 0 \
and 1: linear reaches all\$" 'heddle train line.csv --output-activation sigmoid --epochs 2 --validation 0'
t 0 '^network ' 'but outputs of --output-activation tanh lie between -1 and 1: linear reaches all' \
    'heddle train line.csv --output-activation tanh --dry-run'
holds 'targets that outputs reach are not worth a word' \
    '! heddle train builtin:xor --recipe tutorial --epochs 9 2>&1 | grep -q reaches'

steep='heddle train builtin:spirals --task regress --hidden 5 --activation linear --optimizer sgd
    --batch 10 --threads 1'
steep=$(echo $steep)
printf 'old' >kept.model
t 3 - "^heddle: training diverged in step 4: the loss is not finite; the largest weight, [0-9.]*e.[0-9]*, \
is of layer [12]; a smaller --rate may help; the best model before that is the one that it began with, loss 1.[0-9]*\$" \
    "$steep --rate 30 -o kept.model"
t 3 - "^heddle: note: 'kept.model' is as it was\$" "$steep --rate 30 -o kept.model"
t 3 - "^heddle: note: no model was written to 'steep.model'\$" "$steep --rate 30 -o steep.model"
holds 'a run that diverged writes no model' '[ "$(cat kept.model)" = old ] && [ ! -e steep.model ]'
holds 'but the best before that' 'heddle evaluate steep.model.good builtin:spirals --json >first.json &&
    ! grep -qi -e nan -e inf first.json'
t 3 - "^heddle: note: the model was not saved; -o FILE saves it as FILE.good\$" "$steep --rate 30"
late='heddle train builtin:digits --hidden 16 --loss mse --output-activation linear --activation linear
    --optimizer sgd --rate 0.1 --schedule exponential --schedule-factor 1.3 --epochs 60 --validation 0'
late=$(echo $late)
t 3 - "best model before that is the one after step [0-9]+, loss 0\.[0-9]+\$" "$late -o late.model"
t 3 - "diverged in step" "$late -o late3.model --threads 3 -q"
t 0 '"accuracy":0\.[5-9]' - 'heddle evaluate late.model.good builtin:digits --json | tr -d " "'
t 3 - 'diverged in step' "$late -o /dev/null -q"
holds 'nothing is kept beside a device' '[ ! -e /dev/null.good ]'
mkdir late.model.good.good
t 3 - "cannot create 'late.model.good.good': it is a directory" "$late -o late.model.good -q"
holds 'any number of threads keeps the same' 'cmp late.model.good late3.model.good'
t 3 - "; 'c.ck' holds the state after step 8: --init goes on from its weights\$" \
    "$steep --rate 0.5 --checkpoint c.ck --checkpoint-every 4"
t 3 - "; 'c.ck' holds the state after step 8: --init" "$steep --rate 0.5 --resume c.ck"
t 0 '^model ' - "$steep --rate 1e-9 --init c.ck --epochs 2 -q"
# The checkpoint of the step before is what is not finite; the one before that is good.
t 3 - "'d.ck.previous' holds the state after step 2: --init" \
    "$steep --rate 30 --checkpoint d.ck --checkpoint-every 1"
t 3 - "began with, loss 1.[0-9]*\$" "$steep --rate 30 --checkpoint e.ck --checkpoint-every 3"
t 3 - "'c.ck.previous' holds the state after step 8: --init" \
    "$steep --rate 0.5 --resume c.ck --checkpoint c.ck --checkpoint-every 10"
rm -f ./*.ck ./*.ck.previous

# ---------------------------------------------------------------- config, init, log, json

printf '# a comment\nepochs = 3 # three\nthreads=1\n\n quiet = yes \noutput = c.model\n' >run.conf
t 0 '^model c.model' - 'heddle train kinds.csv --config run.conf'
t 0 '^model d.model' - 'heddle train kinds.csv --config run.conf -o d.model'
t 0 'epochs +2 ' - 'heddle train kinds.csv --epochs 2 --config run.conf'
printf 'epochs = 3\nepoch = 3\n' >bad.conf
t 2 - "'bad.conf' line 2: unknown option 'epoch'; did you mean '--epochs'" \
    'heddle train kinds.csv --config bad.conf'
printf 'epochs\n' >bad.conf
t 2 - "'bad.conf' line 1" 'heddle train kinds.csv --config bad.conf'
printf 'quiet = perhaps\n' >bad.conf
t 2 - "'bad.conf' line 1: --quiet" 'heddle train kinds.csv --config bad.conf'
t 66 - "cannot open 'none.conf'" 'heddle train kinds.csv --config none.conf'
t 66 - "'dir'" 'heddle train kinds.csv --config dir'
rm -f bad.conf

t 0 '^model ' - "heddle train kinds.csv --init k1.model $quick"
t 0 '^network +2-5-3-2' - "heddle train kinds.csv --hidden 5,3 -o two.model $quick"
t 0 '^network +2-5-3-2' - "heddle train kinds.csv --init two.model $quick"
t 65 - '2-5-3-2' "heddle train kinds.csv --init two.model --hidden 4 $quick"

t 0 '^model ' - "heddle train kinds.csv $quick --log run.jsonl"
holds 'the log begins with start and ends with end' \
    'head -n 1 run.jsonl | grep -q "^{\"event\": \"start\"" &&
     tail -n 1 run.jsonl | grep -q "^{\"event\": \"end\".*\"sha256\"" &&
     grep -q "^{\"event\": \"report\"" run.jsonl'

if command -v python3 >/dev/null; then
    cat >keys.py <<'END'
import json, sys
def strict(text):
    raise ValueError(text)
value = json.load(sys.stdin, parse_constant=strict)
missing = [key for key in sys.argv[1:] if key not in value]
if missing:
    sys.exit("missing: " + " ".join(missing))
END
    holds 'train --json' "heddle train kinds.csv $quick --json --test kinds.csv |
        python3 keys.py shape parameters steps epochs loss validation test seconds \
            examples_per_second gflops percent_of_limit threads ranks isa shard seed sha256"
    holds 'train --json --dry-run' "heddle train kinds.csv $quick --json --dry-run |
        python3 keys.py shape parameters batch shard"
    t 2 - "standard output" 'heddle convert kinds.csv - --json'
    holds 'convert --json' 'heddle convert kinds.csv k.csv --labels-out l.csv --json |
        python3 keys.py outputs && heddle convert k.model c.model --json | python3 keys.py model sha256'
    holds 'export --json' 'heddle export k.model -o k.c --json | python3 keys.py file format'
    holds 'predict --json' 'heddle predict k.model kinds.csv --json | python3 keys.py rows predictions'
    holds 'evaluate --json, classes' 'heddle evaluate k.model kinds.csv --json |
        python3 keys.py rows loss accuracy confusion classes'
    holds 'evaluate --json, numbers' 'heddle evaluate l.model line.csv --json |
        python3 keys.py rows loss rmse r2'
    holds 'info --json, data' 'heddle info kinds.csv --json | python3 keys.py format rows columns head'
    holds 'info --json, model' 'heddle info k.model --json |
        python3 keys.py widths parameters classes inputs metadata sha256'
    holds 'info --json, machine' 'heddle info --json | python3 keys.py threads why isa limit_gflops'
    holds 'every line of the log is JSON' \
        'while read -r record; do printf "%s" "$record" | python3 keys.py event || exit 1; done <run.jsonl'
    holds 'a name that is no UTF-8 gives JSON all the same' \
        'name=$(printf "x\377.csv"); cp xor.csv "$name"; heddle info "$name" --json | python3 keys.py data'
else
    echo 'skipped: JSON (no python3)'
fi

# ---------------------------------------------------------------- predict, evaluate, info

t 0 '^prediction,("p_large, wide",p_small|p_small,"p_large, wide")$' - 'heddle predict k.model kinds.csv'
t 0 'among the 1 likeliest [01][.][0-9]*, ' - 'heddle evaluate k.model kinds.csv --top 1'
for k in 2 9; do
    t 0 'balanced accuracy [01][.][0-9]*, log loss' - "heddle evaluate k.model kinds.csv --top $k"
done
t 0 '"accuracy": ([0-9.]+),.*"top1": \1,' - 'heddle evaluate k.model kinds.csv --top 1 --json | tr -d "\n"'
t 0 '"top9": 1.0,' - "heddle train kinds.csv $quick --test kinds.csv --top 9 --json"
t 2 - "^heddle: --top " 'heddle evaluate k.model kinds.csv --top 0'
t 0 '^z$' - 'heddle predict l.model line.csv'
t 0 - - 'heddle predict k.model kinds.csv -o p.csv'
holds 'predict -o writes what goes to stdout' 'heddle predict k.model kinds.csv | cmp - p.csv'
holds 'predict gives a line a row' '[ $(wc -l <p.csv) = 61 ]'
holds 'predict reads standard input' 'cut -d, -f1,2 kinds.csv | heddle predict k.model - | cmp - p.csv'
holds 'predict does not depend on threads' 'heddle predict k.model kinds.csv --threads 3 | cmp - p.csv'
t 65 - '.' 'heddle predict k.model line.csv -o none.csv'
holds 'predict leaves nothing behind on failure' '[ ! -e none.csv ]'
t 0 'accuracy [01]' - 'heddle evaluate k.model kinds.csv'
t 0 'true.*predicted' - 'heddle evaluate k.model kinds.csv'
t 0 'rmse [0-9]' - 'heddle evaluate l.model line.csv'
t 0 '^rows +60$' - 'heddle info kinds.csv'
t 0 '^kind +text +0 +2 ' - 'heddle info kinds.csv'
t 0 '^network +2-' - 'heddle info k.model'
t 0 'GFLOP/s' - 'heddle info'
t 0 '^rows +4$' - 'heddle info builtin:xor'
t 2 - "isa.*'mmx'" 'heddle info --isa mmx'

# ---------------------------------------------------------------- streams and signals

if [ -w /dev/full ]; then
    for command in 'help' '--version' 'train --help' "train kinds.csv $quick" 'info' 'info xor.csv' \
        'info k.model' 'predict k.model kinds.csv' 'evaluate k.model kinds.csv' \
        'evaluate k.model kinds.csv --json'; do
        t 74 - 'cannot write standard output: No space left on device$' "heddle $command >/dev/full"
    done
    t 74 - "cannot write '/dev/full'" 'heddle predict k.model kinds.csv -o /dev/full'
    t 74 '' "cannot write '/dev/full'" "heddle train kinds.csv $quick --log /dev/full"
fi
t 74 - 'cannot write standard output' 'heddle --version >&-'
t 0 - - "heddle train kinds.csv $quick -o closed.model >/dev/null 2>&-"
# A reader that has seen enough is no failure to be told of, and costs no model.
t 0 '^141$' - "rm closed.model; (sleep 1; heddle train kinds.csv $quick -q -o closed.model; echo \$? >code) | :
     until [ -s code ]; do sleep 0.1; done; cat code; test -s closed.model"
printf 'old' >kept.csv
t 74 - "cannot write 'kept.csv'" 'awk "BEGIN { print \"length,width\"; for (i = 0; i < 5000; i++) print i \",1\" }" >many.csv
    ulimit -f 8; heddle predict k.model many.csv -o kept.csv'
holds 'a failed write leaves the old file and no other' '[ "$(cat kept.csv)" = old ] && ! ls kept.csv.* 2>/dev/null'

# Every allocation of the library fails once: status 71 and a message, never a crash or a model.
case='no memory, at every allocation'
n=1
status=71
while [ $n -lt 400 ] && [ $status = 71 ]; do
    HEDDLE_FAIL_ALLOC=$n heddle train kinds.csv --epochs 1 --threads 1 -q -o memory.model >out 2>err
    status=$?
    [ $status = 71 ] && { [ -e memory.model ] || ! grep -q 'memory' err; } && status="71 at $n, but"
    n=$((n + 1))
done
case $status in
0 | 71) passed=$((passed + 1)) ;;
*) complain "allocation $((n - 1)): status $status" ;;
esac

net=$tests/data/fann_plain.net
t 0 '^model n.model sha256 [0-9a-f]{64}$' - "heddle convert '$net' n.model"
t 0 'network *2-3-2' - 'heddle info n.model'
t 2 - 'neither in .npy nor in .csv' 'heddle convert kinds.csv kinds.model'
t 2 - 'neither in .npy nor in .csv' 'heddle convert builtin:xor kinds.model'
t 66 - "cannot open 'none.net'" 'heddle convert none.net kinds.model'
sed 's/network_type=0/network_type=1/' "$net" >shortcuts.net
t 65 - 'shortcuts' 'heddle convert shortcuts.net kinds.model'
head -c 300 n.model >cut.model
t 65 - 'no model file' 'heddle convert cut.model kinds.model'
sed 's/(3, 5, /(3, 6, /g' "$net" >stepwise.net
t 0 '^model s.model' "^heddle: note: 'stepwise.net': .*stepwise" 'heddle convert stepwise.net s.model'
holds 'nothing else is written' '! [ -e kinds.model ]'
gzip -kf n.model
t 0 'network *2-3-2' - 'heddle info n.model.gz'
rm -f info.fifo && mkfifo info.fifo
t 0 'rows *4' - "printf 'a,b\\n1,2\\n3,4\\n5,6\\n7,8\\n' >info.fifo & heddle info info.fifo"

# A background job of a plain sh ignores SIGINT; SIGTERM is as good.
case='SIGTERM ends a run with 143, results so far, and no model'
"$HEDDLE" train kinds.csv --epochs 100000000 --report-every 10000 -q --threads 1 -o never.model \
    --log term.jsonl >out 2>err &
job=$!
waited=0
while ! grep -q '"event": "report"' term.jsonl 2>/dev/null && [ $waited -lt 30 ]; do # it trains
    sleep 1
    waited=$((waited + 1))
done
kill -TERM $job
{ wait $job; } 2>/dev/null # a shell may say "Terminated"
status=$?
if [ $status = 143 ] && grep -q '^model - ' out && grep -q 'ended by signal 15' err &&
    [ ! -e never.model ] && tail -n 1 term.jsonl | grep -q '"stopped": true'; then
    passed=$((passed + 1))
else
    complain "status $status instead of 143, or not all of it"
fi

results
