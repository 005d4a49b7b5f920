#!/usr/bin/env bash
# node bench/starter/prepare.mjs && bench/compression.sh [OUT] [MODEL]
# Every method of 'cleave prune', 'cleave quantize' and 'cleave distill' on one model (the starter unless given), measured on held-out text of the kind
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
# Every fourth document of the held-out text: all kinds, in a quarter of the time.
text=$work/held-out.txt
awk 'BEGIN { RS = ""; ORS = "\n\n" } NR % 4 == 1' "$data/validation.txt" > "$text"

field() { grep -o "\"$1\":[^,}]*" <<<"$2" | head -1 | cut -d: -f2- | tr -d '"'; }
row() { # verb, then options; the result is kept as $work/last.gguf or $work/last
  local verb=$1 to=$work/last calibration=$work/calibration.txt
  shift
  [ "$verb" = quantize ] && to=$work/last.gguf
  case " $* " in *" --heal "*) calibration=$work/lessons.txt ;; esac
  rm -rf "$work/last" "$work/last.gguf"
  local json lessons=(--calibration "$calibration" --calibration-tokens 16384)
  [ "$verb" = distill ] && lessons=(--train "$work/lessons.txt")
  json=$("$CLEAVE" "$verb" "$model" --out "$to" "$@" "${lessons[@]}" --text "$text" --check --json --quiet)
  local line
  line=$(printf '| `%s %s` | %.3f | %s | %.3f | %s | %s |' "$verb" "$*" "$(awk -v b="$(field weights_bytes "$json")" 'BEGIN { print b / 1e6 }')" "$(field parameters "$json")" "$(field metric "$json")" \
    "$(field mean_kl "$json" | awk '{ if ($1 == "") print "other tokens"; else printf "%.4f", $1 }')" "$(field seconds "$json")")
  echo "$line" | tee -a "$out"
}
section() { printf '\n## %s\n\n| command | MB | parameters | perplexity | KL | seconds |\n|---|---:|---:|---:|---:|---:|\n' "$1" | tee -a "$out"; }

cat > "$out" <<END
# Pruning, quantization and distillation

\`bench/compression.sh\`, model \`$model\`. Perplexity on every fourth document of the held-out text of \`bench/starter\` in windows of 256
tokens, KL from the model before on the same text in nats a token, megabytes of the weights as they are held. Measured on 16,384 tokens of
the training text, healed on 3 MB of it. Seconds are of a shared machine and say little.
END
section "Before"
base=$("$CLEAVE" eval perplexity "$model" --text "$text" --context 256 --json --quiet)
printf '| none | %.3f | %s | %.3f | 0 | |\n' "$(awk -v b="$("$CLEAVE" bench inference "$model" --prompt 8 --generate 1 --runs 1 --json --quiet | grep -o '"weights_bytes":[0-9]*' | cut -d: -f2)" 'BEGIN { print b / 1e6 }')" "" "$(field perplexity "$base")" | tee -a "$out"

section "4 bits"
for m in rtn importance gptq awq awq+gptq; do row quantize --method $m --type Q4_0 --pad; done
for m in rtn gptq; do row quantize --method $m --type Q4_K_M --pad; done

section "3 and 2 bits"
for m in rtn importance gptq awq awq+gptq; do row quantize --method $m --type Q3_K_S --pad; done
for m in rtn importance gptq; do row quantize --method $m --type Q2_K_S --pad; done

section "Single weights (zeros are stored: neither bytes nor time is saved)"
for s in "--sparsity 0.5" "--pattern 2:4" "--sparsity 0.3"; do for m in magnitude wanda sparsegpt; do row prune --method $m $s; done; done

section "Whole layers"
for k in 3 2; do for b in loss influence position; do row prune --method layers --keep $k --by $b; done; done

section "Widths and tokens"
row prune --method neurons --keep 512
row prune --method heads --keep 3
row prune --method width --keep 224
row prune --method width --keep 192
row prune --method vocabulary

section "8 bits"
for m in rtn smooth gptq; do row quantize --method $m --type Q8_0 --pad; done

section "Rotation"
for m in rtn gptq; do for r in heads all; do row quantize --method $m --type Q4_0 --pad --rotate $r; done; done

section "A type for each matrix"
row quantize --method gptq --pad --bytes 2400000
row quantize --method gptq --pad --bytes 2000000
row quantize --method gptq --pad --kl 0.05

section "With training"
row quantize --method rtn --type Q3_K_S --pad --heal 100
row prune --method layers --keep 3 --by loss --heal 100
row prune --method wanda --sparsity 0.5 --heal 100
row prune --method wanda --sparsity 0.5 --heal 100 --rounds 4
row prune --method neurons --keep 512 --heal 100
row prune --method neurons --keep 512 --heal 100 --rounds 4
row prune --method width --keep 192 --heal 100
row quantize --method rtn --type Q2_K_S --pad --heal 100

section "Distillation: a student of two of the layers, 100 updates"
row prune --method layers --keep 2 --by spaced
row prune --method layers --keep 2 --by spaced --heal 100
row distill --layers 2 --updates 100 --soft 0.5 --temperature 2
row distill --layers 2 --updates 100 --soft 1 --temperature 1
row distill --layers 2 --updates 100 --soft 1 --temperature 2
row distill --layers 2 --updates 100 --soft 0.5 --temperature 2 --hidden 1
row distill --layers 2 --updates 100 --soft 0.5 --temperature 2 --attention 1
row distill --layers 2 --updates 100 --soft 0.5 --temperature 2 --predictions "$work/predictions" --top 32
row distill --layers 2 --updates 100 --soft 0.5 --temperature 1 --on-policy 0.5
