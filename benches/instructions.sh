#!/usr/bin/env bash
# How many instructions the worker's side of one GET takes, and in which functions:
# benches/instructions.sh [REQUESTS [PATH]], for example 1000 /session/0199a7c4-5b1e-7c3f-9d2a-6f0e8b4c1d23
#
# Runs the same program under callgrind for N and for 2N requests. Only Pair::work is counted; what it does once, at the
# first request, goes with the difference of the two. Needs valgrind.
set -euo pipefail
cd "$(dirname "$0")/.."

requests=${1:-1000} path=${2:-/}
if ! [[ $requests =~ ^[1-9][0-9]*$ ]]; then
    echo "usage: benches/instructions.sh [REQUESTS [PATH]]" >&2
    exit 2
fi
if ! command -v valgrind >/dev/null || ! command -v callgrind_annotate >/dev/null; then
    echo "valgrind is missing, and nothing was counted: install it (on Debian, apt-get install valgrind) and run this again" >&2
    exit 1
fi

# Without debug information, by which callgrind would split a function into the files of what is inlined in it.
export CARGO_PROFILE_RELEASE_DEBUG=none
cargo build --quiet --release -p inprocess-bench --bin worker-side
program=${CARGO_TARGET_DIR:-target}/release/worker-side
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# Instructions that callgrind counted for $1 requests.
count() {
    if ! valgrind --tool=callgrind --collect-atstart=no --toggle-collect='slotbus::bench::Pair::work*' \
        --callgrind-out-file="$folder/$1" "$program" "$1" "$path" >"$folder/log" 2>&1; then
        cat "$folder/log" >&2
        exit 1
    fi
    awk '$1 == "summary:" || $1 == "totals:" { sum = $2 } END { print sum + 0 }' "$folder/$1"
}

once=$(count "$requests")
twice=$(count $((2 * requests)))
if ((once == 0)); then
    echo "callgrind counted nothing: it did not find slotbus::bench::Pair::work" >&2
    exit 1
fi
echo "$(((twice - once) / requests)) instructions for the worker's side of GET $path, from $requests and $((2 * requests)) requests"
echo
echo "The ten functions with the most instructions of their own, for one request:"
# A line is "1,234 ( 5.67%)  file:function [object]"; functions of this program have no file.
callgrind_annotate --threshold=100 --auto=no "$folder/$((2 * requests))" \
    | awk -v requests=$((2 * requests)) '
        !/^ *[0-9][0-9,]* +\( *[0-9.]+%\) / || /PROGRAM TOTALS/ { next }
        ++functions <= 10 {
            count = $1; gsub(/,/, "", count)
            sub(/^ *[0-9,]+ +\( *[0-9.]+%\) */, ""); sub(/ \[[^\]]*\]$/, ""); sub(/^\?\?\?:/, ""); sub(/^.*\//, "")
            printf "%8.0f  %s\n", count / requests, $0
        }'
