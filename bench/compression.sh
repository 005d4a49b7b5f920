#!/usr/bin/env bash
# node bench/starter/prepare.mjs && bench/compression.sh [OUT] [MODEL]
# Every method of 'cleave prune', 'cleave quantize' and 'cleave distill' on one model's folder (models/starter unless given): perplexity and divergence on
# held-out text, bytes, tokens a second, into OUT (bench/results/compression.md unless given). For another model than the starter give its texts:
# TEXT (held out), CALIBRATION and LESSONS (what it is healed on); UPDATES is how long it is healed (100).
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:-bench/results/compression.md}
model=${2:-models/starter}
data=bench/starter/data
updates=${UPDATES:-100}
[ -n "${CLEAVE:-}" ] || { dotnet build -c Release src/Cleave.Cli -v quiet --nologo; CLEAVE=src/Cleave.Cli/bin/Release/net10.0/cleave; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
calibration=${CALIBRATION:-$work/calibration.txt} lessons=${LESSONS:-$work/lessons.txt} text=${TEXT:-$work/held-out.txt}
if [ -z "${TEXT:-}" ]; then
  [ -f $data/validation.txt ] || { echo "bench/compression.sh: $data is missing; run 'node bench/starter/prepare.mjs' first" >&2; exit 2; }
  # A stretch of each training file, in about their proportions; nothing of the held-out text.
  for part in sgd:80000 topical-chat:40000 shakespeare:15000 wikitext:8000 novels:7000; do head -c "${part#*:}" "$data/train.${part%:*}.txt"; done | iconv -c -f utf-8 -t utf-8 > "$work/calibration.txt"
  for part in sgd:1600000 topical-chat:800000 shakespeare:300000 wikitext:160000 novels:140000; do head -c "${part#*:}" "$data/train.${part%:*}.txt"; done | iconv -c -f utf-8 -t utf-8 > "$work/lessons.txt"
  # Every fourth document of the held-out text: all kinds, in a quarter of the time.
  awk 'BEGIN { RS = ""; ORS = "\n\n" } NR % 4 == 1' "$data/validation.txt" > "$text"
fi
shape() { grep -o "\"$1\": [0-9]*" "$model/config.json" | grep -o '[0-9]*$'; }
layers=$(shape num_hidden_layers) width=$(shape hidden_size) neurons=$(shape intermediate_size) groups=$(shape num_key_value_heads)

field() { grep -o "\"$1\":[^,}]*" <<<"$2" | head -1 | cut -d: -f2- | tr -d '"'; }
speed() { field decode_tokens_per_s "$("$CLEAVE" bench inference "$1" --prompt 32 --generate 96 --runs 3 --json --quiet)"; }
row() { # verb, then options; the result is kept as $work/last.gguf or $work/last
  local verb=$1 to=$work/last taken=$calibration
  shift
  [ "$verb" = quantize ] && to=$work/last.gguf
  case " $* " in *" --heal "*) taken=$lessons ;; esac
  rm -rf "$work/last" "$work/last.gguf"
  local json texts=(--calibration "$taken" --calibration-tokens 16384)
  [ "$verb" = distill ] && texts=(--train "$lessons")
  [[ " $* " == *" vocabulary "* ]] && texts=(--calibration "$taken") # keeps the tokens of all of it
  json=$("$CLEAVE" "$verb" "$model" --out "$to" "$@" "${texts[@]}" --text "$text" --check --json --quiet)
  local line
  line=$(printf '| `%s %s` | %.3f | %s | %.3f | %s | %.0f | %.0f |' "$verb" "${*//$work\//}" "$(awk -v b="$(field weights_bytes "$json")" 'BEGIN { print b / 1e6 }')" "$(field parameters "$json")" "$(field metric "$json")" \
    "$(field mean_kl "$json" | awk '{ if ($1 == "") print "other tokens"; else printf "%.4f", $1 }')" "$(speed "$to")" "$(field seconds "$json")")
  echo "$line" | tee -a "$out"
}
section() { printf '\n## %s\n\n| command | MB | parameters | perplexity | KL | tokens/s | seconds |\n|---|---:|---:|---:|---:|---:|---:|\n' "$1" | tee -a "$out"; }

cat > "$out" <<END
# Pruning, quantization and distillation

\`bench/compression.sh\`, model \`$model\`. Perplexity on held-out text in windows of at most 256 tokens, KL from the model before on the same
text in nats a token, megabytes of the weights as they are held, tokens a second of one sequence that is continued. Measured on 16,384 tokens
of training text, healed for $updates updates. Seconds are of making the row, on a shared machine, and say little; so do tokens a second where a row was made beside other work.
END
section "Before"
base=$("$CLEAVE" eval perplexity "$model" --text "$text" --context 256 --json --quiet)
bytes=$(field weights_bytes "$("$CLEAVE" inspect "$model" --json --quiet)")
printf '| none | %.3f | %s | %.3f | 0 | %.0f | |\n' "$(awk -v b="$bytes" 'BEGIN { print b / 1e6 }')" "$(field parameters "$("$CLEAVE" inspect "$model" --json --quiet)")" "$(field perplexity "$base")" "$(speed "$model")" | tee -a "$out"

section "4 bits"
for m in rtn importance gptq awq awq+gptq; do row quantize --method $m --type Q4_0 --pad; done
for m in rtn gptq; do row quantize --method $m --type Q4_K_M --pad; done

section "3 and 2 bits"
for m in rtn importance gptq awq awq+gptq; do row quantize --method $m --type Q3_K_S --pad; done
for m in rtn importance gptq; do row quantize --method $m --type Q2_K_S --pad; done

section "Single weights (zeros are stored: neither bytes nor time is saved)"
for s in "--sparsity 0.5" "--pattern 2:4" "--sparsity 0.3"; do for m in magnitude wanda sparsegpt; do row prune --method $m $s; done; done

section "Whole layers"
for k in $((layers - 1)) $((layers / 2)); do for b in loss influence position; do row prune --method layers --keep $k --by $b; done; done

section "Widths and tokens"
row prune --method neurons --keep $((neurons * 3 / 64 * 16))
row prune --method heads --keep $((groups - 1))
row prune --method width --keep $((width * 7 / 8))
row prune --method width --keep $((width * 3 / 4))
row prune --method vocabulary

section "8 bits"
for m in rtn smooth gptq; do row quantize --method $m --type Q8_0 --pad; done

section "Rotation"
for m in rtn gptq; do for r in heads all; do row quantize --method $m --type Q4_0 --pad --rotate $r; done; done

section "A type for each matrix"
row quantize --method gptq --pad --bytes $((bytes * 3 / 10))
row quantize --method gptq --pad --bytes $((bytes / 4))
row quantize --method gptq --pad --kl 0.05

section "With training"
row quantize --method rtn --type Q3_K_S --pad --heal "$updates"
row quantize --method rtn --type Q2_K_S --pad --heal "$updates"
row prune --method layers --keep $((layers - 1)) --by loss --heal "$updates"
row prune --method wanda --sparsity 0.5 --heal "$updates"
row prune --method wanda --sparsity 0.5 --heal "$updates" --rounds 4
row prune --method neurons --keep $((neurons * 3 / 64 * 16)) --heal "$updates"
row prune --method neurons --keep $((neurons * 3 / 64 * 16)) --heal "$updates" --rounds 4
row prune --method width --keep $((width * 3 / 4)) --heal "$updates"

section "Distillation: a student of half of the layers"
student=(--layers $((layers / 2)) --updates "$updates")
row prune --method layers --keep $((layers / 2)) --by spaced
row prune --method layers --keep $((layers / 2)) --by spaced --heal "$updates"
row distill "${student[@]}" --soft 0.5 --temperature 2
row distill "${student[@]}" --soft 1 --temperature 1
row distill "${student[@]}" --soft 1 --temperature 2
row distill "${student[@]}" --soft 0.5 --temperature 2 --hidden 1
row distill "${student[@]}" --soft 0.5 --temperature 2 --attention 1
row distill "${student[@]}" --soft 0.5 --temperature 2 --predictions "$work/predictions" --top 32
row distill "${student[@]}" --soft 0.5 --temperature 1 --on-policy 0.5
