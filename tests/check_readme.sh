#!/bin/sh
# What the README shows of `make demo` is what that prints, but for times, and its `heddle verify` is
# what that prints. The README's C program compiles against the built library as the README says, and
# does what it says; the functions after it compile.
set -eu
cd "$HEDDLE_SCRATCH"
top=$(dirname "$HEDDLE_TESTS")
# what depends on the machine: a line of its own, or the end of one
without_times() { sed -e '/^$/d' -e '/^[0-9.e-]* s, /d' -e 's/ [^ ]* examples\/s$//' "$1"; }
awk '/^```$/ { n++; next } n == 1' "$top/README.md" >readme_demo
if ! grep -q __asan_init "$HEDDLE"; then
    sh "$top/bench/demo.sh" >demo_output
    without_times readme_demo >shown
    without_times demo_output >printed
    diff shown printed || { echo 'the README shows another output of make demo' >&2; exit 1; }
fi
awk '/^```$/ { n++; next } n == 3' "$top/README.md" >readme_commands
grep '^\$ heddle ' readme_commands >commands
while read -r _ line; do
    echo "$ $line"
    PATH=$(dirname "$HEDDLE"):$PATH sh -c "$line"
done <commands >commands_output
diff readme_commands commands_output || { echo 'the README shows another output of heddle verify' >&2; exit 1; }
awk '/^```c$/ { on = 1; n++; next } /^```$/ { on = 0 }
    on { print >(n == 1 ? "readme_example.c" : "readme_functions.c") }' "$top/README.md"
lines=$(wc -l <readme_example.c)
[ "$lines" -ge 15 ] && [ "$lines" -le 30 ] || { echo "the README's program has $lines lines" >&2; exit 1; }
sanitize=
! grep -q __asan_init "$HEDDLE" || sanitize=-fsanitize=address,undefined
${CC:-cc} $sanitize -Wall -Wextra -I"$top/include" readme_example.c -L"$HEDDLE_BUILD" -lheddle -o readme_example
${CC:-cc} -Wall -Wextra -Werror -I"$top/include" -c readme_functions.c -o readme_functions.o
LD_LIBRARY_PATH="$HEDDLE_BUILD" ./readme_example >readme_output
grep -qE '^9[6-9]\.[0-9] % right, sha256 [0-9a-f]{64}$' readme_output || { cat readme_output; exit 1; }
[ "$(sha256sum <digits.model | cut -d' ' -f1)" = "$(sed 's/.* //' readme_output)" ]
echo "1 passed, 0 failed"
