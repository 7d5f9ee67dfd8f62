#!/usr/bin/env bash
# Follows the guides as their reader does: for each a new package with the dependencies that the guide adds and no others, each
# example a program of its own, built, and run unless it is marked `no_run`.
#
# tests/guides.sh [GUIDE...]: all by default. Needs the network where crates are not there yet; leaves nothing but its log.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
ln -s "$root" "$folder/slotbus"
mkdir "$folder/work"
# The guides that add dependencies by `cargo add`; the first worker is a test of its own, of two processes.
if [ $# = 0 ]; then
    set -- $(cd docs/guides && grep -l '^cargo add' ./*.md | xargs -n 1 basename | sed 's/\.md$//')
fi

# examples GUIDE: writes each example to src/bin, with the lines that rustdoc hides, and its name, with no_run or not, to stdout.
examples() {
    awk '
        /^```/ && inside { inside = 0; close(file); next }
        /^```(rust|$)/ && !inside {
            if ($0 ~ /ignore|compile_fail|should_panic/) { skip = 1 } else skip = 0
            inside = 1; n++; file = skip ? "/dev/null" : "src/bin/example_" n ".rs"
            if (!skip) print "example_" n, ($0 ~ /no_run/ ? "no_run" : "run")
            next
        }
        /^```/ { inside = 1; file = "/dev/null"; next }
        # What this repository calls a published crate is not what the reader does.
        inside && /^# use published02 as published;$/ { next }
        inside { sub(/^#( |$)/, ""); print > file }
    ' "$root/docs/guides/$1.md"
}

export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$folder/target}
for guide; do
    cd "$folder/work"
    cargo new --quiet "$guide" && cd "$guide"
    grep '^cargo add' "$root/docs/guides/$guide.md" | while read -r line; do eval "${line%%#*} --quiet"; done
    rm src/main.rs && mkdir src/bin
    list=$(examples "$guide")
    # As rustdoc does it.
    for file in $(grep -L 'fn main' src/bin/*.rs); do
        printf 'fn main() {\n%s\n}\n' "$(cat "$file")" >"$file"
    done
    count=0
    cargo build --quiet --bins
    while read -r example how; do
        [ "$how" = no_run ] || timeout 60 "$CARGO_TARGET_DIR/debug/$example" >/dev/null
        count=$((count + 1))
    done <<<"$list"
    echo "guide $guide: $count examples"
done
