#!/bin/sh
# One model, whatever the environment: OpenMP's settings, locale, directory, limits, how the data
# come in. Every line trains the same recipe; all hashes must be one.
set -eu
cd "$HEDDLE_SCRATCH"
mkdir -p elsewhere
export OMP_WAIT_POLICY=passive

# 3,000 rows of three classes from integer arithmetic alone
awk 'BEGIN {
    print "a,b,c,d,kind"
    s = 12345
    for (i = 0; i < 3000; i++) {
        for (j = 0; j < 4; j++) { s = (s * 1103 + 12345) % 65536; x[j] = s / 4096 }
        k = x[0] + x[1] > x[2] + 16 ? "top" : x[3] > 8 ? "left" : "right"
        printf "%.3f,%.3f,%.3f,%.3f,%s\n", x[0], x[1], x[2], x[3], k
    }
}' >environments.csv
gzip -kf environments.csv
mkdir -p locales
localedef -i de_DE -f UTF-8 locales/de_DE.UTF-8 2>/dev/null || true
rm -f fifo && mkfifo fifo

options='--hidden 24,12 --epochs 4 --quiet'
hashes=environment_hashes
: >$hashes
count=0
hash_of() {
    count=$((count + 1))
    line=$("$@" 2>err | tail -1) || { echo "failed: $*" >&2; cat err >&2; exit 1; }
    echo "${line##* } $*" >>$hashes
}
run() {
    hash_of env "$@" "$HEDDLE" train environments.csv $options
}

run A=1
for threads in 1 2 3 5 8 16; do
    run OMP_NUM_THREADS=$threads
    run OMP_NUM_THREADS=$threads OMP_DYNAMIC=true
done
run OMP_SCHEDULE=dynamic,1
run OMP_PROC_BIND=close OMP_PLACES=threads
run OMP_PROC_BIND=spread OMP_PLACES=cores OMP_NUM_THREADS=2
run OMP_WAIT_POLICY=active OMP_NUM_THREADS=3
run OMP_THREAD_LIMIT=2
run HWLOC_SYNTHETIC='pack:2 [numa] core:4 pu:2'
run MALLOC_PERTURB_=165
run LOCPATH="$PWD/locales" LC_ALL=de_DE.UTF-8
run LC_ALL=C TZ=Pacific/Kiritimati HOME=/ USER=nobody
for isa in scalar avx2 avx512 neon; do
    if HEDDLE_ISA=$isa "$HEDDLE" train builtin:xor --epochs 1 --quiet >/dev/null 2>&1; then
        run HEDDLE_ISA=$isa OMP_NUM_THREADS=3
    fi
done
for bind in none close spread; do
    hash_of "$HEDDLE" train environments.csv $options --bind $bind --threads 2
done
hash_of taskset -c 0 "$HEDDLE" train environments.csv $options
hash_of nice -n 19 "$HEDDLE" train environments.csv $options
hash_of "$HEDDLE" train environments.csv.gz $options
hash_of sh -c "cat environments.csv | '$HEDDLE' train - $options"
hash_of sh -c "cat environments.csv >fifo & '$HEDDLE' train fifo $options"
hash_of sh -c "cd elsewhere && '$HEDDLE' train ../environments.csv $options"
hash_of "$HEDDLE" train $options environments.csv
hash_of "$HEDDLE" train environments.csv --epochs=4 --quiet --hidden=24,12 -o environments.model

if [ "$(cut -d' ' -f1 $hashes | sort -u | wc -l)" != 1 ]; then
    echo "models differ:" >&2
    sort $hashes >&2
    exit 1
fi
[ "$(sha256sum <environments.model | cut -d' ' -f1)" = "$(head -1 $hashes | cut -d' ' -f1)" ]
echo "$count passed, 0 failed"
