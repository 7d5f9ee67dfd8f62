#!/usr/bin/env bash
# The models of threads, in every order that loom finds: src/**/*loom_tests.rs.
#
# Only this crate's unit tests are compiled with --cfg loom, so that what they depend on is shared with `cargo test`. Arguments
# go to the tests; a model that fails is repeated with LOOM_LOG=trace and LOOM_LOCATION=1.
set -euo pipefail
cd "$(dirname "$0")/.."
tests=$(
    cargo rustc -p slotbus@0.1.0 --lib --profile test --features __loom --message-format json-render-diagnostics -- --cfg loom |
        sed -n 's/.*"executable":"\([^"]*\)".*/\1/p'
)
exec "$tests" loom "$@"
