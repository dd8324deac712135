#!/usr/bin/env bash
# Runs all tests with one build profile: units and integration by nextest, then the examples in the
# documentation. --full adds the long tests, which work on the demo's clip.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "${1:-}" = --full ]; then
  REELMESH_DEMO_CLIP=$(scripts/demo-clip.sh)
  export REELMESH_DEMO_CLIP REELMESH_TEST_FULL=1
fi
if [ ! -f "${REELMESH_MEDIA:-}/MANIFEST.tsv" ]; then
  printf 'tests: no corpus at REELMESH_MEDIA=%s: the tests on its files skip themselves\n' "${REELMESH_MEDIA:-}" >&2
  unset REELMESH_MEDIA
fi
cargo nextest run --locked --workspace </dev/null
cargo test --locked --workspace --doc --quiet </dev/null
