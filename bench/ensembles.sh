#!/usr/bin/env bash
# bench/ensembles.sh [OUT]
# What varied texts, balanced classes, texts without labels and several models together do to one classifier: the sample's task of intents with the
# starter, macro F1 on its test items, into OUT (bench/results/ensembles.md unless given). The first rows differ by their seeds alone: what other
# rows gain has to be more than they differ by.
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:-bench/results/ensembles.md}
data=samples/support-desk/data
[ -n "${CLEAVE:-}" ] || { dotnet build -c Release src/Cleave.Cli -v quiet --nologo; CLEAVE=src/Cleave.Cli/bin/Release/net10.0/cleave; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# 300 items with labels; the others without.
awk 'NR % 6 == 1' $data/intent.train.jsonl > "$work/few.jsonl"
awk 'NR % 6 != 1' $data/intent.train.jsonl | sed 's/,"label":"[^"]*"}$/}/' > "$work/unlabelled.jsonl"
cat > "$work/synonyms.txt" <<END
order, purchase
parcel, package, delivery
refund, reimbursement, money back
cancel, call off, stop
broken, damaged, defective
late, delayed, overdue
item, product, article
exchange, swap
code, voucher, coupon
return, send back
END

field() { grep -o "\"$1\":[^,}]*" <<<"$2" | head -1 | cut -d: -f2- | tr -d '"'; }
row() { # what the row is called, the training file, then options
  local name=$1 train=$2 json epochs=(--epochs 6)
  shift 2
  case " $* " in *" --epochs "*) epochs=() ;; esac
  rm -rf "$work/last"
  json=$("$CLEAVE" train starter --task classify --train "$train" --test $data/intent.test.jsonl "${epochs[@]}" --out "$work/last" --json --quiet "$@")
  printf '| %s | `%s` | %.3f [%.3f, %.3f] | %.1f | %s | %.0f | %.0f ± %.0f |\n' "$name" "${*//$work\//}" "$(field metric "$json")" "$(field metric_low "$json")" "$(field metric_high "$json")" \
    "$(awk -v b="$(field weights_bytes "$json")" 'BEGIN { print b / 1e6 }')" "$(field ms_per_item "$("$CLEAVE" eval "$work/last" --data $data/intent.test.jsonl --json --quiet)" | awk '{ printf "%.3f", $1 }')" "$(field core_seconds "$json")" "$(field joules "$json")" "$(field joules_uncertainty "$json")" | tee -a "$out"
}
section() { printf '\n## %s\n\n| what | options | macro F1 [95%%] | MB | ms an item | core seconds | J |\n|---|---|---:|---:|---:|---:|---:|\n' "$1" | tee -a "$out"; }

cat > "$out" <<END
# Varied texts, balanced classes, texts without labels, several models

\`bench/ensembles.sh\`: \`cleave train starter --task classify --epochs 6\` on the sample's intents, 1,840 items of very uneven classes (300 where it says
few), macro F1 on the 1,108 test items. Every row trains from the same base. Joules are estimated from processor time unless a row says otherwise;
milliseconds are of a shared machine and say little.
END
all=$data/intent.train.jsonl few=$work/few.jsonl
section "All items"
for seed in 7 8 9; do row "seed $seed" "$all" --seed $seed; done
row "typing errors" "$all" --typos 0.1
row "words left out" "$all" --word-dropout 0.1
row "synonyms" "$all" --synonyms "$work/synonyms.txt" --synonym-share 0.3
row "mixup" "$all" --mixup 0.4
row "balanced loss" "$all" --balance-classes true
row "rare classes more often" "$all" --sampling over
row "frequent classes less often" "$all" --sampling under --epochs 24
row "evenly spread" "$all" --sampling stratified
section "Several models, all items"
row "bagging" "$all" --ensemble bagging --members 4
row "boosting" "$all" --ensemble boosting --members 4
row "stacking" "$all" --ensemble stacking --members 1
row "snapshots" "$all" --ensemble snapshots --members 3 --epochs 12
row "soup" "$all" --ensemble soup --members 4
row "greedy soup" "$all" --ensemble greedy-soup --members 4
section "Few items (300)"
for seed in 7 8 9; do row "seed $seed" "$few" --seed $seed --epochs 18; done
row "typing errors, words left out" "$few" --typos 0.1 --word-dropout 0.1 --epochs 18
row "mixup" "$few" --mixup 0.4 --epochs 18
row "with the others unlabelled" "$few" --unlabelled "$work/unlabelled.jsonl" --epochs 18
row "the same, two agree" "$few" --unlabelled "$work/unlabelled.jsonl" --pseudo-agree --epochs 18
