#!/usr/bin/env bash
# node bench/starter/prepare.mjs && bench/compression.sh [OUT] [MODEL]
# Every method of 'cleave prune' and 'cleave quantize' on one model (the starter unless given), measured on held-out text of the kind
# that it was trained on and on WikiText-2's test part where it is at hand, into OUT (bench/results/compression.md unless given).
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:-bench/results/compression.md}
model=${2:-starter}
data=bench/starter/data
[ -f $data/validation.txt ] || { echo "bench/compression.sh: $data is missing; run 'node bench/starter/prepare.mjs' first" >&2; exit 2; }
[ -n "${CLEAVE:-}" ] || { dotnet build -c Release src/Cleave.Cli -v quiet --nologo; CLEAVE=src/Cleave.Cli/bin/Release/net10.0/cleave; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# A stretch of each training file, in about their proportions; nothing of the held-out text.
for part in sgd:80000 topical-chat:40000 shakespeare:15000 wikitext:8000 novels:7000; do head -c "${part#*:}" "$data/train.${part%:*}.txt"; done | iconv -c -f utf-8 -t utf-8 > "$work/calibration.txt"
for part in sgd:1600000 topical-chat:800000 shakespeare:300000 wikitext:160000 novels:140000; do head -c "${part#*:}" "$data/train.${part%:*}.txt"; done | iconv -c -f utf-8 -t utf-8 > "$work/lessons.txt"
text=$data/validation.txt

field() { grep -o "\"$1\":[^,}]*" <<<"$2" | head -1 | cut -d: -f2- | tr -d '"'; }
rows=""
row() { # verb, then options; the result is kept as $work/last.gguf or $work/last
  local verb=$1 to=$work/last calibration=$work/calibration.txt
  shift
  [ "$verb" = quantize ] && to=$work/last.gguf
  case " $* " in *" --heal "*) calibration=$work/lessons.txt ;; esac
  rm -rf "$work/last" "$work/last.gguf"
  local json
  json=$("$CLEAVE" "$verb" "$model" --out "$to" "$@" --calibration "$calibration" --text "$text" --check --json --quiet)
  local line
  line=$(printf '| `%s %s` | %.3f | %s | %.3f | %s | %s |' "$verb" "$*" "$(bc -l <<<"$(field weights_bytes "$json") / 1000000")" "$(field parameters "$json")" "$(field metric "$json")" \
    "$(field mean_kl "$json" | awk '{ if ($1 == "") print "other tokens"; else printf "%.4f", $1 }')" "$(field seconds "$json")")
  echo "$line"
  rows+=$line$'\n'
}
section() { rows+=$'\n'"### $1"$'\n\n'"| command | MB | parameters | perplexity | KL | seconds |"$'\n'"|---|---|---|---|---|---|"$'\n'; }

section "Before"
base=$("$CLEAVE" eval perplexity "$model" --text "$text" --context 256 --json --quiet)
rows+="| $model | $(printf %.3f "$(bc -l <<<"$(stat -c %s models/starter/model.safetensors) / 1000000")") | | $(printf %.3f "$(field perplexity "$base")") | 0 | |"$'\n'

section "Single weights (the zeros are stored: no bytes, no time)"
for s in "--sparsity 0.3" "--sparsity 0.5" "--pattern 2:4"; do for m in magnitude wanda sparsegpt; do row prune --method $m $s; done; done
row prune --method wanda --sparsity 0.5 --heal 300
row prune --method wanda --sparsity 0.5 --heal 300 --rounds 3

section "Whole layers"
for k in 3 2; do for b in loss influence position; do row prune --method layers --keep $k --by $b; done; done
row prune --method layers --keep 3 --by loss --heal 300

section "Widths and tokens"
row prune --method neurons --keep 512
row prune --method neurons --keep 512 --heal 300
row prune --method neurons --keep 512 --heal 300 --rounds 3
row prune --method heads --keep 3
row prune --method width --keep 224
row prune --method width --keep 192
row prune --method width --keep 192 --heal 300
row prune --method vocabulary

section "8 bits"
for m in rtn smooth gptq; do row quantize --method $m --type Q8_0 --pad; done

section "4 bits"
for m in rtn importance gptq awq awq+gptq; do row quantize --method $m --type Q4_0 --pad; done
for r in heads all; do row quantize --method rtn --type Q4_0 --pad --rotate $r; done
for r in heads all; do row quantize --method gptq --type Q4_0 --pad --rotate $r; done
row quantize --method rtn --type Q4_0 --pad --heal 300
for m in rtn importance gptq; do row quantize --method $m --type Q4_K_M --pad; done

section "3 and 2 bits"
for m in rtn importance gptq awq awq+gptq; do row quantize --method $m --type Q3_K_S --pad; done
row quantize --method rtn --type Q3_K_S --pad --heal 300
for m in rtn importance gptq; do row quantize --method $m --type Q2_K_S --pad; done

section "A type for each matrix"
row quantize --method gptq --pad --bytes 2400000
row quantize --method gptq --pad --bytes 2000000
row quantize --method gptq --pad --kl 0.05

{
  echo "# Pruning and quantization"
  echo
  echo "\`bench/compression.sh\`: model \`$model\`, perplexity on \`$text\` (held out, windows of 256 tokens), KL from the model before in nats a token on the same text,"
  echo "megabytes of the weights as they are held, calibration on 32,768 tokens of the training text. Times are of a shared machine."
  echo "$rows"
} > "$out"
