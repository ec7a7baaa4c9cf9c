#!/bin/sh
# Put tables that were just measured into bench/README.md: what stands between "<!-- NAME.md -->"
# and "<!-- end -->" there becomes the file NAME.md. A table that was not measured stays as it is.
#
#     sh bench/refresh.sh build/bench/peers.md build/bench/libxsmm.md
set -eu
readme=${0%/*}/README.md
new=$readme.new
awk '
    BEGIN {
        for (i = 1; i < ARGC - 1; i++) {
            name = ARGV[i]
            sub(/.*\//, "", name)
            table[name] = ARGV[i]
            delete ARGV[i]
        }
    }
    /^<!-- end -->$/ { hidden = 0 }
    !hidden { print }
    /^<!-- [a-z0-9-]+\.md -->$/ && $2 in table {
        while ((getline line < table[$2]) > 0) {
            print line
            hidden = 1
        }
    }' "$@" "$readme" >"$new"
mv "$new" "$readme"
