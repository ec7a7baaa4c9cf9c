#!/bin/sh
# heddle export MODEL -o FILE.onnx: the file passes onnx's checker and computes what `heddle predict`
# does, to the bit if the model computes in float.
#
#     HEDDLE=build/heddle [ORT=…/node_modules] sh tests/check_export_onnx.sh
#
# Needs a python3 with onnx (python3-onnx) and does nothing without one. With ORT, a folder in which
# `npm install --ignore-scripts onnxruntime-web` was done, onnxruntime computes the same rows too.

. "${HEDDLE_TESTS:-$(dirname "$0")}/cases.sh"

holds() {
    if (eval "$2") >out 2>err </dev/null; then
        passed=$((passed + 1))
        [ "$SHOW" ] && sed "s/^/$1: /" out
    else
        failed=$((failed + 1))
        printf 'FAILED %s: %s\n' "$1" "$2"
        head -n 8 out err | cut -c 1-300
    fi
}

for python in python3 /usr/bin/python3 none; do
    command -v $python >/dev/null && $python -c 'import onnx, numpy' 2>/dev/null && break
done

# ---------------------------------------------------------------- data, exact in float

random='function r() { seed = (75 * seed + 74) % 65537; return seed / 65537 } BEGIN { seed = 1 }
    function q(x) { return int(x * 64) / 64 }'
awk "$random"' BEGIN {
    print "sepal,petal,width,species"
    for (i = 0; i < 150; i++) {
        k = i % 3
        print q(5 + k * 0.8 + r()) "," q(1.4 + k * 2 + r()) "," q(0.2 + k * 0.9 + r() / 2) "," \
            (k == 0 ? "setosa" : k == 1 ? "versi\\color\303\251" : "virginica")
    }
}' >flowers.csv
awk "$random"' BEGIN {
    print "place,age,rooms,near,income,value"
    for (i = 0; i < 300; i++) {
        place = i % 7 == 0 ? "" : i % 3 == 0 ? "INLAND" : i % 3 == 1 ? "NEAR BAY" : "<1H OCEAN"
        rooms = i % 11 == 0 ? "" : int(100 + 5000 * r())
        income = q(r() * 10)
        print place "," int(1 + 50 * r()) "," rooms "," (i % 2 ? "ja" : "nein") "," income "," \
            int(20000 + 40000 * income + 30000 * r())
    }
}' >housing.csv
sed 's/NEAR BAY/never seen/' housing.csv >elsewhere.csv
awk "$random"' BEGIN {
    print "a,b,c,y"
    for (i = 0; i < 200; i++) print q(8 * r() - 4) "," q(8 * r() - 4) "," q(r()) "," q(r())
}' >wide.csv
printf 'a,b,y\n0,0,0\n0,1,1\n1,0,1\n1,1,0\n' >xor.csv
awk "$random"' BEGIN {
    for (j = 0; j < 16; j++) printf "p%d,", j
    print "kind"
    for (i = 0; i < 120; i++) {
        for (j = 0; j < 16; j++) printf "%d,", 255 * r()
        print i % 2
    }
}' >bytes.csv

# ---------------------------------------------------------------- models

train() { "$HEDDLE" train "$@" -q --threads 1 >/dev/null; }
train flowers.csv --epochs 30 -o flowers.model
train xor.csv --recipe tutorial --steps 3000 --precision double -o xor.model
train xor.csv --epochs 100 --output-activation sigmoid -o single.model
train housing.csv --epochs 10 --missing mean --hidden 9,5 --activation tanh -o housing.model
train housing.csv --epochs 10 --missing mean --precision double -o double.model
train housing.csv --epochs 5 --missing mean --scale minmax --target near --drop value -o near.model
cut -d, -f1,4,6 housing.csv >words.csv
train words.csv --epochs 5 -o words.model
train bytes.csv --epochs 2 --scale byte -o bytes.model

"$HEDDLE" export xor.model -o probe.onnx 2>err >out || {
    grep -q 'built without ONNX' err && echo 'skipped: built without ONNX' && exit 0
}

# same NAME DATA TOLERANCE [VARIANT]: 0 asks for the same bits
same() {
    holds "$1 $4 is exported" "$HEDDLE export $1.model -o $1.onnx --variant ${4:-fma}"
    [ "$python" = none ] && return
    holds "$1 is predicted" "$HEDDLE predict $1.model $2 -o $1.told"
    holds "$1 $4 in numpy" "$python $tests/onnx_run.py $1.onnx $2 $1.told $3 $1"
    [ "$ORT" ] || return
    holds "$1 $4 in onnxruntime" "node $tests/onnx_run.mjs $ORT $1.onnx $1.json $3"
}

# A model that computes in float: the same bits, or close with the operators of the runtime.
both() {
    same $1 $2 1e-6 portable
    same $1 $2 0
}

both flowers flowers.csv
same xor xor.csv 1e-12
both single xor.csv
both housing housing.csv
both housing elsewhere.csv
same double housing.csv 1e-12
both near housing.csv
both words words.csv
both bytes bytes.csv
for f in linear sigmoid tanh relu leaky-relu elu selu gelu silu softplus softsign hard-sigmoid \
    gaussian sine exp; do
    for precision in float double; do
        train wide.csv --hidden 7 --activation $f --output-activation $f --loss mse --optimizer sgd \
            --rate 1e-30 --epochs 1 --scale none --init normal:0.5 --precision $precision -o f.model
        mv f.model $f-$precision.model
        case $precision-$f in
        double-*) same $f-$precision wide.csv 1e-12 ;;
        *)
            tolerance=1e-6
            [ $f = exp ] && tolerance=1e-5 # e^(e^z) makes errors larger
            same $f-$precision wide.csv $tolerance portable
            same $f-$precision wide.csv 0
            ;;
        esac
    done
done
[ "$python" = none ] && echo 'skipped: the checker (no python3-onnx)'

# ---------------------------------------------------------------- the file itself

holds 'the same model is the same file' \
    "$HEDDLE export flowers.model -o again.onnx --name flowers && cmp flowers.onnx again.onnx"
holds 'an unknown folder is refused' "$HEDDLE export flowers.model -o none/x.onnx; [ \$? = 73 ]"

results
