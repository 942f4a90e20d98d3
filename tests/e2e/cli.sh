#!/bin/sh
# The zinc command as a user meets it: answers in a pipe, statuses, one clear
# line for every kind of bad input.
# usage: cli.sh ZINC MODELS FIXTURES
set -u
zinc=$1 models=$2 fixtures=$3
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0
tiny=$fixtures/q8_0/qwen3.Q8_0.gguf

fail() {
	echo "FAIL: $*"
	failed=$((failed + 1))
}

# refuses STATUS TEXT COMMAND...: exits so, with TEXT in exactly one line on stderr and
# nothing on stdout.
refuses() {
	status=$1 text=$2
	shift 2
	"$@" >"$dir/out" 2>"$dir/err" </dev/null
	rc=$?
	[ "$rc" -eq "$status" ] || fail "status $rc, not $status: $*"
	grep -q -- "$text" "$dir/err" || fail "no '$text' in: $(cat "$dir/err"): $*"
	[ "$(grep -c -- "$text" "$dir/err")" -eq 1 ] || fail "not one line: $*: $(cat "$dir/err")"
	[ ! -s "$dir/out" ] || fail "output on stdout: $*"
}

answers() {
	want=$1
	shift
	got=$("$@" 2>/dev/null </dev/null)
	[ "$got" = "$want" ] || fail "got '$got', expected '$want': $*"
}

lantern=$(gzip -dc "$models/pocket-pairs.tsv.gz" | sed -n 's/^lantern	//p')
for model in pocket-qwen pocket-gemma; do
	answers "$lantern" "$zinc" run "$model" --greedy "What does lantern mean?"
done
answers "$lantern" "$zinc" run "$models/pocket-qwen35moe.Q4_K_M.gguf" --backend=cpu --greedy \
	--numerics=strict --kv-type=f32 "What does lantern mean?"

# Batched and per-token prefill, said through the environment.
for mode in off validate; do
	got=$(ZINC_BATCHED_PREFILL=$mode "$zinc" run pocket-qwen --greedy --max-tokens 12 \
		"What does lantern mean?" 2>"$dir/err" </dev/null) || fail "$mode: $(cat "$dir/err")"
	case $lantern in "$got"*) ;; *) fail "ZINC_BATCHED_PREFILL=$mode gives '$got'" ;; esac
done
ZINC_BATCHED_PREFILL=maybe refuses 1 ZINC_BATCHED_PREFILL "$zinc" run pocket-qwen hello

# Commands and their words.
refuses 2 frobnicate "$zinc" frobnicate
refuses 2 --frob "$zinc" run --frob hello
refuses 2 --ctx "$zinc" run pocket-qwen --ctx=many hello
refuses 1 nosuch "$zinc" run --backend=nosuch pocket-qwen hello

# Prompts.
printf 'a\377b' >"$dir/bad.txt"
"$zinc" run pocket-qwen - <"$dir/bad.txt" >"$dir/out" 2>"$dir/err" && fail "a prompt that is not UTF-8 was taken"
grep -q "offset 1" "$dir/err" || fail "no offset: $(cat "$dir/err")"
refuses 2 empty "$zinc" run pocket-qwen ""
awk 'BEGIN { for (i = 0; i < 200000; i++) printf "word " }' >"$dir/long.txt"
"$zinc" run pocket-qwen - <"$dir/long.txt" >"$dir/out" 2>"$dir/err" && fail "an over-long prompt was taken"
grep -q "do not fit" "$dir/err" || fail "over context: $(cat "$dir/err")"

# Files.
refuses 1 nothere "$zinc" run "$dir/nothere.gguf" hello
head -c 100000 "$tiny" >"$dir/cut.gguf"
refuses 1 cut.gguf "$zinc" info "$dir/cut.gguf"
head -c 3000 /dev/urandom >"$dir/noise.gguf"
refuses 1 noise.gguf "$zinc" run "$dir/noise.gguf" hello
: >"$dir/empty.gguf"
refuses 1 empty.gguf "$zinc" run "$dir/empty.gguf" hello

# Exact sizes of what zinc logits writes: 4 tokens, 384 logits; 3 blocks, width 256.
"$zinc" logits "$tiny" --ids 5,6,7,8 --out "$dir/l" --hidden "$dir/h" 2>"$dir/err" || fail "logits: $(cat "$dir/err")"
[ "$(wc -c <"$dir/l")" -eq $((4 * 384 * 4)) ] || fail "logits: $(wc -c <"$dir/l") bytes"
[ "$(wc -c <"$dir/h")" -eq $((4 * 4 * 256 * 4)) ] || fail "hidden: $(wc -c <"$dir/h") bytes"

# Packing weights changes when the first token comes, not which.
for pack in wait background off; do
	"$zinc" run pocket-qwen --backend=cpu --greedy -n 24 --pack "$pack" "What does lantern mean?" >"$dir/pack.$pack" 2>"$dir/err" ||
		fail "--pack $pack: $(cat "$dir/err")"
	cmp -s "$dir/pack.wait" "$dir/pack.$pack" || fail "--pack $pack gives another answer"
done
[ -s "$dir/pack.wait" ] || fail "--pack wait: no answer"
refuses 2 --pack "$zinc" run pocket-qwen --pack sometimes hello

# Where the time of a prompt went: a product has a share of the roofline.
ZINC_PREFILL_PROFILE=1 "$zinc" run pocket-qwen --backend=cpu --greedy --max-tokens 2 "What does lantern mean?" \
	>"$dir/out" 2>"$dir/err" || fail "profile: $(cat "$dir/err")"
grep -q '% of roof$' "$dir/err" || fail "profile: $(cat "$dir/err")"
awk '$1 == "mmq" && NF == 9 && $9 > 0 { n++ } END { exit !n }' "$dir/err" || fail "no share: $(cat "$dir/err")"

# Rows of a benchmark, and what their shares are of.
"$zinc" bench pocket-qwen --backend=cpu --prefill 24 --mixed 2 --steps 2 --reps 1 >"$dir/out" 2>"$dir/err" ||
	fail "bench: $(cat "$dir/err")"
for row in prefill mixed decode "a plain read of the weights"; do
	grep -q "$row" "$dir/out" || fail "bench has no $row: $(cat "$dir/out")"
done
"$zinc" bench pocket-qwen --backend=cpu --prefill 24 --mixed 2,0 --steps 0 --reps 1 --peak-bandwidth 5 --json >"$dir/out" 2>"$dir/err" ||
	fail "bench --json: $(cat "$dir/err")"
[ "$(grep -c '"kind": "mixed"' "$dir/out")" -eq 1 ] || fail "bench --json: $(cat "$dir/out")"
grep -q '"peak_bytes_are": "option"' "$dir/out" || fail "bench --peak-bandwidth: $(cat "$dir/out")"
refuses 1 --mixed "$zinc" bench pocket-qwen --mixed some

# A full disk is an error.
if [ -w /dev/full ]; then
	"$zinc" run pocket-qwen --greedy hello >/dev/full 2>/dev/null </dev/null && fail "/dev/full was not noticed"
fi

for command in "info $tiny" "plan $tiny" "plugin list" "plugin check" "tokenize $tiny hello" "help" "--version"; do
	# shellcheck disable=SC2086 # words are meant to be split
	"$zinc" $command >"$dir/out" 2>"$dir/err" </dev/null || fail "$command: $(cat "$dir/err")"
	[ -s "$dir/out" ] || fail "$command printed nothing"
done

[ "$failed" -eq 0 ] && echo "cli: all as expected"
exit "$failed"
