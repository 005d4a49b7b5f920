#!/usr/bin/env bash
# node bench/real/prepare.mjs && dotnet run -c Release --project src/Cleave.Cli -- split bench/eight && bench/eight.sh [RELEASE [RUNS [PEERS]]]
# Eight tasks under mixed load: a release's modules, its monolith on the same requests, and llama.cpp with the model that the monolith is made of, in turn, RUNS
# times each (5 unless given), into bench/results/<cpu>/eight.md. Eight requests at a time. llama.cpp has no heads and no queue: it is charged with the
# requests' prompt tokens at its best rate of prompts and with their answers' tokens at its rate of eight sequences, and with nothing else.
set -euo pipefail
cd "$(dirname "$0")/.."
release=${1:-bench/eight/release}
runs=${2:-5}
peers=${3:-../shared/peers}
[ -f "$release/release.json" ] || { echo "bench/eight.sh: no release at $release; run 'cleave split bench/eight' first" >&2; exit 2; }
[ -n "${CLEAVE:-}" ] || { dotnet build -c Release src/Cleave.Cli -v quiet --nologo; CLEAVE=src/Cleave.Cli/bin/Release/net10.0/cleave; }
installed=$(bash "$peers/setup.sh" | tail -1)
cpu=$(awk -F': ' '/^model name/ {n=$2} /^cpu family/ {f=$2} /^model\t/ {m=$2} END {print n " family " f " model " m}' /proc/cpuinfo)
out=bench/results/$(echo "$cpu" | tr 'A-Z' 'a-z' | tr -cs 'a-z0-9' '-' | sed 's/-$//')/eight.md
mkdir -p "$(dirname "$out")"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
node bench/eight/texts.mjs 100 > "$work/texts.txt"
"$CLEAVE" convert starter "$work/f16.gguf" --type F16 --no-check --quiet
"$CLEAVE" convert starter "$work/q8.gguf" --type Q8_0 --no-check --quiet
number() { grep -o "\"$1\": *[0-9.]*" | tail -1 | grep -o '[0-9.]*$'; }
summary() { sort -g | awk '{v[NR]=$1} END {printf "%s (%s to %s)", NR % 2 ? v[(NR+1)/2] : (v[NR/2]+v[NR/2+1])/2, v[1], v[NR]}'; }
mixed() { "$CLEAVE" bench serving "$release" --text "$work/texts.txt" --requests 6000 --concurrency 8 --generate 48 --json --quiet "$@"; }
llama() { # file: requests a second, of what the monolith read and wrote
  local prompts answers
  prompts=$("$installed/llama_peer" "$installed/llama-lib" bench "$1" "$(nproc)" 192 8 3 4096 | number prefill_tokens_per_s)
  answers=$("$installed/llama_peer" "$installed/llama-lib" batch "$1" "$(nproc)" 8 48 | number decode_tokens_per_s)
  # Tokens a request: what all modules read; what those wrote that write, and nothing for a label.
  node -e '
    const [whole, prompts, answers] = [JSON.parse(process.argv[1]), Number(process.argv[2]), Number(process.argv[3])];
    const all = whole.modules.at(-1), writers = whole.modules.filter((m) => m.module !== "all" && m.completion_tokens_per_s > 1.5 * m.requests_per_s);
    const read = all.prompt_tokens_per_s / all.requests_per_s, written = writers.reduce((sum, m) => sum + m.completion_tokens_per_s, 0) / all.requests_per_s;
    console.log((1 / (read / prompts + written / answers)).toFixed(1));' "$whole" "$prompts" "$answers"
}
split=() monolith=() f16=() q8=() overMonolith=() overF16=() overQ8=()
for ((i = 0; i < runs; i++)); do
  modules=$(mixed)
  whole=$(mixed --monolith)
  split+=("$(number requests_per_s <<<"$modules")") monolith+=("$(number requests_per_s <<<"$whole")") f16+=("$(llama "$work/f16.gguf")") q8+=("$(llama "$work/q8.gguf")")
  ratio() { awk -v a="${split[-1]}" -v b="$1" 'BEGIN {printf "%.2f", a / b}'; }
  overMonolith+=("$(ratio "${monolith[-1]}")") overF16+=("$(ratio "${f16[-1]}")") overQ8+=("$(ratio "${q8[-1]}")")
  echo "${split[-1]} requests a second, the monolith ${monolith[-1]}, llama.cpp ${f16[-1]} and ${q8[-1]}" >&2
done
{
  echo "# Eight tasks under mixed load on $cpu"
  echo
  echo "\`bench/eight.sh\` on the release of \`bench/eight\` (manifest $(grep -o '"hash": *"[0-9a-f]*' "$release/release.json" | head -1 | grep -o '[0-9a-f]\{16\}' | head -1)): $(nproc) threads," \
    "6,000 requests of test items of eight tasks in turn (so many that compiling is over), eight at a time, answers of at most 48 tokens; $runs rounds in turn, medians and ranges, ratios of neighbouring runs."
  echo
  echo "| | requests a second | the modules answer so many times as many |"
  echo "|---|---:|---:|"
  echo "| modules | $(printf '%s\n' "${split[@]}" | summary) | |"
  echo "| the monolith | $(printf '%s\n' "${monolith[@]}" | summary) | $(printf '%s\n' "${overMonolith[@]}" | summary) |"
  echo "| llama.cpp, float16, prompts and answers only | $(printf '%s\n' "${f16[@]}" | summary) | $(printf '%s\n' "${overF16[@]}" | summary) |"
  echo "| llama.cpp, Q8_0, prompts and answers only | $(printf '%s\n' "${q8[@]}" | summary) | $(printf '%s\n' "${overQ8[@]}" | summary) |"
  echo
  echo "The last round, by module:"
  echo
  echo "| | modules: requests a second | p50 ms | p95 ms | mJ | monolith: p50 ms | p95 ms | mJ |"
  echo "|---|---:|---:|---:|---:|---:|---:|---:|"
  node -e '
    const [a, b] = process.argv.slice(1).map((s) => JSON.parse(s).modules);
    for (const m of a) {
      const o = b.find((x) => x.module === m.module);
      const part = (x) => `${x.latency_ms.p50.toFixed(2)} | ${x.latency_ms.p95.toFixed(2)} | ${(1000 * x.joules_per_request).toFixed(1)}`;
      console.log(`| ${m.module} | ${m.requests_per_s.toFixed(0)} | ${part(m)} | ${part(o)} |`);
    }' "$modules" "$whole"
} > "$out.partial"
mv "$out.partial" "$out"
echo "$out"
