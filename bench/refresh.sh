#!/bin/sh
# Put the tables that `make bench` and `make bench-peers` wrote into bench/README.md: what stands
# between "<!-- NAME -->" and "<!-- end -->" there becomes the file RESULTS/NAME.
#
#     sh bench/refresh.sh RESULTS
set -eu
results=$1
readme=${0%/*}/README.md
new=$readme.new
awk -v results="$results" '
    /^<!-- end -->$/ { hidden = 0 }
    !hidden { print }
    /^<!-- [a-z0-9-]+\.md -->$/ {
        name = results "/" $2
        if ((getline line < name) > 0) {
            print line
            while ((getline line < name) > 0) {
                print line
            }
            close(name)
            hidden = 1
        }
    }' "$readme" >"$new"
mv "$new" "$readme"
