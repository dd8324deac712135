#!/usr/bin/env bash
# Transcodes the demo's clip with the default ladder into demo/ and shows what was made. Arguments go
# to `reelmesh transcode` as they are.
#
# Half a minute is too short to be cut at the few per cent that cuts may cost, so it would be one chunk:
# nothing to do side by side, nothing to keep when it is killed. The demo pays for chunks of four cells
# (8 s) to show both.
set -euo pipefail
cd "$(dirname "$0")/.."

clip=$(scripts/demo-clip.sh)
reelmesh=${CARGO_TARGET_DIR:-target}/release/reelmesh
# Thirty seconds would be a chunk or two; --latency fast cuts them for several workers.
printf '\n$ %s transcode %s --out demo --latency fast%s\n\n' "$reelmesh" "${clip#"$PWD"/}" "${*:+ $*}"
code=0
"$reelmesh" transcode "${clip#"$PWD"/}" --out demo --latency fast "$@" || code=$?
if [ "$code" -ne 0 ]; then
  [ "$code" -ne 130 ] || printf '\nStopped. "make demo" goes on where it was.\n'
  exit "$code"
fi

out=demo/$(basename "$clip" .mp4)
printf '\nMade in %s:\n\n' "$out"
for file in "$out"/*.mp4; do
  printf '  %-44s %6s  %s\n' "$file" "$(du -h "$file" | cut -f1)" \
    "$(ffprobe -v error -select_streams v -show_entries stream=codec_name,width,height,nb_frames -of csv=p=0 "$file" | tr ',' ' ')"
done
printf '  %-44s %6s  %s segments\n' "$out/hls/" "$(du -sh "$out/hls" | cut -f1)" \
  "$(find "$out/hls" -name '*.m4s' | wc -l)"
cat <<END
  $out/report.json

Look at it:
  ffplay $out/$(basename "$(find "$out" -maxdepth 1 -name '*.mp4' | sort -V | tail -n 1)")
  $reelmesh verify demo
  jq .media $out/report.json
  python3 -m http.server --directory $out/hls 8000    then open multivariant.m3u8 of port 8000 in Safari, VLC or hls.js

Try: rm -r demo, make demo, kill it half-way (Ctrl-C, or kill -9), make demo again.
END
