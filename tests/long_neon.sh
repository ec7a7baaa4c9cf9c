#!/bin/sh
# NEON's kernels on a machine without NEON: compiled for it, their tests run by QEMU, bit for bit
# against reference.c. Needs gcc-aarch64-linux-gnu and qemu-user-static (Debian's names).
compiler=${HEDDLE_NEON_CC:-aarch64-linux-gnu-gcc}
emulator=${HEDDLE_NEON_RUN:-qemu-aarch64-static}
for tool in "$compiler" "$emulator"; do
    if ! command -v "$tool" >/dev/null; then
        echo "long_neon: skipped, $tool is missing (gcc-aarch64-linux-gnu, qemu-user-static)"
        exit 0
    fi
done
source=$HEDDLE_TESTS/../src
room=$HEDDLE_SCRATCH/neon
mkdir "$room" || exit 1

# build TAG FILE FLAGS...
build() {
    tag=$1 file=$2
    shift 2
    "$compiler" -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -Werror -fno-math-errno -I"$source" \
        -I"$HEDDLE_TESTS/../include" -I"$HEDDLE_TESTS/cross" -I"$HEDDLE_TESTS" -DHEDDLE_HAVE_NEON \
        "$@" -ffp-contract=off -c -o "$room/$(basename "$file" .c).$tag.o" "$file"
}

for real in f32:REAL_IS_FLOAT f64:REAL_IS_DOUBLE; do
    name=${real%%:*}
    is=-D${real#*:}=1
    for file in "$source"/kernel/*.c; do
        case $file in
        */dispatch.c | */single.c) continue ;;
        */reference.c) build "$name" "$file" -O2 "$is" || exit 1 ;;
        *)
            build "$name.neon" "$file" -O3 -DNDEBUG "$is" -DKERNEL_ISA=neon -DKERNEL_NEON &&
                build "$name.scalar" "$file" -O3 -DNDEBUG "$is" -DKERNEL_ISA=scalar \
                    -DKERNEL_SCALAR || exit 1
            ;;
        esac
    done
    build "$name" "$HEDDLE_TESTS/test_kernels_$name.c" -O1 || exit 1
done
for file in kernel/dispatch kernel/single train/shard_plan base/memory base/random base/status \
    base/sum base/text base/text_power network/function; do
    build once "$source/$file.c" -O2 || exit 1
done
build once "$HEDDLE_TESTS/cross/main.c" -O1 || exit 1
"$compiler" -static -o "$room/kernels" "$room"/*.o -lm || exit 1
"$emulator" "$room/kernels"
