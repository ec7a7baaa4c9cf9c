#!/bin/sh
# Data in all its forms: however it comes, the same table gives the same model; what lies is refused.
set -e
dir=$HEDDLE_SCRATCH/read
rm -rf "$dir"; mkdir -p "$dir"; cd "$dir"
fail() { echo "check_read: $*" >&2; exit 1; }

"$HEDDLE_BUILD/tests/program_numbers" 200000 7 >/dev/null || fail 'numbers differ from strtod'

# A table large enough for a team: words, missing cells, line ends within quotes, blank lines.
awk 'BEGIN { srand(1); print "id,a,b,word,note,y"
  for (i = 0; i < 60000; i++) {
    printf "%d,%.17g,%s,w%d,%s,%d\n", i, rand() * 100 - 50, i % 11 ? int(rand() * 1000) / 8 : "",
      rand() * 9, i % 7 ? "n" i % 5 : "\"two\nlines, \"\"" i % 3 "\"\"\"", rand() * 3
    if (i % 1000 == 0) print "" } }' >t.csv
sha() {
    "$HEDDLE" train "$@" --missing mean --drop id --hidden 4 --epochs 1 --batch 500 --quiet |
        sed -n 's/.*sha256 //p'
}
first=$(sha t.csv --threads 1)
test -n "$first" || fail 'no model'
for n in 2 3 5; do
    test "$(sha t.csv --threads $n)" = "$first" || fail "$n threads read something else"
done
gzip -1 -c t.csv >t.gz
test "$(sha t.gz)" = "$first" || fail 'gzip'
{ head -c 1000000 t.csv | gzip -1; tail -c +1000001 t.csv | gzip -1; } >members.gz
test "$(sha members.gz)" = "$first" || fail 'members of gzip'
test "$(sha - <t.csv)" = "$first" || fail 'standard input'
mkfifo pipe; cat t.csv >pipe & test "$(sha pipe)" = "$first" || fail 'FIFO'; wait
"$HEDDLE" convert t.csv again.csv >/dev/null
test "$(sha again.csv)" = "$first" || fail 'convert to CSV'

# Arrays: the same numbers, the same model.
"$HEDDLE" convert t.csv x.npy --drop id,word,note,y >/dev/null
"$HEDDLE" convert t.csv y.npy --drop id,word,note,a,b >/dev/null
"$HEDDLE" convert x.npy x.csv >/dev/null
"$HEDDLE" convert x.csv x2.npy >/dev/null
cmp x.npy x2.npy || fail 'there and back'
plain() {
    "$HEDDLE" train "$@" --missing mean --hidden 4 --epochs 1 --batch 500 --quiet --task classify |
        sed -n 's/^test.*//p; s/.*sha256 //p'
}
"$HEDDLE" train x.npy --labels y.npy --missing mean --epochs 1 --quiet >/dev/null || fail 'labels'
gzip -c x.npy >x.npy.gz
test "$(plain x.npy --labels y.npy)" = "$(plain x.npy.gz --labels y.npy)" || fail 'NPY in gzip'

# A text that does not fit is refused with what to do, and that does it: part by part.
status=0
"$HEDDLE" train t.csv --max-memory 1M --quiet >/dev/null 2>message || status=$?
test $status = 71 || fail "too large: status $status"
grep -q "heddle convert 't.csv' 't.npy'" message || fail "$(cat message)"
"$HEDDLE" convert t.csv parts.csv --max-memory 2M >/dev/null || fail 'by parts'
"$HEDDLE" convert t.csv parts.npy --drop id,word,note,y --max-memory 2M >/dev/null || fail 'by parts'
cmp parts.csv again.csv || fail 'by parts: CSV'
cmp parts.npy x.npy || fail 'by parts: NPY'

# Rows that are read from the file where they lie, in stretches: the bits of rows that are kept.
blocks() {
    "$HEDDLE" train x.npy --labels y.npy --missing mean --hidden 4 --epochs 2 --batch 64 --quiet \
        --task classify --shuffle blocks "$@" | sed -n 's/.*sha256 //p'
}
kept=$(blocks)
test -n "$kept" || fail 'blocks'
test "$(blocks --max-memory 2M --threads 1)" = "$kept" || fail 'rows read where they lie'

# Convert complains by name and leaves nothing behind.
if "$HEDDLE" convert t.csv bad.npy 2>message; then fail 'words in an array'; fi
grep -q "column 'word' is text" message || fail "$(cat message)"
test ! -e bad.npy || fail 'a file that should not be'
test "$(find . -name '.heddle*' | wc -l)" = 0 || fail 'a temporary file is left'

# A slip is complained of where it is used, and not where the column is dropped.
sed '5s/^[0-9]*,/oops,/' t.csv >slip.csv
if "$HEDDLE" train slip.csv --missing mean --epochs 1 --quiet 2>message >/dev/null; then
    fail 'a slip'
fi
grep -q "line 5 column 1: 'oops' is not a number" message || fail "$(cat message)"
"$HEDDLE" train slip.csv --missing mean --drop id --epochs 1 --quiet >/dev/null || fail 'dropped'

# Headers that lie, in little memory: 65 or 71, no model, a message.
limit=400000
! grep -q __asan_init "$HEDDLE" || limit=unlimited # ASan takes address space for itself
refuse() {
    status=0
    (ulimit -v $limit; OMP_NUM_THREADS=1 "$HEDDLE" train "$1" --epochs 1 --quiet) \
        >out 2>message || status=$?
    case $status in 65 | 71) ;; *) fail "$1: status $status, $(cat message)" ;; esac
    grep -q '^heddle: ' message || fail "$1: $(cat message)"
}
printf '1 4000000000:1\n' >a.svm && refuse a.svm
printf '\0\0\10\3\377\377\377\377\377\377\377\377\377\377\377\377' >a.idx && refuse a.idx
printf '\0\0\10\4\200\0\0\0\200\0\0\0\0\0\0\4\0\0\0\1' >b.idx && refuse b.idx
printf '18446744073709551615 2 1\n1 2\n3\n' >a.data && refuse a.data
printf "\223NUMPY\1\0\115\0{'descr': '<f8', 'fortran_order': False, 'shape': (4294967296, 4294967296), }" \
    >a.npy && refuse a.npy
printf '\377\377\377\377\377\377\377\177{"x":1}' >a.safetensors && refuse a.safetensors
head -c 500 t.gz >cut.gz && refuse cut.gz
head -c 600000000 /dev/zero | gzip -1 >bomb.gz && refuse bomb.gz
rm -f bomb.gz
