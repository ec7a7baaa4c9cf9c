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

# A text larger than the address space goes part by part, too; lines are still counted right.
if ! grep -q __asan_init "$HEDDLE"; then
    awk 'BEGIN { print "a,b,c,d"; for (i = 0; i < 2500000; i++)
        print i % 1000 / 8 ",\"" i % 7 "\"," i % 11 * 0.25 "," i % 100003 * 0.5 + 0.125 }' >wide.csv
    test "$(wc -c <wide.csv)" -gt 51200000 || fail 'a text that is not large'
    "$HEDDLE" convert wide.csv whole.npy >/dev/null
    (ulimit -v 50000; OMP_NUM_THREADS=1 "$HEDDLE" convert wide.csv pieces.npy >/dev/null) ||
        fail 'a text in pieces'
    cmp whole.npy pieces.npy || fail 'a text in pieces: NPY'
    # what is wrong there is said as it is of a text that is read at once
    size=$(wc -c <wide.csv)
    in_pieces() { # STATUS, WHAT IS SAID: of wide.csv with a line behind it
        status=0; rm -f x.csv
        (ulimit -v 50000; OMP_NUM_THREADS=1 "$HEDDLE" convert wide.csv x.csv 2>message) || status=$?
        test $status = "$1" || fail "status $status: $(cat message)"
        grep -q "$2" message || fail "$(cat message)"
        test ! -e x.csv || fail 'a partial file'
        truncate -s "$size" wide.csv
    }
    echo '1,2,3' >>wide.csv
    in_pieces 65 'line 2500002: 3 fields, expected 4'
    echo '1,2,x,3' >>wide.csv
    in_pieces 65 "line 2500002 column 3: 'x' is not a number"
    printf '1,2\0,3,4\n' >>wide.csv
    in_pieces 65 "byte $((size + 3)) is 0"
    { printf '1,2,3,"'; head -c 60000000 /dev/zero | tr '\0' 'x'; echo '"'; } >>wide.csv
    in_pieces 71 'line 2500002: no room for a record'
    { printf '1,2,3,'; head -c 60000000 /dev/zero | tr '\0' 'x'; echo ',4'; } >>wide.csv
    in_pieces 71 'line 2500002: no room for a record'
    rm -f wide.csv whole.npy pieces.npy
fi

# Rows that are read from the file where they lie, in stretches: the bits of rows that are kept.
blocks() {
    "$HEDDLE" train x.npy --labels y.npy --missing mean --hidden 4 --epochs 2 --batch 64 --quiet \
        --task classify --shuffle blocks "$@" | sed -n 's/.*sha256 //p'
}
kept=$(blocks)
test -n "$kept" || fail 'blocks'
test "$(blocks --max-memory 2M --threads 1)" = "$kept" || fail 'rows read where they lie'

# An array larger than the address space: in pieces, with the bits that a mapping gives.
if ! grep -q __asan_init "$HEDDLE"; then
    {
        printf '\223NUMPY\1\0\166\0%-117s\n' \
            "{'descr': '|u1', 'fortran_order': False, 'shape': (200000, 1000), }"
        head -c 200000000 /dev/urandom
    } >large.npy
    large() {
        "$HEDDLE" train large.npy --task regress --hidden 2 --steps 5 --batch 100 --threads 1 \
            --shuffle blocks --quiet | sed -n 's/.*sha256 //p'
    }
    mapped=$(large)
    test -n "$mapped" || fail 'a large array'
    test "$(ulimit -v 150000; large)" = "$mapped" || fail 'an array in pieces'

    # A run goes on, and is verified, whichever way the file is read.
    with_log() {
        "$HEDDLE" train large.npy --task regress --hidden 2 --steps 5 --batch 100 --threads 1 \
            --shuffle blocks --drop x5,x900 --quiet "$@" | sed -n 's/.*sha256 //p'
    }
    logged=$(with_log --checkpoint mapped.state --log run.jsonl)
    test -n "$logged" || fail 'a run on a large array'
    (ulimit -v 150000; with_log --checkpoint pieces.state >/dev/null)
    cmp -s mapped.state pieces.state || fail 'checkpoints of an array in pieces'
    test "$(ulimit -v 150000; with_log --resume mapped.state)" = "$logged" || fail 'on in pieces'
    test "$(with_log --resume pieces.state)" = "$logged" || fail 'on with a mapping'
    (ulimit -v 150000; "$HEDDLE" verify run.jsonl --threads 1 >/dev/null) || fail 'verify in pieces'
    rm -f large.npy

    # Fortran order, in pieces: the bits of the mapping, and of the same array row after row.
    {
        printf '\223NUMPY\1\0\166\0%-117s\n' \
            "{'descr': '<i2', 'fortran_order': True, 'shape': (500000, 200), }"
        head -c 200000000 /dev/urandom
    } >turned.npy
    turned() {
        "$HEDDLE" train "$@" --task regress --hidden 2 --steps 5 --batch 100 --threads 1 --scale standard \
            --shuffle blocks 2>message | sed -n 's/.*sha256 //p'
    }
    mapped=$(turned turned.npy)
    test -n "$mapped" || fail 'an array in Fortran order'
    ! grep -q 'column after column' message || fail "$(cat message)"
    test "$(ulimit -v 150000; turned turned.npy)" = "$mapped" || fail 'Fortran order in pieces'
    grep -q "column after column.*'heddle convert'" message || fail "$(cat message)"
    (ulimit -v 150000; "$HEDDLE" convert turned.npy rows.npy >/dev/null) || fail 'turned in pieces'
    test "$(turned rows.npy)" = "$mapped" || fail 'an array turned'
    rm -f turned.npy rows.npy
fi

# Tables as programs write them: what they say beside the data is not learned from.
notes() { "$HEDDLE" train "$1" --epochs 1 --hidden 2 2>&1 >/dev/null | grep 'note:' || true; }
awk 'BEGIN { print "\"a\" \"y\""; for (i = 1; i < 80; i++) print "\"" i "\" " i % 7 " " i % 2 }' >r.txt
notes r.txt | grep -q "the rows' names, left out" || fail "$(notes r.txt)"
awk 'BEGIN { print "id,a,y"; for (i = 1; i < 80; i++) print i "," i % 7 "," i % 2 }' >id.csv
notes id.csv | grep -q "column 'id' looks like an identifier" || fail "$(notes id.csv)"
awk 'BEGIN { print "2019,2020,y"; for (i = 1; i < 80; i++) print i / 3 "," i % 7 "," i % 2 }' >years.csv
"$HEDDLE" train years.csv --epochs 1 --hidden 2 --quiet -o years.model >/dev/null
cut -d, -f1,2 years.csv >new.csv
test "$("$HEDDLE" predict years.model new.csv | wc -l)" = 80 || fail 'a header of numbers'
"$HEDDLE" info r.txt | grep -q '^  y: 0 39, 1 40$' || fail 'classes and their rows'
printf '\0\0\10\3\0\0\0\2\0\0\0\2\0\0\0\2abcdefgh' >images.idx
if "$HEDDLE" train images.idx --quiet 2>message >/dev/null; then fail 'images without labels'; fi
grep -q 'holds images and no labels' message || fail "$(cat message)"
printf '\0\0\10\1\0\0\0\2\0\1' | gzip >labels.idx.gz
"$HEDDLE" info images.idx | grep -q "labels from 'labels.idx.gz'" || fail 'labels in gzip'

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
grep -q "line 5 column 1: 'oops' is not a number; --drop id leaves the column out, --categories id takes its words as they are$" message || fail "$(cat message)"
"$HEDDLE" train slip.csv --missing mean --drop id --epochs 1 --quiet >/dev/null || fail 'dropped'

# UTF-16, as spreadsheets save "Unicode Text": from wherever, the model of its UTF-8.
awk 'BEGIN { print "gr\303\266\303\237e\tname\ty"
  for (i = 0; i < 3000; i++) printf "%d.5\tn%d\342\202\254\t%d\n", i, i % 3, i % 7 * 3 }' >u8.txt
iconv -f UTF-8 -t UTF-16LE u8.txt | { printf '\377\376' && cat; } >u16.txt
iconv -f UTF-8 -t UTF-16BE u8.txt | { printf '\376\377' && cat; } >u16_big.txt
gzip -c u16.txt >u16.gz
mkfifo u16_fifo
sha16() { "$HEDDLE" train "$@" --hidden 4 --epochs 1 --quiet | sed -n 's/.*sha256 //p'; }
first=$(sha16 u8.txt)
for file in u16.txt u16_big.txt u16.gz; do [ "$(sha16 $file)" = "$first" ] || fail "$file"; done
[ "$(sha16 - <u16.gz)" = "$first" ] || fail 'UTF-16, packed, from standard input'
cat u16.txt >u16_fifo &
[ "$(sha16 u16_fifo)" = "$first" ] || fail 'UTF-16 from a FIFO'
if "$HEDDLE" convert u16.txt u16.csv --max-memory 20k 2>message; then fail 'UTF-16 beyond the memory'; fi
grep -q 'is UTF-16 text that takes .* iconv' message || fail "$(cat message)"

# Numbers that are categories: by name, in the model, and each row by itself.
awk 'BEGIN { srand(2); print "code,x,y"
  for (i = 0; i < 300; i++) { c = int(rand() * 5)
    printf "%s,%.3f,%s\n", substr("007 07  12  120 3.50", 4 * c + 1, 4), rand(), c % 2 ? "a" : "b" } }' |
    sed 's/ *,/,/' >codes.csv
"$HEDDLE" train codes.csv --categories code --hidden 8 --epochs 30 --l2 0 --quiet -o codes.model >out
grep -q 'network     6-8-2' out && grep -q 'validation  accuracy 1,' out || fail "$(cat out)"
"$HEDDLE" predict codes.model codes.csv >all.csv
for n in 2 5 9; do
    { head -1 codes.csv; sed -n ${n}p codes.csv; } | "$HEDDLE" predict codes.model - >one.csv
    test "$(tail -1 one.csv)" = "$(sed -n ${n}p all.csv)" || fail "row $n by itself"
done
sed 's/^\([^,]*\),\([^,]*\),\(.*\)/\3,\2,\1/' codes.csv >turned.csv
test "$("$HEDDLE" predict codes.model turned.csv | cksum)" = "$(cksum <all.csv)" || fail 'turned'
"$HEDDLE" info codes.csv --categories 1 | grep -q '^code  *text  *0  *5 ' || fail 'info of codes'
"$HEDDLE" convert codes.csv codes.npy --drop y >/dev/null
"$HEDDLE" convert codes.csv labels.csv --drop code,x >/dev/null
"$HEDDLE" train codes.npy --labels labels.csv --categories 1 --hidden 8 --epochs 30 --l2 0 --quiet >out
grep -q 'network     5-8-2' out || fail "$(cat out)"
# … and convert leaves them as they are written, or says that an array holds none.
printf 'zip,y\n01,1\n007,2\n1.0,3\n' >zip.csv
"$HEDDLE" convert zip.csv zip_out.csv --categories zip >/dev/null
cmp zip.csv zip_out.csv || fail "convert --categories: $(cat zip_out.csv)"
"$HEDDLE" convert zip.csv - | grep -q '^01,' && fail 'numbers are numbers without --categories'
if "$HEDDLE" convert zip.csv zip.npy --categories 1 2>message; then fail 'words in an array'; fi
grep -q "column 'zip' is text" message || fail "$(cat message)"
if "$HEDDLE" train codes.csv --categories cod --quiet 2>message >/dev/null; then fail 'no column'; fi
grep -q "no column 'cod'; did you mean 'code'?" message || fail "$(cat message)"

# PROBEN1: its parts are those that files of their own would be.
awk 'BEGIN { srand(3); for (i = 0; i < 400; i++) { x = rand(); y = rand(); c = x > y
    print x, y, c, 1 - c } }' >rows
{ printf 'bool_in=0\nreal_in=2\nbool_out=2\nreal_out=0\n'
  printf 'training_examples=200\nvalidation_examples=120\ntest_examples=80\n'; cat rows; } >split.dt
{ echo 200 2 2; sed -n 1,200p rows; } >part1
{ echo 120 2 2; sed -n 201,320p rows; } >part2
{ echo 80 2 2; sed -n 321,400p rows; } >part3
"$HEDDLE" train split.dt --hidden 4 --epochs 5 --quiet >one
"$HEDDLE" train part1 --validation part2 --test part3 --hidden 4 --epochs 5 --quiet >three
grep -q '^test .*(80 rows)$' one || fail "$(cat one)"
cmp one three || fail 'the parts of PROBEN1'
"$HEDDLE" train split.dt --validation 0.1 --hidden 4 --epochs 5 --quiet | grep -q '(40 rows)' ||
    fail 'PROBEN1 split otherwise'

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
