#!/usr/bin/env bash
# node bench/real/prepare.mjs && bench/recipes.sh [MINUTES [OUT]]
# What a wider recipe space finds in the same time: the four tasks of bench/real, each searched MINUTES (4) in the default space and in one with other types of
# weights, fewer channels and tokens, smaller n-grams, losses and optimizers, in turn; what was found, certified and drawn, into OUT (bench/results/recipes.md, .svg).
# With WORK=FOLDER what is done stays, and is not done again.
set -euo pipefail
cd "$(dirname "$0")/.."
minutes=${1:-4}
out=${2:-bench/results/recipes.md}
[ -f bench/real/data/banking77.test.csv ] || { echo "bench/recipes.sh: bench/real/data is missing; run 'node bench/real/prepare.mjs' first" >&2; exit 2; }
[ -n "${CLEAVE:-}" ] || { dotnet build -c Release src/Cleave.Cli -v quiet --nologo; CLEAVE=src/Cleave.Cli/bin/Release/net10.0/cleave; }
work=${WORK:-$(mktemp -d)}
[ -n "${WORK:-}" ] || trap 'rm -rf "$work"' EXIT
wide='{weights: [q8, bf16, q4_0, q5_0], rounding: [rtn, gptq], vocabulary: [whole, used], width: {low: 128, high: 256}, layers-by: [influence, loss], label-smoothing: {low: 0, high: 0.2}, optimizer: [adamw, muon], ngram-dim: [16, 32, 64, 96], ngram-hidden: [0, 64, 128, 256]}'
project() { # name, space
  mkdir -p "$work/$1"
  # Trials are limited by time alone.
  sed -e "s#data/#$PWD/bench/real/data/#" -e "s/^name: .*/name: $1/" -e '/^    trials:/d' -e "s/^  trials: .*/  trials: 1000\n  minutes: $minutes${2:+\n  space: $2}/" -e 's/^  sampler: .*/  sampler: auto/' \
    bench/real/cleave.yaml > "$work/$1/cleave.yaml"
}
project narrow ""
project wide "$wide"
for name in narrow wide; do
  [ -d "$work/$name/release" ] || "$CLEAVE" split "$work/$name" --publish-uncertified --resume >&2 || [ $? = 1 ] # 1: a task is not certified
done
node bench/recipes.mjs "$work" "$minutes" "$wide" "$out"
