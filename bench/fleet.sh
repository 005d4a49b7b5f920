#!/usr/bin/env bash
# Shared studies over a PostgreSQL server of its own (Debian's postgresql) with its default durability: operations a second with 32
# workers, the opening of 10,000 trials, and a simulated fleet. Give no arguments; the results are JSON lines.
set -euo pipefail
cd "$(dirname "$0")/.."
programs=$(ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
folder=$(mktemp -d)
run=()
if [ "$(id -u)" -eq 0 ]; then # the server refuses to run as root
  run=(setpriv --reuid=nobody --regid=nogroup --clear-groups)
  chown nobody "$folder"
fi
"${run[@]}" "$programs/initdb" -D "$folder/data" -U cleave --auth=trust -E UTF8 --no-locale >/dev/null
"${run[@]}" "$programs/pg_ctl" -D "$folder/data" -l "$folder/log" -w -o "-k $folder -c listen_addresses= -c max_connections=100" start >/dev/null
trap '"${run[@]}" "$programs/pg_ctl" -D "$folder/data" -m immediate stop >/dev/null; rm -rf "$folder"' EXIT
dotnet build -c Release -v quiet bench/Cleave.Benchmarks >&2
bench() { dotnet run -c Release --no-build --project bench/Cleave.Benchmarks -- fleet "$@"; }
url="postgres://cleave@/postgres?host=$folder"
bench operations "$url" 32
bench open "$url" 10000
bench operations "$folder/journals" 4 && bench open "$folder/journals" 10000
bench simulate
