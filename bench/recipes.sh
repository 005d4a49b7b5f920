#!/usr/bin/env bash
# node bench/real/prepare.mjs && bench/recipes.sh [MINUTES [OUT]]
# What a wider recipe space finds in the same time: the three tasks of bench/search, each searched MINUTES (2) in the default space and in one with other types of
# weights, fewer channels and tokens, losses and ways to train, in turn; the fronts of both and what was certified, into OUT (bench/results/recipes.md).
set -euo pipefail
cd "$(dirname "$0")/.."
minutes=${1:-2}
out=${2:-bench/results/recipes.md}
[ -f bench/real/data/banking77.test.csv ] || { echo "bench/recipes.sh: bench/real/data is missing; run 'node bench/real/prepare.mjs' first" >&2; exit 2; }
[ -n "${CLEAVE:-}" ] || { dotnet build -c Release src/Cleave.Cli -v quiet --nologo; CLEAVE=src/Cleave.Cli/bin/Release/net10.0/cleave; }
work=${WORK:-$(mktemp -d)}
[ -n "${WORK:-}" ] || trap 'rm -rf "$work"' EXIT
wide='{weights: [q8, bf16, q4_0, q5_0], rounding: [rtn, gptq], vocabulary: [whole, used], width: {low: 128, high: 256}, layers-by: [influence, loss], label-smoothing: {low: 0, high: 0.2}, optimizer: [adamw, muon]}'
project() { # name, space
  mkdir -p "$work/$1"
  sed -e "s#\.\./real#$PWD/bench/real#" -e "s/^name: .*/name: $1/" -e "s/^  trials: 12/  trials: 400\n  minutes: $minutes${2:+\n  space: $2}/" bench/search/cleave.yaml > "$work/$1/cleave.yaml"
}
project narrow ""
project wide "$wide"
for name in narrow wide; do
  [ -d "$work/$name/release" ] || "$CLEAVE" split "$work/$name" --publish-uncertified >&2 || [ $? = 1 ] # 1: a task is not certified
done
{
  echo "# A wider recipe space in the same time"
  echo
  echo "\`bench/recipes.sh $minutes\`: the three tasks of \`bench/search\`, $minutes minutes of search a task on $(nproc) threads, one seed. Narrow is the default space, wide is"
  echo "\`$wide\`. Quality on the test items with its 95% interval; what validation saw of the front is in each release's report."
  echo
  echo "| task | space | trials | module | monolith | certified | MB | ms an item | recipe |"
  echo "|---|---|---:|---:|---:|---|---:|---:|---|"
  node -e '
    const fs = require("fs"), work = process.argv[1];
    for (const task of ["banking", "reviews", "slots"])
      for (const name of ["narrow", "wide"]) {
        const folder = `${work}/${name}/release`, measured = JSON.parse(fs.readFileSync(`${folder}/measurements.json`)).tasks[task];
        const file = `${folder}/modules/${task}/module.json`;
        if (!fs.existsSync(file)) { console.log(`| ${task} | ${name} | ${Object.keys(measured.trials).length} | | | none | | | |`); continue; }
        const m = JSON.parse(fs.readFileSync(file)), c = m.certificate, q = (x) => `${x.value.toFixed(3)} [${x.low.toFixed(3)}, ${x.high.toFixed(3)}]`;
        const recipe = Object.entries(m.recipe).map(([k, v]) => `${k} ${typeof v === "number" ? +v.toPrecision(3) : v}`).join(", ");
        console.log(`| ${task} | ${name} | ${Object.keys(measured.trials).length} | ${q(c.module)} | ${q(c.monolith)} | ${c.passed ? "yes" : "no"} | ${(m.weights_bytes / 1e6).toFixed(2)} | ${measured.module_ms.toFixed(3)} | ${recipe} |`);
      }' "$work"
} > "$out.partial"
mv "$out.partial" "$out"
echo "$out"
