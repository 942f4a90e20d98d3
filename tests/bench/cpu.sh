#!/bin/sh
# cpu.sh - measures the CPU backend, alone or beside a peer: pairs of runs, one of
# each in turn, and the medians.
#
# usage: cpu.sh ZINC OUT FILE.gguf...
#   ZINC  the program; OUT  folder for runs.txt (every number) and table.txt
# ZINC_PEER       command that runs a peer's llama-bench, with options if need be
#                 ("llama-bench -dev none"); unset: zinc alone
# ZINC_PEER_DIR   the folder of the files as the peer sees it (default: the files' own)
# PAIRS, THREADS, PREFILL, DEPTH, STEPS: 5, all processors, "512,2048", "0,2048", 64
# ZINC_BENCH      more options for zinc bench (--mixed 4: prompts beside others; the
#                 peer has no such row)
set -eu

zinc=$1
out=$2
shift 2
mkdir -p "$out"
pairs=${PAIRS:-5}
threads=${THREADS:-$(nproc)}
prefill=${PREFILL:-512,2048}
depth=${DEPTH:-0,2048}
steps=${STEPS:-64}
runs=$out/runs.txt
: >"$runs"

# Lines "FILE WHAT zinc RATE"; WHAT is pp512, tg@2048, mixed512 and so on.
run_zinc() {
	# shellcheck disable=SC2086
	"$zinc" bench "$1" --backend=cpu --threads "$threads" --prefill "$prefill" --depth "$depth" \
		--steps "$steps" --reps 1 --mixed 0 --json ${ZINC_BENCH:-} 2>>"$out/log.txt" |
		awk -v file="$(basename "$1")" '
			/"kind"/ { kind = $2 ~ /prefill/ ? "pp" : $2 ~ /mixed/ ? "mixed" : "tg@" }
			/"tokens"/ { tokens = $2 + 0 }
			/"depth"/ { depth = $2 + 0 }
			/"median"/ { print file, kind (kind == "tg@" ? depth : tokens), "zinc", $2 + 0 }'
}

# The same of the peer, from its comma-separated table. Prompts at a depth are
# not wanted.
run_peer() {
	name=$(basename "$1")
	# shellcheck disable=SC2086
	${ZINC_PEER} -m "${ZINC_PEER_DIR:-$(dirname "$1")}/$name" -t "$threads" -p "$prefill" -n "$steps" \
		-d "$depth" -r 1 -o csv 2>>"$out/log.txt" |
		awk -F, -v file="$name" '
			{ gsub(/"/, "") }
			/n_prompt/ { for (i = 1; i <= NF; i++) at[$i] = i; next }
			!("avg_ts" in at) { next }
			$at["n_prompt"] > 0 && $at["n_depth"] == 0 { print file, "pp" $at["n_prompt"], "peer", $at["avg_ts"] }
			$at["n_prompt"] == 0 { print file, "tg@" $at["n_depth"], "peer", $at["avg_ts"] }'
}

i=0
while [ "$i" -lt "$pairs" ]; do
	for file in "$@"; do
		run_zinc "$file" >>"$runs"
		[ -z "${ZINC_PEER:-}" ] || run_peer "$file" >>"$runs"
	done
	i=$((i + 1))
done

# Medians, least and most; and the ratio of the medians.
sort -k1,1 -k2,2 -k3,3 -k4,4g "$runs" | awk '
	function flush() {
		if (!n)
			return
		median = n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
		if (who == "peer")
			peer[row] = sprintf("%.1f (%.1f-%.1f)", median, v[1], v[n])
		else
			ours[row] = sprintf("%.1f (%.1f-%.1f)", median, v[1], v[n])
		m[row, who] = median
		n = 0
	}
	{
		if ($1 " " $2 != row || $3 != who) {
			flush()
			row = $1 " " $2
			who = $3
			if (!(row in seen)) {
				seen[row] = 1
				order[++rows] = row
			}
		}
		v[++n] = $4
	}
	END {
		flush()
		printf "%-32s %-8s %24s %24s %6s\n", "file", "test", "zinc tokens/s", "peer", "ratio"
		for (i = 1; i <= rows; i++) {
			row = order[i]
			split(row, f, " ")
			ratio = m[row, "peer"] ? sprintf("%.2f", m[row, "zinc"] / m[row, "peer"]) : "-"
			printf "%-32s %-8s %24s %24s %6s\n", f[1], f[2], ours[row], peer[row], ratio
		}
	}' | tee "$out/table.txt"
