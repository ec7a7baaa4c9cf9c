#!/bin/sh
# Reads the files of bench_read with Heddle, R's data.table and pandas, one after the other, several
# times: MB (10^6 bytes) a second, the median of seven. Peers that are not installed are left out
# (Debian: r-cran-data.table, python3-pandas).
#
#     bench/read_peers.sh DIRECTORY [THREADS]
dir=${1:?a directory for the files}
threads=${2:-2}
"${BUILD:-build}/bench/bench_read" "$dir" "$threads"
for file in integers digits7 digits17; do
    path=$dir/heddle-read-$file.csv
    bytes=$(wc -c <"$path")
    if command -v Rscript >/dev/null && Rscript -e 'library(data.table)' >/dev/null 2>&1; then
        Rscript -e "library(data.table); setDTthreads($threads)
            t <- sapply(1:7, function(i) system.time(x <- fread('$path', showProgress = FALSE))[3])
            cat(sprintf('%-20s fread  %d threads %9.3f s %9.0f MB/s\n', '$file', getDTthreads(),
                median(t), $bytes / 1e6 / median(t)))"
    fi
    if /usr/bin/python3 -c 'import pandas' 2>/dev/null; then
        /usr/bin/python3 -c "
import pandas, statistics, time
def once():
    begin = time.perf_counter()
    pandas.read_csv('$path')
    return time.perf_counter() - begin
t = statistics.median(once() for i in range(7))
print('%-20s pandas 1 thread  %9.3f s %9.0f MB/s' % ('$file', t, $bytes / 1e6 / t))"
    fi
done
