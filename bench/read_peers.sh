#!/bin/sh
# Heddle, R's data.table and pandas read the files of bench_read, one after the other: a table in
# markdown of MB (10^6 bytes) of text a second, the median of ROUNDS (5) readings of a file that is in
# the page cache. Peers that are not installed are left out and named (Debian: r-cran-data.table,
# python3-pandas).
#
#     bench/read_peers.sh DIRECTORY [THREADS…]
set -e
dir=${1:?a directory for the files}
shift
rounds=${ROUNDS:-5}
[ $# -gt 0 ] || set -- 1 2
mkdir -p "$dir"
bench=${BUILD:-build}/bench/bench_read
"$bench" "$dir" 1 >/dev/null # makes the files, and brings them into the cache
R=''; python=''; without=''
if Rscript -e 'library(data.table)' >/dev/null 2>&1; then R=yes; else without="$without fread"; fi
if /usr/bin/python3 -c 'import pandas' 2>/dev/null; then python=yes; else without="$without pandas"; fi

measure() { # FILE PATH THREADS…: lines "FILE TOOL THREADS MB/s"
    file=$1 path=$2
    shift 2
    bytes=$(wc -c <"$path")
    for threads; do
        BENCH_ONLY=$file "$bench" "$dir" "$threads" |
            awk -v f="$file" -v t="$threads" 'NR > 1 { print f, "Heddle", t, $NF }'
        test -z "$R" || Rscript -e "library(data.table); setDTthreads($threads)
            t <- sapply(1:$rounds, function(i) system.time(fread('$path', showProgress = FALSE))[3])
            cat('$file fread $threads', round($bytes / 1e6 / median(t)), '\n')"
    done
    test -z "$python" || /usr/bin/python3 -c "
import pandas, statistics, time
def once():
    begin = time.perf_counter()
    pandas.read_csv('$path')
    return time.perf_counter() - begin
print('$file pandas 1 %.0f' % ($bytes / 1e6 / statistics.median(once() for i in range(min(3, $rounds)))))"
}

for file in integers digits7 digits17; do
    measure $file "$dir/heddle-read-$file.csv" "$@"
done | awk -v columns="$*" '
    { speed[$1, $2, $3] = $4 }
    END {
        n = split(columns, threads, " ")
        title["integers"] = "60,000 × 785 small integers"
        title["digits7"] = "60,000 × 100 of 7 digits"
        title["digits17"] = "60,000 × 100 of 17 digits"
        split("integers digits7 digits17", files, " ")
        print "Reading delimited text, MB/s.\n"
        print "| table | threads | Heddle | fread | pandas | times fread |"
        print "|---|---:|---:|---:|---:|---:|"
        for (f = 1; f <= 3; f++)
            for (i = 1; i <= n; i++) {
                name = files[f]; t = threads[i]; peer = speed[name, "fread", t]
                pandas = speed[name, "pandas", t]
                printf "| %s | %d | %d | %s | %s | %s |\n", title[name], t, speed[name, "Heddle", t],
                    peer ? peer : "–", pandas ? pandas : "–",
                    peer ? sprintf("%.2f", speed[name, "Heddle", t] / peer) : "–"
            }
    }'
cpu=$(sed -n 's/^model name.*: //p' /proc/cpuinfo | head -n 1)
printf '\n%s, %s processors%s.\n' "$cpu" "$(nproc)" "${without:+; without}$without"
