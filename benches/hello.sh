#!/usr/bin/env bash
# The example hello_worker under load, GET at 32 in flight: what the answers took, whether all came, and the most memory that
# the worker's process had: benches/hello.sh [REQUESTS]
set -euo pipefail
cd "$(dirname "$0")/.."
requests=${1:-1000000}
if ! [[ $requests =~ ^[1-9][0-9]*$ ]]; then
    echo "usage: benches/hello.sh [REQUESTS]" >&2
    exit 2
fi
cargo build --quiet --release --features cli --bin slotbus
# By itself, since with those features it would be another program.
cargo build --quiet --release --example hello_worker
built=${CARGO_TARGET_DIR:-target}/release
bus=hello-$$

SLOTBUS_NAME=$bus "$built/examples/hello_worker" >/dev/null &
worker=$!
trap 'kill -INT "$worker" 2>/dev/null; wait "$worker" 2>/dev/null || true' EXIT
"$built/slotbus" bench "$bus" GET /hello/you --concurrency 32 --requests "$requests"
awk '$1 == "VmHWM:" {
    printf "the worker had %.1f MiB at most (VmHWM; goal: at most 4, %s)\n", $2 / 1024, $2 <= 4096 ? "met" : "missed"
}' "/proc/$worker/status"
