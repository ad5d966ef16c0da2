#!/bin/sh
# Draws everything the desktop needs from the SVG files beside this script.
set -eu
cd "$(dirname "$0")"
tauri=../ui/node_modules/.bin/tauri
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

"$tauri" icon tern.svg -o "$out" >/dev/null 2>&1
for name in 32x32.png 128x128.png 128x128@2x.png icon.png icon.ico icon.icns; do
  cp "$out/$name" "$name"
done

# Trays show 16 to 24 points; 64 pixels serve up to three times that.
for state in ready offline attention call template; do
  "$tauri" icon "tray-$state.svg" -o "$out" -p 64 >/dev/null 2>&1
  cp "$out/64x64.png" "tray-$state.png"
done
