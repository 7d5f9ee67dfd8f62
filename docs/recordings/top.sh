#!/usr/bin/env bash
# Records `slotbus top` under load as text: top.txt beside this script. Needs tmux.
set -euo pipefail
cd "$(dirname "$0")/../.."
command -v tmux >/dev/null || { echo "tmux is not to be had here: install it to record" >&2; exit 1; }
cargo build --release --features cli --bin slotbus --example hello_worker
built=${CARGO_TARGET_DIR:-target}/release
bus=greeter
terminal=(tmux -L "recording-$$" -f /dev/null)
started=()
end() {
    "${terminal[@]}" kill-server 2>/dev/null || true
    # The load first, which is the hub and takes its bus away; then the workers, which would wait for another hub.
    for process in "${started[@]}"; do
        kill -INT "$process" 2>/dev/null || true
        wait "$process" 2>/dev/null || true
    done
}
trap end EXIT

"$built/slotbus" bench "$bus" GET /hello/you --concurrency 24 --duration 60s >/dev/null 2>&1 &
started+=($!)
for _ in 1 2; do
    SLOTBUS_NAME=$bus "$built/examples/hello_worker" >/dev/null 2>&1 &
    started+=($!)
done
until "$built/slotbus" top "$bus" --once --json --interval 100ms >/dev/null 2>&1; do sleep 0.1; done
"${terminal[@]}" new-session -d -x 100 -y 30 "$built/slotbus top $bus"
sleep 20
"${terminal[@]}" capture-pane -p >docs/recordings/top.txt
cat docs/recordings/top.txt
