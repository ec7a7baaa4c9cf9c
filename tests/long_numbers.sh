#!/bin/sh
# Twenty million numbers read as strtod reads them, and printed as printf does.
"$HEDDLE_BUILD/tests/program_numbers" 10000000 1 &
other=$!
"$HEDDLE_BUILD/tests/program_numbers" 10000000 2 || { wait $other; exit 1; }
wait $other
