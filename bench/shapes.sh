#!/usr/bin/env bash
# bench/shapes.sh MODEL TEXT [OUT]
# Tokens a second of one sequence that is continued, by what a model was made into: each shape is timed in turn, three times over, so that what the machine does besides
# falls on all of them; medians, into OUT (standard output unless given). TEXT is what pruning looks at.
set -euo pipefail
cd "$(dirname "$0")/.."
model=$1 text=$2 out=${3:-/dev/stdout}
[ -n "${CLEAVE:-}" ] || { dotnet build -c Release src/Cleave.Cli -v quiet --nologo; CLEAVE=src/Cleave.Cli/bin/Release/net10.0/cleave; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
shape() { grep -o "\"$1\": [0-9]*" "$model/config.json" | grep -o '[0-9]*$'; }
layers=$(shape num_hidden_layers) width=$(shape hidden_size) neurons=$(shape intermediate_size)
field() { grep -o "\"$1\":[^,}]*" <<<"$2" | head -1 | cut -d: -f2- | tr -d '"'; }
names=(whole) places=("$model")
made() { # verb, options
  local to=$work/${#places[@]}
  [ "$1" = quantize ] && to=$to.gguf
  "$CLEAVE" "$@" --out "$to" --calibration "$text" --calibration-tokens 4096 --quiet >/dev/null
  shift
  names+=("$*") places+=("$to")
}
for type in Q8_0 Q4_0 Q4_K_M Q3_K_S Q2_K_S; do made quantize "$model" --method rtn --type $type --pad; done
made prune "$model" --method layers --keep $((layers - 1)) --by position
made prune "$model" --method layers --keep $((layers / 2)) --by position
made prune "$model" --method neurons --keep $((neurons * 3 / 64 * 16))
made prune "$model" --method width --keep $((width * 3 / 4))
made prune "$model" --method magnitude --sparsity 0.5
for round in 1 2 3; do
  for i in "${!places[@]}"; do
    json=$("$CLEAVE" bench inference "${places[$i]}" --prompt 32 --generate 192 --runs 5 --json --quiet)
    echo "$i $(field decode_tokens_per_s "$json")" >> "$work/rates"
  done
done
{
  echo "| shape | tokens/s | least, most |"
  echo "|---|---:|---:|"
  for i in "${!places[@]}"; do
    awk -v i="$i" '$1 == i { print $2 }' "$work/rates" | sort -n | awk -v name="${names[$i]//$model /}" '{ r[NR] = $1 } END { printf "| `%s` | %.0f | %.0f, %.0f |\n", name, r[int((NR + 1) / 2)], r[1], r[NR] }'
  done
} > "$out"
