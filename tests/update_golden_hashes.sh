#!/bin/sh
# Compute golden_hashes.txt anew with the program $HEDDLE (build/heddle), keeping its rows and
# comments. Only after a decision: see the head of the table.
tests=$(dirname "$0")
heddle=${HEDDLE:-$tests/../build/heddle}
table=$tests/golden_hashes.txt
trap 'rm -f "$table.new"' EXIT
numerics=$(sed -n 's/.*define MODEL_NUMERICS "\(.*\)"/\1/p' "$tests/../src/model/model.h")

while read -r hash data options; do
    case $hash in
    '#'* | '') echo "$hash${data:+ $data}${options:+ $options}" ;;
    numerics) echo "numerics $numerics" ;;
    *)
        arguments=$(for option in $options; do echo "--${option%%=*} ${option#*=}"; done)
        # shellcheck disable=SC2086
        new=$("$heddle" train "$data" $arguments --quiet --json | grep -o '"sha256": *"[0-9a-f]*"' |
            grep -o '[0-9a-f]\{64\}')
        test -n "$new" || { echo "update_golden_hashes: no hash for '$data $options'" >&2; exit 1; }
        test "$hash" = "$new" || echo "moved: $data $options" >&2
        echo "$new $data${options:+ $options}"
        ;;
    esac
done <"$table" >"$table.new"
mv "$table.new" "$table"
