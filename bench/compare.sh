#!/usr/bin/env bash
# bench/compare.sh [RUNS] [PEERS]
# Training speed of Cleave and of PyTorch on the same shapes, in turn, RUNS times each (5 unless given), into
# bench/results/<cpu>/training.md. PEERS is a folder with setup.sh and torch_train.py (../shared/peers unless given).
set -euo pipefail
cd "$(dirname "$0")/.."
runs=${1:-5}
peers=${2:-../shared/peers}
[ -f "$peers/torch_train.py" ] || { echo "bench/compare.sh: $peers has no torch_train.py; give the folder of the peers" >&2; exit 2; }
bash "$peers/setup.sh" >/dev/null
# With the reference BLAS that Debian's PyTorch comes with it is ten times slower, which would flatter us.
if ! ldconfig -p | grep libopenblas >/dev/null; then apt-get install -y -qq libopenblas0-pthread >/dev/null; fi
dotnet build -c Release src/Cleave.Cli -v quiet --nologo
cleave=src/Cleave.Cli/bin/Release/net10.0/cleave
threads=$(nproc)
cpu=$(awk -F': ' '/^model name/ {n=$2} /^cpu family/ {f=$2} /^model\t/ {m=$2} END {print n " family " f " model " m}' /proc/cpuinfo)
folder=bench/results/$(echo "$cpu" | tr 'A-Z' 'a-z' | tr -cs 'a-z0-9' '-' | sed 's/-$//')
mkdir -p "$folder"

number() { grep -o "\"$1\": *[0-9.]*" | grep -o '[0-9.]*$'; }
summary() { sort -g | awk '{v[NR]=$1} END {m = NR % 2 ? v[(NR+1)/2] : (v[NR/2]+v[NR/2+1])/2; printf "%s | %s | %s", v[1], m, v[NR]}'; }

shape() { # title vocab dim layers heads ffn batch context
  local title=$1; shift
  local ours=() theirs=() ratios=() flops=() bytes=""
  for ((i = 0; i < runs; i++)); do
    local o t
    o=$("$cleave" bench training --vocab "$1" --dim "$2" --layers "$3" --heads "$4" --ffn "$5" --batch "$6" --context "$7" --threads "$threads" --json)
    t=$(OPENBLAS_NUM_THREADS=$threads /usr/bin/python3 "$peers/torch_train.py" "$1" "$2" "$3" "$4" "$5" "$6" "$7" "$threads")
    ours+=("$(echo "$o" | number tokens_per_s)") && theirs+=("$(echo "$t" | number tokens_per_s)") && flops+=("$(echo "$o" | number gflops)")
    bytes=$(echo "$o" | number allocated_bytes_per_step)
    ratios+=("$(awk -v a="${ours[-1]}" -v b="${theirs[-1]}" 'BEGIN {printf "%.2f", a / b}')")
    echo "$title: ${ours[-1]} against ${theirs[-1]} tokens/s" >&2
  done
  echo "## $title"
  echo
  echo "Vocabulary $1, width $2, $3 layers, $4 heads, feed-forward $5, batches of $6 × $7 tokens."
  echo
  echo "| | least | median | most |"
  echo "|---|---:|---:|---:|"
  echo "| Cleave, tokens/s | $(printf '%s\n' "${ours[@]}" | summary) |"
  echo "| Cleave, GFLOP/s | $(printf '%s\n' "${flops[@]}" | summary) |"
  echo "| PyTorch, tokens/s | $(printf '%s\n' "${theirs[@]}" | summary) |"
  echo "| times faster | $(printf '%s\n' "${ratios[@]}" | summary) |"
  echo
  echo "Cleave allocates $bytes managed bytes a step."
  echo
}

{
  echo "# Training speed on $cpu"
  echo
  echo "\`bench/compare.sh $runs\`: forward, backward, clipping and AdamW in float32, $threads threads, Cleave and PyTorch" \
    "$(/usr/bin/python3 -c 'import torch; print(torch.__version__)') with OpenBLAS in turn, $runs times each. Ratios are of neighbouring runs."
  echo
  shape "5.8 million weights" 4096 256 6 8 688 8 256
  shape "29.5 million weights" 8192 512 8 8 1376 4 256
} > "$folder/training.md.partial"
mv "$folder/training.md.partial" "$folder/training.md"
echo "$folder/training.md"
