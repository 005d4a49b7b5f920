#!/usr/bin/env bash
# Checks 'cleave simulate' against 'cleave serve': measures the footprints of a release, serves it, puts traffic to it and to the simulation, and writes both
# side by side to bench/results. For a quiet machine. replay.sh [RELEASE [SECONDS [PART...]]]
set -euo pipefail
cd "$(dirname "$0")/.."
release=${1:-samples/support-desk/release}
seconds=${2:-30}
parts=("${@:3}")
[ ${#parts[@]} -gt 0 ] || parts=(0.2 0.4 0.6 0.8)
[ -f "$release/release.json" ] || { echo "$release: no release; make it with: dotnet run -c Release --project src/Cleave.Cli -- split samples/support-desk" >&2; exit 2; }
dotnet build -c Release -v quiet bench/Cleave.Benchmarks >&2
dotnet build -c Release -v quiet src/Cleave.Cli >&2
cleave=src/Cleave.Cli/bin/Release/net10.0/cleave
folder=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null; rm -rf "$folder"' EXIT
$cleave bench footprint "$release" --out "$folder/footprint.json" >&2
$cleave serve "$release" --urls http://127.0.0.1:0 > "$folder/served" &
server=$!
for _ in $(seq 300); do
  grep -q '^serving' "$folder/served" && break
  kill -0 "$server"
  sleep 0.1
done
url=$(grep -o 'http://[^ ]*' "$folder/served")
dotnet run -c Release --no-build --project bench/Cleave.Benchmarks -- replay "$url" "$folder/footprint.json" samples/support-desk/data "$seconds" "${parts[@]}" --write
