#!/usr/bin/env bash
# node bench/starter/prepare.mjs && bench/wikitext/prepare.sh [DATA]
# The text of the model that bench/compression.sh compares methods on: WikiText-2's validation part three times over, as it is distributed, and some of the
# starter's text, into bench/wikitext/data (not checked in). WikiText-2's test part becomes data/test.txt and is never trained on.
# DATA is a folder with wikitext-2/{valid,test}.txt, by default ../shared/data beside the checkout.
set -euo pipefail
cd "$(dirname "$0")"
source=${1:-../../../shared/data}/wikitext-2
other=../starter/data
for f in "$source/valid.txt" "$source/test.txt" "$other/train.sgd.txt"; do
  [ -f "$f" ] || { echo "bench/wikitext/prepare.sh: $f is missing" >&2; exit 2; }
done
mkdir -p data
# A document is an article: lines without blank ones between, and one blank line after.
articles() { awk '/^ = [^=]* = *$/ && NR > 2 { print "" } /[^ ]/ { print }' "$1"; }
articles "$source/test.txt" > data/test.txt
# One article in sixteen of the validation part says how training goes.
articles "$source/valid.txt" | awk 'BEGIN { RS = ""; ORS = "\n\n" } NR % 16 == 1' > data/validation.txt
articles "$source/valid.txt" | awk 'BEGIN { RS = ""; ORS = "\n\n" } NR % 16 != 1' > data/train.1.txt
cp data/train.1.txt data/train.2.txt
cp data/train.1.txt data/train.3.txt
for part in sgd:2000000 topical-chat:1500000 shakespeare:900000 wikitext:284290 novels:238251; do
  head -c "${part#*:}" "$other/train.${part%:*}.txt" | iconv -c -f utf-8 -t utf-8
  echo
done > data/train.others.txt
