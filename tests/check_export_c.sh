#!/bin/sh
# heddle export MODEL -o FILE.c: the file compiles without a warning, its self-test passes, and it
# predicts every row of the data to the bit as `heddle predict` does.
#
#     HEDDLE=build/heddle sh tests/check_export_c.sh
#
# Prints each case that fails, and last "N passed, N failed". Uses cc (CC), and clang where it is.

. "${HEDDLE_TESTS:-$(dirname "$0")}/cases.sh"

# holds NAME COMMAND: the line of shell must succeed and say nothing on stderr.
holds() {
    if (eval "$2") >out 2>err </dev/null && [ ! -s err ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        printf 'FAILED %s: %s\n' "$1" "$2"
        head -n 8 out err
    fi
}

# The exported file over a CSV file: `rows DATA KINDS PREDICTIONS single|double` where KINDS has a
# letter a column: n number, t text, - neither. Says how many rows differ from PREDICTIONS.
cat >rows.c <<'END'
#include SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define PASTE(a, b) a##b
#define NAMED(a, b) PASTE(a, b)
#define PREDICT NAMED(NAME, _predict)
#define OUTPUTS NAMED(NAME, _outputs)
enum { WIDTH = 1024, LINE = 1 << 16 };
static char *cut(char **line)
{
    char *field = *line, *end = field + strcspn(field, ",\n");
    *line = *end ? end + 1 : end;
    *end = 0;
    return field;
}
int main(int argc, char **argv)
{
    static char line[LINE], told[LINE];
    static double numbers[WIDTH], out[WIDTH];
    const char *texts[WIDTH];
    FILE *data = fopen(argv[1], "r"), *answers = fopen(argv[3], "r");
    int single = strcmp(argv[4], "single") == 0, outputs = sizeof OUTPUTS / sizeof *OUTPUTS;
    int rows = 0, wrong = 0, named;
    (void)argc;
    named = fgets(line, LINE, data) && fgets(told, LINE, answers) &&
            strncmp(told, "prediction,", 11) == 0;
    for (; fgets(line, LINE, data) && fgets(told, LINE, answers); rows++) {
        char *at = line, *answer = told;
        int n = 0, t = 0, o, class;
        for (const char *kind = argv[2]; *kind; kind++) {
            char *field = cut(&at);
            if (*kind == 'n')
                numbers[n++] = *field ? strtod(field, NULL) : NAN;
            else if (*kind == 't')
                texts[t++] = *field ? field : NULL;
        }
        class = PREDICT(numbers, texts, out);
        wrong += class < 0 || (named && strcmp(cut(&answer), OUTPUTS[class]) != 0);
        for (o = 0; o < outputs; o++) {
            double want = strtod(cut(&answer), NULL), got = single ? (double)(float)out[o] : out[o];
            want = single ? (double)(float)want : want;
            if (memcmp(&want, &got, sizeof got) != 0) {
                if (wrong++ == 0)
                    printf("row %d output %d: %.17g, told %.17g\n", rows, o, got, want);
            }
        }
    }
    printf("%d rows, %d wrong\n", rows, wrong);
    return rows == 0 || wrong;
}
END

compilers="${CC:-cc}"
command -v clang >/dev/null && compilers="$compilers clang"
strict='-std=c99 -Wall -Wextra -pedantic -Werror'

# same NAME DATA KINDS PRECISION: export NAME.model and compare.
same() {
    upper=$(echo "$1" | tr a-z A-Z)
    holds "$1 is exported" "$HEDDLE export $1.model -o $1.c"
    holds "$1 is predicted" "$HEDDLE predict $1.model $2 -o $1.told"
    for cc in $compilers; do
        for flags in '-O2 -ffp-contract=off' "$more"; do
            [ "$flags" ] || continue
            holds "$1 compiles ($cc $flags)" "$cc $strict $flags -c $1.c -o $1.o"
            holds "$1 tests itself ($cc $flags)" \
                "$cc $strict $flags -D${upper}_SELF_TEST $1.c -o self -lm && ./self &&
                 ./self | grep -q 'the same bits'"
            holds "$1 as heddle predict ($cc $flags)" \
                "$cc -std=c99 $flags -DSOURCE='\"$1.c\"' -DNAME=$1 rows.c -o rows -lm &&
                 ./rows $2 $3 $1.told $4"
        done
    done
    more=
    holds "$1 compiles as the portable variant" \
        "$HEDDLE export $1.model --variant portable --name $1 -o $1.portable.c &&
         ${CC:-cc} $strict -O2 -D${upper}_SELF_TEST $1.portable.c -o self -lm && ./self &&
         ! grep -q 'fmaf\? *(' $1.portable.c"
}

# rows_only NAME DATA KINDS PRECISION: the same with one compilation a compiler.
rows_only() {
    holds "$1 is exported and predicted" \
        "$HEDDLE export $1.model -o $1.c && {
             $HEDDLE predict $1.model $2 -o $1.told 2>$1.notes || { cat $1.notes; false; }; }"
    for cc in $compilers; do
        holds "$1 as heddle predict ($cc, $4)" \
            "$cc $strict -O1 -DSOURCE='\"$1.c\"' -DNAME=$1 rows.c -o rows -lm &&
             ./rows $2 $3 $1.told $4"
    done
}

# ---------------------------------------------------------------- data

# Pseudo-random numbers that are the same with every awk: x' = 75 x + 74 mod 65537.
random='function r() { seed = (75 * seed + 74) % 65537; return seed / 65537 } BEGIN { seed = 1 }'
awk "$random"' BEGIN {
    print "sepal,petal,width,species"
    for (i = 0; i < 150; i++) {
        k = i % 3
        printf "%.1f,%.1f,%.1f,%s\n", 5 + k * 0.8 + r(), 1.4 + k * 2 + r(), 0.2 + k * 0.9 + r() / 2,
            k == 0 ? "setosa" : k == 1 ? "versi??/\\color\303\251" : "virginica"
    }
}' >flowers.csv
awk "$random"' BEGIN {
    print "place,age,rooms,near,income,value"
    for (i = 0; i < 300; i++) {
        place = i % 7 == 0 ? "" : i % 3 == 0 ? "INLAND" : i % 3 == 1 ? "NEAR BAY" : "<1H OCEAN"
        near = i % 2 ? "ja" : "nein"
        rooms = i % 11 == 0 ? "" : sprintf("%d", 100 + 5000 * r())
        income = r() * 10
        printf "%s,%d,%s,%s,%.4f,%d\n", place, 1 + 50 * r(), rooms, near, income,
            20000 + 40000 * income + 30000 * r()
    }
}' >housing.csv
awk "$random"' BEGIN {
    print "a,b,c,y"
    for (i = 0; i < 400; i++) {
        spread = i % 4 == 0 ? 200 : i % 4 == 1 ? 20 : i % 4 == 2 ? 2 : 0.01
        printf "%.6f,%.6f,%.6f,%.4f\n", spread * (r() - 0.5), spread * (r() - 0.5), r() - 0.5, r()
    }
}' >wide.csv
awk -F, 'NR == 1 || NR % 4 == 0' wide.csv >tame.csv # e^z stays finite over these
awk "$random"' BEGIN {
    for (j = 0; j < 20; j++) printf "p%d,", j
    print "kind"
    for (i = 0; i < 120; i++) {
        for (j = 0; j < 20; j++) printf "%d,", 255 * r()
        print i % 3
    }
}' >bytes.csv
awk "$random"' BEGIN {
    print "code,zip,x,y,kind"
    split("1 01 7 -2.5 1e3 0 0.1 tea", word)
    for (i = 0; i < 200; i++)
        printf "%s,%s%d,%.3f,%.3f,%d\n", word[i % 8 + 1], i % 3 ? "00" : "", i % 5, r(), r(), i % 8 % 3
}' >codes.csv
awk 'BEGIN {
    print "code,zip,x,y"
    n = split("1.0 001 +1 1. 1e0 100e-2 .1e+1 -1 7.000 70E-1 -25e-1 -2.50 1000 1e+3 1E3 1000.0 -0 0.0 " \
        ".1 0.10000000000000001 0.1000000000000000055511151231257827 0.10000000000000002 1e-1 0x1 1e " \
        "1e+ + . e1 1.0.0 1-1 Tea tea0 infinite 1e999 1e-999 1e99999999999 0e99999999999", word)
    for (i = 1; i <= n; i++) print word[i] "," (i % 2 ? "03" : "3.0") ",0.5,0.5"
    long = "1"; for (i = 0; i < 150; i++) long = long "0"
    print long "e-150,0,0.5,0.5"
    print long "." long ",4,0.5,0.5"
}' >codes_other.csv
"$HEDDLE" convert builtin:digits digits.csv >/dev/null 2>&1 || rm -f digits.csv
awk 'BEGIN { print "a,b,y"; for (i = 0; i < 4; i++) print int(i / 2) "," i % 2 "," (i == 1 || i == 2) }' >xor.csv

quick='-q --threads 1'

# ---------------------------------------------------------------- models

# Where the processor has fma: the same bits faster, in modes of gcc that would fuse by themselves.
grep -qw fma /proc/cpuinfo 2>/dev/null && native='-O3 -mfma -std=gnu99'

"$HEDDLE" train flowers.csv $quick --epochs 30 -o flowers.model >/dev/null
more=$native
same flowers flowers.csv nnn single
"$HEDDLE" train xor.csv $quick --recipe tutorial --steps 500 --precision double -o xor.model >/dev/null
more=$native
same xor xor.csv nn double
"$HEDDLE" train housing.csv $quick --epochs 10 --missing mean --hidden 9,5 --activation tanh \
    -o housing.model >/dev/null
more=$native
same housing housing.csv tnntn single
"$HEDDLE" train housing.csv $quick --epochs 5 --missing mean --target near --scale minmax \
    --precision double -o near.model >/dev/null
same near housing.csv tnn-nn double
# Categories that are numbers: of a word spelled like none of them the number counts.
"$HEDDLE" train codes.csv $quick --epochs 5 --categories code,zip -o codes.model >/dev/null
same codes codes.csv ttnn single
rows_only codes codes_other.csv ttnn single
holds 'other spellings are other rows than strangers' \
    "awk -F, 'NR > 1 { print \$1 \$2 \$3 }' codes.told | sort -u | wc -l | grep -qv '^1$'"
"$HEDDLE" train bytes.csv $quick --epochs 3 --scale byte -o bytes.model >/dev/null
same bytes bytes.csv nnnnnnnnnnnnnnnnnnnn single
if [ -e digits.csv ]; then
    "$HEDDLE" train builtin:digits $quick --epochs 3 -o digits.model >/dev/null
    rows_only digits digits.csv "$(head -n 1 digits.csv | awk -F, '{ for (i = 1; i < NF; i++) printf "n" }')" single
else
    echo 'skipped: digits (no heddle convert)'
fi

# Every transfer function over numbers small and large, hidden and at the end.
for f in linear sigmoid tanh relu leaky-relu elu selu gelu silu softplus softsign hard-sigmoid \
    gaussian sine exp; do
    for precision in float double; do
        name=$(echo "f_$f" | tr - _)
        [ $f = exp ] && data=tame.csv || data=wide.csv
        "$HEDDLE" train $data $quick --scale none --hidden 7 --activation $f \
            --output-activation $f --loss mse --optimizer sgd --rate 1e-30 --epochs 1 \
            --init normal:1 --precision $precision -o $name.model >/dev/null
        case $precision in float) kind=single ;; *) kind=double ;; esac
        rows_only $name $data nnn $kind
    done
done

# ---------------------------------------------------------------- names, and what is refused

cat >use.c <<'END'
#define NET_1_DECLARATIONS
#include "net-1.c"
int main(void)
{
    double numbers[NET_1_NUMBERS] = {0, 1}, out[NET_1_OUTPUTS];
    return net_1_predict(numbers, 0, out) < 0;
}
END
holds 'names are made of the file name, and declarations can be included' \
    "$HEDDLE export xor.model -o net-1.c && ${CC:-cc} $strict -c net-1.c &&
     ${CC:-cc} $strict use.c net-1.o -o use -lm && ./use"
holds 'the same model is the same file' \
    "$HEDDLE export xor.model --name net_1 -o other.c && cmp net-1.c other.c"
holds 'a missing number is refused' "printf 'a,b\n,1\n' >gap.csv; printf 'y\n0\n' >gap.told
    ${CC:-cc} -DSOURCE='\"xor.c\"' -DNAME=xor rows.c -o rows -lm; ! ./rows gap.csv nn gap.told double"
holds '-ffast-math does not compile' \
    "! ${CC:-cc} -std=c99 -ffast-math -c xor.c 2>out.txt && grep -q fast-math out.txt"

refused() {
    if "$HEDDLE" export $3 >out 2>err; then
        status=0
    else
        status=$?
    fi
    if [ $status = "$1" ] && grep -q -e "$2" err; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAILED export $3: status $status"
        cat err
    fi
}
refused 2 'where to' 'xor.model'
refused 2 'ends neither' 'xor.model -o xor.py'
refused 2 'ends neither' 'xor.model -o .c'
refused 2 'cannot be the name' 'xor.model -o x.c --name 1st'
refused 2 'cannot be the name' 'xor.model -o x.c --name a-b'
refused 66 'cannot open' 'none.model -o x.c'
refused 65 'xor.csv' 'xor.csv -o x.c'
refused 73 'cannot create' 'xor.model -o none/x.c'
[ -w /dev/full ] && ln -s /dev/full full.c && refused 74 'full.c' 'xor.model -o full.c'
holds 'nothing is left behind' '[ ! -e x.c ] && ! ls *.onnx* 2>/dev/null'

results
