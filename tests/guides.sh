#!/usr/bin/env bash
# Follows the guides as their reader does: for each a new package with the dependencies that the guide adds and no others; each
# example is a program of its own, or goes into the file that the guide names, built, and run unless it is marked `no_run`; then the
# tests among them.
#
# tests/guides.sh [GUIDE...]: all by default. Needs the network where crates are not there yet; leaves nothing but its log.
set -euo pipefail
cd "$(dirname "$0")/.."
root=$PWD
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
ln -s "$root" "$folder/slotbus"
mkdir "$folder/work"
# The guides that add dependencies by `cargo add`.
if [ $# = 0 ]; then
    set -- $(cd docs/guides && grep -l '^cargo add' ./*.md | xargs -n 1 basename | sed 's/\.md$//')
fi

# examples GUIDE: writes each example to its file, and to stdout the file with what is done with it: run, no_run, or test.
examples() {
    awk '
        # A file named in the text is where the next example belongs, at its end.
        !inside && match($0, /`src\/bin\/[a-z]+\.rs`/) { named = substr($0, RSTART + 1, RLENGTH - 2) }
        /^```/ && inside { inside = 0; close(file); next }
        /^```rust/ {
            inside = 1; n++
            how = /test_harness/ ? "test" : /no_run/ || named ? "no_run" : "run"
            file = how == "test" ? "tests/example_" n ".rs" : named ? named : "src/bin/example_" n ".rs"
            named = ""
            print file, how
            next
        }
        /^```/ { inside = 1; file = "/dev/null"; next }
        inside { print >> file }
    ' "$root/docs/guides/$1.md"
}

export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$folder/target}
for guide; do
    cd "$folder/work"
    cargo new --quiet "$guide" && cd "$guide"
    grep '^cargo add' "$root/docs/guides/$guide.md" | while read -r line; do eval "${line%%#*} --quiet"; done
    mkdir src/bin tests
    list=$(examples "$guide")
    # As rustdoc does it.
    for file in $(grep -rL 'fn main' src/bin); do
        printf 'fn main() {\n%s\n}\n' "$(cat "$file")" >"$file"
    done
    count=0
    cargo build --quiet --bins
    while read -r file how; do
        example=$(basename "$file" .rs)
        [ "$how" != run ] || timeout 60 "$CARGO_TARGET_DIR/debug/$example" >/dev/null
        count=$((count + 1))
    done <<<"$list"
    tests=0
    if grep -qr '::test' src tests; then
        cargo test --quiet >tests.log 2>&1 || { cat tests.log && exit 1; }
        tests=$(awk '/^test result/ { n += $4 } END { print n }' tests.log)
    fi
    echo "guide $guide: $count examples, $tests tests"
done
