#!/bin/sh
# What users slip into, and what others put in their way: each is told, and costs no data and no time.
. "${HEDDLE_TESTS:-$(dirname "$0")}/cases.sh"

awk 'BEGIN { print "a,b,y"; for (i = 0; i < 60; i++) print i % 7 "," i * 3 % 11 "," i % 2 }' >x.csv

# ---------------------------------------------------------------- pipes that never end

# endless TEXT: a FIFO of the name `pipe` that has that line for ever. `timeout` is for who would
# wait for ever.
endless() {
    rm -f pipe; mkfifo pipe
    yes "$1" >pipe 2>/dev/null &
}
endless '1,2,3'
t 71 - "^heddle: 'pipe' is larger than the 20000000 bytes allowed" \
    'timeout 60 "$HEDDLE" train pipe --max-memory 20000000'
endless ''
t 65 - 'no record ends in .* a pipe; save it to a file' 'timeout 60 "$HEDDLE" info pipe'
endless '# nothing'
t 65 - 'no record ends in' 'timeout 60 "$HEDDLE" train x.csv --epochs 1 -q --validation pipe'
endless 'FANN_FLO_2.1'
t 65 - "network of FANN's, more than is believed of a pipe" 'timeout 60 "$HEDDLE" export pipe -o x.c'
t 65 - 'line 1 is no record of a log' 'timeout 60 "$HEDDLE" verify /dev/zero'
t 65 - 'is neither a table' 'timeout 60 "$HEDDLE" train /dev/zero'

# ---------------------------------------------------------------- what is packed

{ echo FANN_FLO_2.1; head -c 50000000 /dev/zero | tr '\0' '\n'; } | gzip -1 >bomb.net.gz
t 65 - "more than is believed of a packed file of its size" 'heddle export bomb.net.gz -o x.c'
gzip -c x.csv | gzip -c >twice.gz
t 65 - "'twice.gz' is packed twice" 'heddle info twice.gz'
tar cf x.tar x.csv
gzip -k x.tar
t 65 - 'is a tar archive; take the table out of it' 'heddle info x.tar.gz'
t 65 - 'is a tar archive' 'heddle info x.tar'
# an honest table of very many columns
awk 'BEGIN { for (i = 0; i < 300000; i++) printf "gene_%d,", i; print "y"
    for (r = 0; r < 4; r++) { for (i = 0; i < 300000; i++) printf "%d,", (i * r) % 3; print r % 2 } }' |
    gzip -1 >wide.csv.gz
t 0 'columns +300001' '' 'heddle info wide.csv.gz'

# ---------------------------------------------------------------- slips

cp x.csv kept.csv
t 2 - "the input 'x.csv' would be overwritten" 'heddle convert x.csv x.csv'
t 2 - 'would be overwritten' 'heddle convert x.csv y.npy --labels-out x.csv'
holds 'the input is as it was' 'cmp x.csv kept.csv && ! [ -e y.npy ]'
cat x.csv x.csv >joined.csv
t 65 - "line 62 column 1: 'a' is not a number" 'heddle train joined.csv'
printf '\357\273\277epochs = 1\r\nhidden = 2\r\n' >bom.conf
t 0 '' - 'heddle train x.csv --config bom.conf -q'
unset column
t 2 - "target '': it is empty" 'heddle train x.csv --target "$column"'
printf '1 -1:1\n-1 2:1\n' >bad.svm
t 65 - "line 1: '-1:1' is no pair" 'heddle train bad.svm'
printf '1 1.5:1 2:2\n-1 2:1\n' >bad.svm
t 65 - "line 1: '1.5:1' is no pair" 'heddle train bad.svm'
printf 'when where\n1 -5:30\n2 -5:15\n' >times.txt
t 0 'where +text' '' 'heddle info times.txt'

results
