#!/bin/sh
# heddle bench, --dry-run and the calibration of the number of workers: what they print and that
# the bits never depend on it. Nothing here looks at seconds.
#
#     HEDDLE=build/heddle sh tests/check_bench.sh
#
# Prints each case that fails, and last "N passed, N failed"; status 1 if one failed. Cases that
# need python3 or gnuplot are skipped where there is none.

. "${HEDDLE_TESTS:-$(dirname "$0")}/cases.sh"
unset OMP_NUM_THREADS

quick='--repeats 1 --steps 5 --rows 256 --batch 32'

# ---------------------------------------------------------------- formats

t 0 '^\| *threads \| *µs/step' - "heddle bench --shape 8,7,3 --threads 1,2 $quick | tee md"
holds 'md: aligned, one row a number of threads' '
    grep "^|" md >table && [ "$(wc -l <table)" = 4 ] &&
    [ "$(sed "s/µ/u/" table | awk "{ print length }" | sort -u | wc -l)" = 1 ]'
t 0 '^Scaling: 2 threads are .* times as fast as 1' - "heddle bench --shape 8,7,3 --threads 1,2 $quick"
t 0 '^Scaling: only 3 threads were measured' - "heddle bench --shape 8,7,3 --threads 3 $quick"
t 0 '' - "heddle bench --shape 8,7,3 --threads 1,2,5 $quick --format csv >c.csv; cat c.csv"
holds 'csv: # lines say what it is' 'grep -q "^# machine: ." c.csv && grep -q "^# kernels: ." c.csv'
holds 'csv: a header, three rows, as many fields each' '
    grep -v "^#" c.csv >body && [ "$(wc -l <body)" = 4 ] &&
    head -1 body | grep -q "^threads,us_per_step,us_min,us_max,examples_per_second,gflops" &&
    [ "$(awk -F, "{ print NF }" body | sort -u | wc -l)" = 1 ]'
holds 'csv: the same sha256 in all rows' '
    sed 1d body | awk -F, "{ print \$NF }" | sort -u >hashes &&
    [ "$(wc -l <hashes)" = 1 ] && grep -Eqx "[0-9a-f]{64}" hashes'

hash_of() { heddle bench "$@" --format csv 2>&1 | awk -F, '!/^#/ && NR > 1 { h = $NF } END { print h }'; }
for isa in $(heddle info --json | sed -n 's/.*"isa_available": "\(.*\)".*/\1/p' | tr -d ,); do
    holds "the same sha256 on $isa" \
        "[ \"\$(hash_of --shape 8,7,3 --threads 2 $quick --isa $isa)\" = $(cat hashes) ]"
done
holds 'another seed, another sha256' \
    "[ \"\$(hash_of --shape 8,7,3 --threads 2 $quick --seed 5)\" != $(cat hashes) ]"
for precision in float double; do
    for recipe in '--optimizer adam' '--activation relu --output-activation linear --rate 0.001' \
        '--shard 32' '--batch 13 --threads 1,2,3,7'; do
        case="one hash: $precision $recipe"
        # shellcheck disable=SC2086 # options are words
        heddle bench --shape 20,33,17,5 --threads 1,2,3,4,8 $quick --precision $precision $recipe \
            --format csv >out 2>err
        if [ "$(grep -v '^#' out | sed 1d | awk -F, '{ print $NF }' | sort -u | wc -l)" = 1 ]; then
            passed=$((passed + 1))
        else
            complain 'the hashes differ'
        fi
    done
done

if command -v python3 >/dev/null 2>&1; then
    cat >shape.py <<'END'
import json, math, sys
def strict(text):
    raise ValueError(text)
value = json.load(sys.stdin, parse_constant=strict)
threads = [int(n) for n in sys.argv[1].split(",")]
assert sorted(map(int, value["limit_gflops"])) == sorted(set(threads)), value["limit_gflops"]
assert [row["threads"] for row in value["rows"]] == threads
for row in value["rows"]:
    for key in ("shape batch threads ranks isa precision shard us_per_step us_min us_max "
                "examples_per_second gflops percent_of_limit speedup efficiency serial "
                "sha256").split():
        assert key in row, key
    assert row["us_min"] <= row["us_per_step"] <= row["us_max"]
    limit = value["limit_gflops"][str(row["threads"])]
    assert math.isclose(row["percent_of_limit"], 100 * row["gflops"] / limit, rel_tol=1e-6)
    assert len(row["sha256"]) == 64 and row["sha256"] == value["rows"][0]["sha256"]
assert value["rows"][0]["speedup"] == 1 and value["rows"][0]["serial"] is None
END
    holds json "heddle bench --shape 8,7,3 --threads 1,2,3 $quick --format json |
        python3 shape.py 1,2,3"
    holds '--json, data, not from one thread on' \
        'heddle bench builtin:xor --hidden 4 --threads 2,4 --repeats 3 --steps 9 --json |
            python3 shape.py 2,4'
    holds 'a shape that fits the data' \
        'heddle bench builtin:digits --shape 64,20,10 --threads 1 --repeats 1 --steps 3 --json |
            python3 shape.py 1'
fi
t 0 '' '' "heddle bench --shape 8,7,3 --repeats 1 --rows 256 --steps 3" # all numbers of threads
# Categories are inputs of their own: three codes and a number are four.
{ echo code,x,y && for i in 1 2 3 4 5 6 7 8; do printf '7,%d,a\n1,%d,b\n4,%d,b\n' $i $i $((9 - i)); done; } >codes.csv
t 0 '"shape": "4-5-2"' - 'heddle bench codes.csv --categories code --hidden 5 --threads 1 --repeats 1 --steps 3 --json'

# ---------------------------------------------------------------- misuse

for bad in '3' '3,' ',3' '3,x,4' '0,4' '3,,4' '-3,4' '99999999999,2'; do
    t 2 - "shape '$bad'.*784,128,10" "heddle bench --shape=$bad $quick"
done
for bad in 0 -1 1, ,1 1,,2 2x 1.5 '' 99999; do
    t 2 - '--threads' "heddle bench --threads='$bad' $quick"
done
t 2 - 'md\|csv\|json' 'heddle bench --format xml'
t 2 - 'contradict' 'heddle bench --format csv --json'
t 2 - 'svg.*png' 'heddle bench --plot scaling.gif'
t 2 - '--rows is for made-up rows' 'heddle bench builtin:xor --rows 5'
t 2 - '--hidden is for DATA' 'heddle bench --hidden 5'
t 2 - '--categories is for columns of DATA' 'heddle bench --categories 1'
t 2 - 'does not fit data of' 'heddle bench builtin:digits --shape 63,10'
t 2 - '--epochs means nothing here' 'heddle bench --epochs 3'
t 2 - '--checkpoint means nothing here' 'heddle bench --checkpoint no.ck'
holds 'nor is it offered' '! heddle bench --help | grep -q -- "--checkpoint\|--epochs\|--resume"'
t 2 - "no function 'relux'" 'heddle bench --activation relux'
t 2 - 'did you mean' 'heddle bench --repeat 3'
t 2 - 'unexpected argument' 'heddle bench builtin:xor builtin:xor'
t 66 - "cannot open 'nowhere.csv'" 'heddle bench nowhere.csv'
t 73 - 'nowhere' 'heddle bench --plot nowhere/x.svg'

# ---------------------------------------------------------------- plots

mkdir plots no-programs
export TMPDIR="$room/plots"
if command -v gnuplot >/dev/null 2>&1; then
    for kind in svg png txt; do
        t 0 '' - "heddle bench --shape 8,7,3 --threads 1,2,4 $quick --plot it.$kind"
    done
    holds 'svg' 'grep -q "<svg" it.svg && grep -q "</svg>" it.svg && grep -q "8-7-3" it.svg'
    holds 'png' '[ "$(dd if=it.png bs=1 skip=1 count=3 2>/dev/null)" = PNG ]'
    holds 'txt' 'grep -q "8-7-3" it.txt'
    for threads in 1 2 2,1; do # no label at the axis, one point, not in order
        for kind in svg png txt; do
            t 0 '' '' "heddle bench --shape 8,7,3 --threads $threads $quick --plot it.$kind"
        done
    done
    holds 'a label with the speed-up' 'grep -q "1.00×" it.svg'
    holds 'nothing is left over' '[ -z "$(ls plots; ls it.*.* 2>/dev/null)" ]'
    t 0 '' - "heddle bench --shape 8,7,3 --threads 1,32 $quick --plot wide.svg"
    holds 'logarithmic' 'grep -q "</svg>" wide.svg'
fi
t 2 '^Scaling' 'gnuplot is not installed.*apt-get' \
    "PATH=$room/no-programs; heddle bench --shape 8,7,3 --threads 1,2 $quick --plot none.svg"
holds 'data and script stay' '[ -s plots/*/scaling.dat ] && [ -s plots/*/scaling.gp ] && [ ! -e none.svg ]'

# ---------------------------------------------------------------- the plan, on machines that are not here

places() { HWLOC_SYNTHETIC=$1 heddle info --bind "$2" --threads "$3" --json |
    sed -n 's/.*"places": "\(.*\)".*/\1/p'; }
holds 'places: every core' '[ "$(places "pack:2 core:64 pu:1" spread 128)" = 0-127 ]'
holds 'places: spread' '[ "$(places "pack:2 [numa] core:4 pu:2" spread 4)" = 0-12:4 ]'
holds 'places: close' '[ "$(places "pack:2 [numa] core:4 pu:2" close 3)" = 0-4:2 ]'
holds 'places: uneven' '[ "$(places "pack:2 [numa] l3:2 core:4 pu:2" spread 5)" = "0-8:4, 16, 24" ]'
holds 'places: none' '[ -z "$(places "pack:2 core:4 pu:2" none 3)" ]'
holds 'places: as many as there is room for' \
    'places "pack:64 core:3 pu:2" spread 100 | grep -q "^0, 2, .*, …$"'
holds 'places, for people' \
    'HWLOC_SYNTHETIC="core:8 pu:1" heddle info --bind close --threads 3 | grep -q "^ *processors 0-2$"'

# ---------------------------------------------------------------- dry run

t 0 '^work .* GFLOP an epoch' '' 'heddle train builtin:digits --dry-run'
t 0 '^batch .*: 2 shards of 32, enough for 8 workers' '' 'heddle train builtin:digits --batch 64 --dry-run'
t 0 'all, with the data' '' 'heddle train builtin:digits --dry-run -o no.model'
holds 'nothing is written' '[ ! -e no.model ]'
t 65 '' "has no column 'nothing'" 'heddle train builtin:digits --target nothing --dry-run'
if command -v python3 >/dev/null 2>&1; then
    cat >estimate.py <<'END'
import json, sys
e = json.load(sys.stdin)
assert e["dry_run"] is True
assert e["shape"] == "64-300-10" and e["parameters"] == 64 * 300 + 300 + 300 * 10 + 10
assert e["steps_per_epoch"] == -(-e["rows"] // e["batch"])
assert e["flop_per_epoch"] == e["rows"] * 2 * (3 * (64 * 300 + 300 * 10) - 64 * 300)
assert e["shards"] == -(-e["batch"] // e["shard"]) and e["epochs"] == 3
m = e["memory_bytes"]
assert all(m[k] > 0 for k in ("data", "parameters", "states", "workspaces", "peak"))
assert m["partial_sums"] == 0 # small batches: weight deltas are divided by weights
END
    cat >mapped.py <<'END'
import json, struct, sys
rows, columns = 3000, 784 # of bytes: used in the mapped file
with open("images.idx", "wb") as f:
    f.write(struct.pack(">4B3I", 0, 0, 8, 3, rows, 28, 28) + bytes(range(256)) * (rows * columns // 256))
    f.write(bytes(rows * columns % 256))
with open("labels.idx", "wb") as f:
    f.write(struct.pack(">4BI", 0, 0, 8, 1, rows) + bytes(i % 10 for i in range(rows)))
END
    python3 mapped.py
    estimated() { heddle train images.idx --labels labels.idx "$@" --dry-run --json 2>/dev/null |
        sed -n 's/.*"mapped": \([0-9]*\).*/\1/p'; }
    size=$(wc -c <images.idx | tr -d ' ')
    holds 'rows used in the file are counted' '[ "$(estimated --validation 0)" = "$size" ]'
    holds 'held out or not' '[ "$(estimated --validation 0.1)" = "$size" ]'
    holds 'and only those' '[ "$(estimated --scale standard)" = 0 ]'
    holds 'dry run --json' 'heddle train builtin:digits --hidden 300 --epochs 3 --dry-run --json 2>&1 |
        grep -v "^heddle: note" | python3 estimate.py'
fi

# ---------------------------------------------------------------- the number of workers

model() { heddle train "$@" --json 2>/dev/null; }
field() { sed -n "s/^ *\"$1\": \"\{0,1\}\([^\",]*\).*/\1/p" "$2"; }
model builtin:xor --recipe tutorial --seed 3 --steps 3000 >free.json
model builtin:xor --recipe tutorial --seed 3 --steps 3000 --threads 3 >fixed.json
holds 'xor is worth one worker' '[ "$(field threads free.json)" = 1 ]'
holds 'a number that was given is kept' '[ "$(field threads fixed.json)" = 3 ]'
holds 'and why is said' 'grep -q "threads_why.*--threads 3" fixed.json'
model builtin:xor --recipe tutorial --seed 3 --steps 100000 --min-error 0 >long.json
model builtin:xor --recipe tutorial --seed 3 --steps 100000 --min-error 0 --threads 1 >one.json
holds 'a longer run of it too' '[ "$(field threads long.json)" = 1 ]'
holds 'xor: the same bits' '[ "$(field sha256 free.json)" = "$(field sha256 fixed.json)" ] &&
    [ "$(field sha256 long.json)" = "$(field sha256 one.json)" ]'
for options in '' '--precision double --batch 100' '--batch full --optimizer momentum' \
    '--hidden 256,256 --epochs 4' '--seed 9 --shuffle no'; do
    # shellcheck disable=SC2086
    model builtin:digits --epochs 12 $options >free.json
    # shellcheck disable=SC2086
    model builtin:digits --epochs 12 $options --threads 2 >fixed.json
    # shellcheck disable=SC2086
    OMP_NUM_THREADS=3 model builtin:digits --epochs 12 $options >variable.json
    holds "digits $options: the same bits" '
        [ -n "$(field sha256 free.json)" ] &&
        [ "$(field sha256 free.json)" = "$(field sha256 fixed.json)" ] &&
        [ "$(field sha256 free.json)" = "$(field sha256 variable.json)" ]'
done
holds 'OMP_NUM_THREADS is kept' '[ "$(field threads variable.json)" = 3 ]'

results
