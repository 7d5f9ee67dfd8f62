#!/usr/bin/env bash
# A hub and a worker in one process and on one mapping, under AddressSanitizer and ThreadSanitizer.
#
# Race detectors tell memory by its addresses and see no race between two mappings of one file; so the unit tests named here
# let both sides use the same one. Both runtimes come with the stable toolchain, whose compiler takes their flags when it is
# told to (RUSTC_BOOTSTRAP). What these runs do not see: std itself is not instrumented, only what is inlined from it, and
# bodies in overflow objects are mapped twice, once by each side. What is suppressed is in sanitizers.supp, with its reasons.
set -euo pipefail
cd "$(dirname "$0")/.."
export CARGO_TERM_COLOR=never RUSTC_WRAPPER="$PWD/.ci/rustc"
# Named, so that macros and build scripts, which run here, are built without the flags, and once.
target=x86_64-unknown-linux-gnu
pumped=hub_and_worker_on_one_mapping
log=$(mktemp)
trap 'rm -f "$log"' EXIT
started=$SECONDS

# run SANITIZER FLAGS FILTER...: the unit tests that match, with their output in the log.
run() {
    local sanitizer=$1 flags=$2
    shift 2
    RUSTFLAGS="-Zsanitizer=$sanitizer --cfg sanitized $flags" cargo test --target "$target" -p slotbus@0.1.0 --lib -- "$@" >"$log" 2>&1
}

# passed NAME: how many tests passed; the script ends with the log when there was a report or a failure.
passed() {
    local reports
    reports=$(grep -cE '(ERROR|WARNING): (Address|Thread|Leak)Sanitizer' "$log" || true)
    if [ "$reports" != 0 ] || ! grep -q '^test result: ok. [1-9]' "$log"; then
        cat "$log" >&2
        echo "$1: $reports reports, or a failed test" >&2
        exit 1
    fi
    sed -n 's/^test result: ok. \([0-9]*\) passed.*/\1/p' "$log"
}

# The model is one thread of values: it has nothing for a sanitizer, and takes minutes.
run address "" slot:: region:: signal:: --skip slot::model || true
address=$(passed AddressSanitizer)

export TSAN_OPTIONS="suppressions=$PWD/tests/sanitizers.supp"
abi=-Cunsafe-allow-abi-mismatch=sanitizer
# One by one: the lock under which libc opens semaphores is not seen.
run thread "$abi" "$pumped" --test-threads=1 || true
thread=$(passed ThreadSanitizer)

# The same with a worker that touches an answer which it has published: silence here would mean that the others prove nothing.
SLOTBUS_PLANTED_RACE=1 run thread "$abi" "$pumped" --test-threads=1 || true
planted=$(grep -c 'WARNING: ThreadSanitizer: data race' "$log" || true)
if [ "$planted" = 0 ] || ! grep -q 'shared_mapping_tests::touch' "$log"; then
    cat "$log" >&2
    echo "ThreadSanitizer did not report the planted race" >&2
    exit 1
fi

echo "sanitizers: address $address tests, 0 reports; thread $thread tests on one mapping, 0 reports;" \
    "planted race reported ($planted reports); $((SECONDS - started)) s"
