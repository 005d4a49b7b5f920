#!/usr/bin/env bash
# bench/compare.sh [training|inference|all] [RUNS] [PEERS]
# Cleave beside PyTorch (training) and llama.cpp (inference) on the same shapes, in turn, RUNS times each (5 unless
# given), into bench/results/<cpu>/{training,inference}.md. PEERS is a folder with setup.sh, torch_train.py, llama_peer.c
# and make_gguf.py (../shared/peers unless given).
set -euo pipefail
cd "$(dirname "$0")/.."
what=${1:-all}
runs=${2:-5}
peers=${3:-../shared/peers}
case $what in training | inference | all) ;; *) echo "bench/compare.sh: '$what' is not training, inference or all" >&2; exit 2 ;; esac
[ -f "$peers/torch_train.py" ] || { echo "bench/compare.sh: $peers has no torch_train.py; give the folder of the peers" >&2; exit 2; }
installed=$(bash "$peers/setup.sh" | tail -1)
# With the reference BLAS that Debian's PyTorch comes with it is ten times slower, which would flatter us.
if [ "$what" != inference ] && ! ldconfig -p | grep libopenblas >/dev/null; then apt-get install -y -qq libopenblas0-pthread >/dev/null; fi
dotnet build -c Release src/Cleave.Cli -v quiet --nologo
cleave=src/Cleave.Cli/bin/Release/net10.0/cleave
threads=$(nproc)
cpu=$(awk -F': ' '/^model name/ {n=$2} /^cpu family/ {f=$2} /^model\t/ {m=$2} END {print n " family " f " model " m}' /proc/cpuinfo)
folder=bench/results/$(echo "$cpu" | tr 'A-Z' 'a-z' | tr -cs 'a-z0-9' '-' | sed 's/-$//')
mkdir -p "$folder"

number() { grep -o "\"$1\": *[0-9.]*" | grep -o '[0-9.]*$'; }
summary() { sort -g | awk '{v[NR]=$1} END {m = NR % 2 ? v[(NR+1)/2] : (v[NR/2]+v[NR/2+1])/2; printf "%s | %s | %s", v[1], m, v[NR]}'; }

ratio() { awk -v a="$1" -v b="$2" 'BEGIN {printf "%.2f", a / b}'; }

shape() { # title vocab dim layers heads ffn batch context
  local title=$1; shift
  local ours=() theirs=() ratios=() flops=() bytes=""
  for ((i = 0; i < runs; i++)); do
    local o t
    o=$("$cleave" bench training --vocab "$1" --dim "$2" --layers "$3" --heads "$4" --ffn "$5" --batch "$6" --context "$7" --threads "$threads" --json)
    t=$(OPENBLAS_NUM_THREADS=$threads /usr/bin/python3 "$peers/torch_train.py" "$1" "$2" "$3" "$4" "$5" "$6" "$7" "$threads")
    ours+=("$(echo "$o" | number tokens_per_s)") && theirs+=("$(echo "$t" | number tokens_per_s)") && flops+=("$(echo "$o" | number gflops)")
    bytes=$(echo "$o" | number allocated_bytes_per_step)
    ratios+=("$(ratio "${ours[-1]}" "${theirs[-1]}")")
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

# A llama-shaped file of random weights, made once.
gguf() { # name type vocab dim layers heads kv ffn
  local file=$installed/models/$1-$2.gguf
  mkdir -p "$installed/models"
  [ -f "$file" ] || { /usr/bin/python3 "$peers/make_gguf.py" "$file.partial" "$2" "${@:3}" >/dev/null && mv "$file.partial" "$file"; }
  echo "$file"
}

inference() { # name type vocab dim layers heads kv ffn
  local file o t prefill=() decode=() pre_ours=() pre_theirs=() dec_ours=() dec_theirs=() bytes=""
  file=$(gguf "$@")
  for ((i = 0; i < runs; i++)); do
    o=$("$cleave" bench inference "$file" --prompt 512 --generate 128 --threads "$threads" --runs 1 --json)
    t=$("$installed/llama_peer" "$installed/llama-lib" bench "$file" "$threads" 512 128 1 "$3")
    pre_ours+=("$(echo "$o" | number prefill_tokens_per_s)") && pre_theirs+=("$(echo "$t" | number prefill_tokens_per_s)")
    dec_ours+=("$(echo "$o" | number decode_tokens_per_s)") && dec_theirs+=("$(echo "$t" | number decode_tokens_per_s)")
    bytes=$(($(echo "$o" | number weights_bytes) + 576 * $5 * $7 * $4 / $6 * 4)) # and float16 keys and values of 512 to 640 positions
    prefill+=("$(ratio "${pre_ours[-1]}" "${pre_theirs[-1]}")") && decode+=("$(ratio "${dec_ours[-1]}" "${dec_theirs[-1]}")")
    echo "$1 $2: prefill ${pre_ours[-1]} against ${pre_theirs[-1]}, decode ${dec_ours[-1]} against ${dec_theirs[-1]} tokens/s" >&2
  done
  row "$1 $2, prefill 512" pre_ours pre_theirs prefill ""
  row "$1 $2, decode 128" dec_ours dec_theirs decode "$bytes"
}

batched() { # name type vocab dim layers heads kv ffn
  local file o t ratios=() ours=() theirs=()
  file=$(gguf "$@")
  for ((i = 0; i < runs; i++)); do
    o=$("$cleave" bench inference "$file" --prompt 128 --generate 64 --batch 8 --threads "$threads" --runs 1 --json)
    t=$("$installed/llama_peer" "$installed/llama-lib" batch "$file" "$threads" 8 64)
    ours+=("$(echo "$o" | number decode_tokens_per_s)") && theirs+=("$(echo "$t" | number decode_tokens_per_s)")
    ratios+=("$(ratio "${ours[-1]}" "${theirs[-1]}")")
    echo "$1 $2, batch 8: decode ${ours[-1]} against ${theirs[-1]} tokens/s" >&2
  done
  row "$1 $2, decode of 8 sequences" ours theirs ratios ""
}

# Medians, the ratios' range, and for one token at a time what share of the memory limit its weights, keys and values need.
row() { # label ours theirs ratios bytes
  local -n our=$2 their=$3 times=$4
  local middle
  middle=$(printf '%s\n' "${our[@]}" | summary | awk -F' [|] ' '{print $2}')
  echo "| $1 | $middle | $(printf '%s\n' "${their[@]}" | summary | awk -F' [|] ' '{print $2}') |" \
    "$(printf '%s\n' "${times[@]}" | summary | awk -F' [|] ' '{print $2 " | " $1 "–" $3}') |" \
    "$([ -z "$5" ] || awk -v r="$middle" -v b="$5" -v l="$limit" 'BEGIN {printf "%.1f GB/s, %.0f%%", r * b / 1e9, r * b / 1e9 / l * 100}') |"
}

if [ "$what" != training ]; then
  dotnet build -c Release bench/Cleave.Benchmarks -v quiet --nologo
  limit=$(dotnet bench/Cleave.Benchmarks/bin/Release/net10.0/Cleave.Benchmarks.dll limits --runs 5 | awk -F'|' '/memory read/ {print $4 + 0}')
  {
    echo "# Inference speed on $cpu"
    echo
    echo "\`bench/compare.sh inference $runs\`: $threads threads, Cleave and llama.cpp in turn, $runs times each, tokens a second; models of random" \
      "weights. Ratios are of neighbouring runs. Memory read limit in this run: $limit GB/s."
    echo
    echo "| | Cleave | llama.cpp | times faster | range | read for a token |"
    echo "|---|---:|---:|---:|---|---|"
    for type in q8_0 q4_0; do
      inference s15 $type 32000 288 6 6 6 768
      inference s135 $type 49152 576 30 9 3 1536
      inference m1b $type 32000 2048 22 32 4 5632
      batched s135 $type 49152 576 30 9 3 1536
    done
    echo
    echo "s15, s135 and m1b have 15, 135 and 1,100 million weights (vocabulary, width, layers, heads, key-value heads, feed-forward:" \
      "32000 288 6 6 6 768, 49152 576 30 9 3 1536, 32000 2048 22 32 4 5632)."
  } > "$folder/inference.md.partial"
  mv "$folder/inference.md.partial" "$folder/inference.md"
  echo "$folder/inference.md"
fi

[ "$what" = inference ] && exit
{
  echo "# Training speed on $cpu"
  echo
  echo "\`bench/compare.sh training $runs\`: forward, backward, clipping and AdamW in float32, $threads threads, Cleave and PyTorch" \
    "$(/usr/bin/python3 -c 'import torch; print(torch.__version__)') with OpenBLAS in turn, $runs times each. Ratios are of neighbouring runs."
  echo
  shape "5.8 million weights" 4096 256 6 8 688 8 256
  shape "29.5 million weights" 8192 512 8 8 1376 4 256
} > "$folder/training.md.partial"
mv "$folder/training.md.partial" "$folder/training.md"
echo "$folder/training.md"
