#!/usr/bin/env bash
# Draws every PNG, icon.ico and icon.icns from app.svg and tray/*.svg. Run it after changing an SVG.
# Needs rsvg-convert, icotool and png2icns (Debian: librsvg2-bin icoutils icnsutils).
set -euo pipefail
cd "$(dirname "$0")"
sizes=$(mktemp -d)
trap 'rm -r "$sizes"' EXIT

draw() { rsvg-convert --width "$2" --height "$2" --output "$3" "$1"; }

draw app.svg 32 32x32.png
draw app.svg 128 128x128.png
draw app.svg 256 128x128@2x.png
draw app.svg 512 icon.png

for size in 16 24 32 48 128 256 512; do draw app.svg "$size" "$sizes/$size.png"; done
# Windows reads 256 px only as PNG, and the smaller ones best as bitmaps.
icotool --create --output icon.ico "$sizes"/{16,24,32,48}.png --raw "$sizes/256.png"
png2icns icon.icns "$sizes"/{16,32,48,128,256,512}.png >"$sizes/log"

for state in locked open soon wait review offline; do
  draw "tray/$state.svg" 32 "tray/$state.png"
  draw "tray/$state.svg" 64 "tray/$state@2x.png"
done
