#!/usr/bin/env bash
# node bench/real/prepare.mjs && bench/distillation.sh [OUT]
# DistilBERT's line on three tasks (Sanh et al. 2019: 97% of the teacher's quality at 60% of its size and 1.6 times its speed): the starter fine-tuned on each is
# the teacher, its students keep some of its layers and neurons and learn from its distributions. Into OUT (bench/results/distillation.md unless given).
set -euo pipefail
cd "$(dirname "$0")/.."
out=${1:-bench/results/distillation.md}
real=bench/real
[ -f $real/data/banking77.test.csv ] || { echo "bench/distillation.sh: $real/data is missing; run 'node bench/real/prepare.mjs' first" >&2; exit 2; }
[ -n "${CLEAVE:-}" ] || { dotnet build -c Release src/Cleave.Cli -v quiet --nologo; CLEAVE=src/Cleave.Cli/bin/Release/net10.0/cleave; }
work=${WORK:-$(mktemp -d)} # what is there already is not trained again
[ -n "${WORK:-}" ] || trap 'rm -rf "$work"' EXIT
mkdir -p "$work"
field() { grep -o "\"$1\":[^,}]*" <<<"$2" | head -1 | cut -d: -f2- | tr -d '"'; }
test_of() { case $1 in banking) echo "$real/data/banking77.test.csv --label category" ;; reviews) echo "$real/data/sst2.test.tsv --text sentence" ;; slots) echo "$real/data/slots.test.jsonl" ;; esac; }
# shellcheck disable=SC2046 # a file and its columns
measured() { "$CLEAVE" eval "$2" --data $(test_of "$1") --json --quiet; }
row() { # task, name, options: teacher and student are timed in turn, twice
  local task=$1 name=$2 teacher=$work/$1-teacher student=$work/$1-$2
  shift 2
  [ -d "$student" ] || "$CLEAVE" distill "$teacher" --project $real --task "$task" --out "$student" --json --quiet "$@" > "$student.json"
  local t1 s1 s2 t2
  t1=$(measured "$task" "$teacher") s1=$(measured "$task" "$student") s2=$(measured "$task" "$student") t2=$(measured "$task" "$teacher")
  awk -v task="$task" -v options="${*//$work\//}" -v t="$(field value "$t1")" -v s="$(field value "$s1")" -v tb="$(field weights_bytes "$("$CLEAVE" inspect "$teacher" --json --quiet)")" \
    -v sb="$(field weights_bytes "$("$CLEAVE" inspect "$student" --json --quiet)")" -v t1="$(field ms_per_item "$t1")" -v t2="$(field ms_per_item "$t2")" \
    -v s1="$(field ms_per_item "$s1")" -v s2="$(field ms_per_item "$s2")" \
    'BEGIN { printf "| %s | `%s` | %.4f | %.4f | %.1f%% | %.2f | %.1f%% | %.3f | %.3f | %.2f |\n", task, options, t, s, 100 * s / t, sb / 1e6, 100 * sb / tb, (t1 + t2) / 2, (s1 + s2) / 2, (t1 + t2) / (s1 + s2) }' | tee -a "$out"
}
cat > "$out" <<END
# Distillation on three tasks

\`bench/distillation.sh\`: the teacher is \`cleave train starter --project bench/real --task TASK\`, a student \`cleave distill TEACHER --project bench/real --task TASK\`
with the options of its row. Quality on the test items (macro F1, accuracy, span F1), megabytes of the weights, milliseconds an item alone, means of two
alternations. DistilBERT's line (Sanh et al. 2019, arXiv:1910.01108) is 97% of the quality, 60% of the size and 1.6 times the speed.

| task | student | teacher | student | of it | MB | of the teacher's | ms teacher | ms student | times as fast |
|---|---|---:|---:|---:|---:|---:|---:|---:|---:|
END
# A student whose layers are narrower too: the starter without the neurons that matter least on these tasks' texts.
[ -d "$work/narrow" ] || {
  cat $real/data/banking77.train.csv $real/data/sst2.train.tsv $real/data/slots.train.jsonl > "$work/texts.txt"
  "$CLEAVE" prune starter --method layers --keep 2 --by position --calibration "$work/texts.txt" --out "$work/two" --quiet
  "$CLEAVE" prune "$work/two" --method neurons --keep 336 --calibration "$work/texts.txt" --out "$work/narrow" --quiet
}
for task in banking reviews slots; do
  [ -d "$work/$task-teacher" ] || "$CLEAVE" train starter --project $real --task $task --out "$work/$task-teacher" --json --quiet > "$work/$task-teacher.json"
  row $task half --layers 2
  row $task quarter --layers 1
  row $task narrow --student "$work/narrow"
done
