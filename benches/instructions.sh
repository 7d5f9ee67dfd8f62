#!/usr/bin/env bash
# How many instructions the worker's side of one GET takes, and in which functions:
# benches/instructions.sh [REQUESTS [PATH]], for example 1000 /session/0199a7c4-5b1e-7c3f-9d2a-6f0e8b4c1d23
#
# Runs the same program under callgrind for N and for 2N requests, and counts Pair::work alone; what it does once, at the
# first request, goes with the difference of the two. The same for http's own builder, to compare. Needs valgrind.
set -euo pipefail
shopt -s inherit_errexit
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

work='slotbus::bench::Pair*::work*'
build='worker_side::build*'

# Instructions that callgrind counted inside function $1 for $2 requests.
count() {
    if ! valgrind --tool=callgrind --collect-atstart=no --toggle-collect="$1" --callgrind-out-file="$folder/profile" \
        "$program" "$2" "$path" >"$folder/log" 2>&1; then
        cat "$folder/log" >&2
        exit 1
    fi
    awk '$1 == "summary:" || $1 == "totals:" { sum = $2 } END { print sum + 0 }' "$folder/profile"
}

# Instructions of function $1 for one request. Leaves the profile of the longer run.
for_one() {
    local once twice
    once=$(count "$1" "$requests")
    twice=$(count "$1" $((2 * requests)))
    if ((once == 0)); then
        echo "callgrind counted nothing: it did not find $1" >&2
        exit 1
    fi
    echo $(((twice - once) / requests))
}

built=$(for_one "$build")
worked=$(for_one "$work")
echo "$worked instructions for the worker's side of GET $path, from $requests and $((2 * requests)) requests"
echo "$built instructions to make and drop the same request with http's builder: the worker's side is" \
    "$(awk "BEGIN { ratio = $worked / $built
        printf \"%.2f times that (goal: at most 1.1, %s)\", ratio, ratio <= 1.1 ? \"met\" : \"missed\" }")"
echo
echo "The ten functions with the most instructions of their own, for one request:"
# A line is "1,234 ( 5.67%)  file:function [object]"; functions of this program have no file.
callgrind_annotate --threshold=100 --auto=no "$folder/profile" \
    | awk -v requests=$((2 * requests)) '
        !/^ *[0-9][0-9,]* +\( *[0-9.]+%\) / || /PROGRAM TOTALS/ { next }
        ++functions <= 10 {
            count = $1; gsub(/,/, "", count)
            sub(/^ *[0-9,]+ +\( *[0-9.]+%\) */, ""); sub(/ \[[^\]]*\]$/, ""); sub(/^\?\?\?:/, ""); sub(/^.*\//, "")
            printf "%8.0f  %s\n", count / requests, $0
        }'
