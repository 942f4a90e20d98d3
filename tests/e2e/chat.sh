#!/bin/sh
# zinc chat with its input from a pipe: turns, commands, blocks of lines, files
# of messages, statuses.
# usage: chat.sh ZINC MODELS FIXTURES
set -u
zinc=$1 models=$2 fixtures=$3
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0
export HOME="$dir/home" ZINC_MODEL_DIR="$models"
unset XDG_STATE_HOME XDG_CONFIG_HOME ZINC_CONFIG
mkdir "$HOME"

fail() {
	echo "FAIL: $*"
	failed=$((failed + 1))
}

meaning() {
	gzip -dc "$models/pocket-pairs.tsv.gz" | sed -n "s/^$1	//p"
}

# chats STATUS MODEL OPTION...: standard input is the conversation; out and err get the rest.
chats() {
	status=$1 model=$2
	shift 2
	"$zinc" chat "$model" --greedy --threads=1 "$@" >"$dir/out" 2>"$dir/err"
	rc=$?
	[ "$rc" -eq "$status" ] || fail "$model: status $rc, not $status: $(cat "$dir/err")"
}

printed() {
	printf '%s\n' "$@" >"$dir/want"
	cmp -s "$dir/want" "$dir/out" || fail "printed: $(cat "$dir/out"); expected: $*"
}

complains() {
	grep -q -- "$1" "$dir/err" || fail "no '$1' in: $(cat "$dir/err")"
}

candle=$(meaning candle) lantern=$(meaning lantern) river=$(meaning river)

# Every turn is answered; /clear forgets the ones before; what comes after /exit is not read.
for model in pocket-qwen pocket-gemma; do
	chats 0 "$model" <<-'END'
	What does candle mean?
	/clear

	What does lantern mean?
	/exit
	What does river mean?
	END
	printed "$candle" "$lantern"
	[ ! -s "$dir/err" ] || fail "$model: on stderr: $(cat "$dir/err")"
done

# The second turn is answered with the first before it: that was read once, unless the chat format
# takes something out of earlier answers.
for model in gemma3 llama; do
	chats 0 "$fixtures/q8_0/$model.Q8_0.gguf" -v --max-tokens=1 <<-END
	Hello there
	More
	/stats
	END
	complains "last answer: [34][0-9] prompt tokens, 20 of them read before"
done
chats 0 pocket-qwen -v <<-END
	What does candle mean?
	What does lantern mean?
	/save $dir/talk.json
	/stats
	END
printed "$candle" "$lantern"
complains "the chat format changed earlier turns"
complains "last answer: .*tokens, 0 of them read before"
[ "$(grep -c '"role": "user"' "$dir/talk.json")" -eq 2 ] || fail "saved: $(cat "$dir/talk.json")"
[ "$(grep -c '"role": "assistant"' "$dir/talk.json")" -eq 2 ] || fail "saved: $(cat "$dir/talk.json")"

# Messages come back from such a file, and the last answer can be had again.
chats 0 pocket-qwen -v <<-END
	/load $dir/talk.json
	/regen
	/save $dir/again.json
	END
printed "$lantern"
complains "(loaded 4 messages)"
cmp -s "$dir/talk.json" "$dir/again.json" || fail "saved again: $(cat "$dir/again.json")"

# Blocks and continued lines are one message, wherever the newlines are.
chats 0 pocket-qwen <<-END
	What does\\
	river mean?
	/save $dir/lines.json
	/clear
	"""
	What does

	/clear mean?
	"""
	/save $dir/block.json
	END
grep -q '"content": "What does\\nriver mean?"' "$dir/lines.json" || fail "lines: $(cat "$dir/lines.json")"
grep -q '"content": "What does\\n\\n/clear mean?"' "$dir/block.json" || fail "block: $(cat "$dir/block.json")"

# Commands that cannot be followed say why, and the conversation goes on.
printf '[{"role": "user"}]' >"$dir/bad.json"
chats 1 pocket-gemma <<-END
	/frobnicate
	/think maybe
	/load
	/load $dir/nothere.json
	/load $dir/bad.json
	/save
	/save $dir/no/such/folder
	/regen
	What does river mean?
	END
printed "$river"
for text in "unknown command /frobnicate (/help" "/think maybe: auto, off or on" "/load needs a file" \
	"nothere.json" "bad.json is not a list of messages" "/save needs a file" \
	"cannot write $dir/no/such/folder" "no answer to replace"; do
	complains "$text"
done
[ "$(wc -l <"$dir/err")" -eq 8 ] || fail "not one line each: $(cat "$dir/err")"

# A system message stays over /clear; on its own it shows.
chats 0 pocket-qwen -v --max-tokens=1 --system="Be brief." <<-END
	/system
	Hello
	/clear
	/save $dir/system.json
	/system Be long.
	/system
	END
complains "^Be brief\\.$"
complains "^Be long\\.$"
[ "$(grep -c role "$dir/system.json")" -eq 1 ] || fail "after /clear: $(cat "$dir/system.json")"
grep -q '"content": "Be brief."' "$dir/system.json" || fail "after /clear: $(cat "$dir/system.json")"

# A message that is not UTF-8 or does not fit is refused, and is not part of the conversation.
{
	printf 'a\377b\n'
	awk 'BEGIN { for (i = 0; i < 5000; i++) printf "word "; print "" }'
	printf 'What does river mean?\n/save %s/kept.json\n' "$dir"
} >"$dir/in"
chats 1 pocket-qwen <"$dir/in"
printed "$river"
complains "offset 1"
complains "do not fit"
[ "$(grep -c '"role"' "$dir/kept.json")" -eq 2 ] || fail "kept: $(cut -c 1-80 "$dir/kept.json")"

# The last line may lack its newline, and no line at all is no error.
printf 'What does river mean?' >"$dir/in"
chats 0 pocket-qwen <"$dir/in"
printed "$river"
chats 0 "$fixtures/q8_0/qwen3.Q8_0.gguf" </dev/null
[ ! -s "$dir/out" ] || fail "output without a message"

# Models that are none.
chats 1 nosuch </dev/null
complains "nosuch"
head -c 100000 "$fixtures/q8_0/qwen3.Q8_0.gguf" >"$dir/cut.gguf"
chats 1 "$dir/cut.gguf" </dev/null
complains "cut.gguf"
chats 2 pocket-qwen another </dev/null
complains "another"

# Nobody's typing is kept when nobody types.
[ -z "$(ls -A "$HOME")" ] || fail "left in the home folder: $(ls -A "$HOME")"

[ "$failed" -eq 0 ] && echo "chat: all as expected"
exit "$failed"
