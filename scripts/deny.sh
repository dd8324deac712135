#!/usr/bin/env bash
# Licences, bans and sources of all locked crates by cargo-deny. Advisories are checked too, unless the
# advisory database can't be fetched, which is said and is no failure: a machine without that network
# must be able to check the rest.
set -euo pipefail
cd "$(dirname "$0")/.."

if ! command -v cargo-deny >/dev/null; then
  printf 'deny: licences and advisories not checked: cargo-deny is not installed (scripts/bootstrap.sh lint)\n' >&2
  exit 0
fi

cargo deny --locked --workspace --all-features check --hide-inclusion-graph bans licenses sources
if ! cargo deny --locked fetch db 2>/dev/null; then
  printf 'deny: advisories not checked: the database cannot be fetched here\n' >&2
  exit 0
fi
cargo deny --locked --workspace --all-features check --hide-inclusion-graph advisories
