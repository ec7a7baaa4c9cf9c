#!/bin/sh
# Hundreds of files that lie or are damaged: refused in time, in little memory, with a message.
set -e
dir=$HEDDLE_SCRATCH/hostile
rm -rf "$dir"; mkdir -p "$dir"
"$HEDDLE_BUILD/tests/program_hostile" "$HEDDLE" "$dir"
