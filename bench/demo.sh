#!/bin/sh
# What `make demo` shows: the tutorial's XOR, handwritten digits, and one hash for any number of
# threads. HEDDLE names the program.
set -eu
HEDDLE=${HEDDLE:-build/heddle}
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

say() {
    printf '\n%s\n' "$*"
}

show() {
    printf '$ heddle %s\n' "$*"
}

say "1. The tutorial: XOR by a 2-2-1 network, sigmoid, from small random weights"
show train builtin:xor --recipe tutorial --report-every 20000
"$HEDDLE" train builtin:xor --recipe tutorial --report-every 20000 2>&1

say "2. Handwritten digits: 1,438 to learn from, 359 held out"
options='--hidden 96 --l2 0.0001 --epochs 100 --validation 0.2'
show train builtin:digits $options -o digits.model
"$HEDDLE" train builtin:digits $options --report-every 20 -o "$scratch/digits.model" 2>&1 |
    sed "s|$scratch/||"

say "3. The same bits for any number of threads: sha256 of the model"
for threads in 1 2 3 4; do
    hash=$("$HEDDLE" train builtin:digits $options --threads $threads --quiet 2>/dev/null | tail -1)
    printf '%s thread(s)  %s\n' "$threads" "${hash##* }"
    printf '%s\n' "${hash##* }" >>"$scratch/hashes"
done
if [ "$(sort -u "$scratch/hashes" | wc -l)" != 1 ]; then
    echo "the hashes differ: this is a bug" >&2
    exit 1
fi
echo "one hash"
