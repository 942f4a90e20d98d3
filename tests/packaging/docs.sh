#!/bin/bash
# Every option that help shows is in the manual page of its command and in the
# completions of each shell, and nothing else is; every command and file format
# has a page. Completion is run in bash, and in fish where that is installed; that
# for zsh is parsed.
# usage: docs.sh ZINC KIT DOCS (KIT may be "none")
set -u
zinc=$1 kit=$2 docs=$3
failed=0

fail() {
	echo "FAIL: $*"
	failed=$((failed + 1))
}

[ -s "$docs/zinc.bash" ] || { echo "skipped: no completions in this build"; exit 77; }

# A manual page as text with plain hyphens.
page() {
	sed -e 's/\\f[BIRP]//g' -e 's/\\-/-/g' -e 's/\\&//g' "$docs/$1"
}

options_in() {
	grep -o -E -- '--[a-z][a-z0-9-]*' | sort -u
}

# complete WORD...: what bash offers for the last word.
complete_words() {
	COMP_WORDS=("$@")
	COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
	COMPREPLY=()
	_zinc 2>/dev/null
	printf '%s\n' "${COMPREPLY[@]}"
}

# shellcheck disable=SC1091 # made by the build
. "$docs/zinc.bash" || fail "zinc.bash does not load"

commands=$("$zinc" help | sed -n '/^Commands:/,/^$/s/^  \([a-z][a-z]*\) .*/\1/p' | grep -v '^help$')
[ "$(echo "$commands" | wc -l)" -ge 9 ] || fail "help lists too few commands: $commands"

scdoc=no
[ -s "$docs/zinc.1" ] && scdoc=yes
for command in $commands; do
	help=$("$zinc" help "$command")
	want=$(printf '%s\n' "$help" | sed -n -e 's/^  \(-., \)\?\(--[a-z][a-z0-9-]*\).*/\2/p' -e '/^usage:/p' | options_in)
	# These two read their own options.
	case $command in
	plugin) want=$(printf '%s\n--backend\n--device\n--json\n' "$want" | sort) ;;
	quantize) want=$(printf '%s\n--help\n' "$want" | sort) ;;
	esac
	[ -n "$want" ] || fail "$command: help shows no option"
	if [ "$scdoc" = yes ]; then
		got=$(page "zinc-$command.1" | sed -n '/^\.SH OPTIONS/,/^\.SH SEE/p' |
			grep -E -o '^(-[a-zA-Z], )?--[a-z][a-z0-9-]*' | options_in)
		[ "$got" = "$want" ] || fail "zinc-$command(1): $(diff <(echo "$want") <(echo "$got"))"
		page zinc.1 | grep -q "zinc-$command(1)" || fail "zinc(1) does not name $command"
	fi
	got=$(complete_words zinc "$command" -- | options_in)
	[ "$got" = "$want" ] || fail "bash, $command: $(diff <(echo "$want") <(echo "$got"))"
	got=$(sed -n "/^\t$command)/,/^\t\t;;/p" "$docs/_zinc" |
		sed -n "s/^\t\t\t'\*\{0,1\}\(--[a-z][a-z0-9-]*\).*/\1/p" | options_in)
	[ "$got" = "$want" ] || fail "zsh, $command: $(diff <(echo "$want") <(echo "$got"))"
	got=$(grep "__fish_seen_subcommand_from $command'" "$docs/zinc.fish" |
		sed -n 's/.* -l \([a-z][a-z0-9-]*\) .*/--\1/p' | options_in)
	[ "$got" = "$want" ] || fail "fish, $command: $(diff <(echo "$want") <(echo "$got"))"
done

# Values and arguments, as typed.
expect() {
	want=$1
	shift
	got=$(complete_words "$@" | sort | tr '\n' ' ')
	[ "$got" = "$want" ] || fail "completing '$*': '$got', not '$want'"
}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir" && touch model.gguf text.txt || exit 1
expect "bench " zinc be
expect "off on " zinc run --think = o
expect "off on " zinc run --think o
expect "--top-k --top-p " zinc chat model.gguf --top
expect "model.gguf " zinc run m
expect "model.gguf " zinc run --greedy --temp 0 -m m
expect "model.gguf text.txt " zinc perplexity model.gguf ""
expect "q4_0 q4_k_m " zinc quantize model.gguf out.gguf q4
expect "check " zinc plugin c
expect "config " zinc help con
expect " " zinc run --system p

command -v zsh >/dev/null && { zsh -n "$docs/_zinc" || fail "zsh cannot read _zinc"; }
if command -v fish >/dev/null; then
	got=$(fish -c "source $docs/zinc.fish; complete -C 'zinc run --think '" | cut -f 1 | sort | tr '\n' ' ')
	[ "$got" = "auto off on " ] || fail "fish completes --think with '$got'"
fi

if [ "$scdoc" = yes ]; then
	for p in zinc.1 zinc.ini.5 zinc-gguf.5 zinc-manifest.5 zinc-plugin-abi.7; do
		[ -s "$docs/$p" ] || fail "no page $p"
	done
	for name in $("$zinc" help environment | sed -n 's/^  \([A-Z_]*\)=.*/\1/p'); do
		page zinc.1 | grep -q "^$name=" || fail "zinc(1) lacks \$$name"
	done
	if [ "$kit" != none ]; then
		want=$("$kit" --help | options_in)
		got=$(page zinc-plugin-test.1 | grep -E '^--[a-z]' | options_in)
		[ "$got" = "$want" ] || fail "zinc-plugin-test(1): $(diff <(echo "$want") <(echo "$got"))"
	fi
fi
[ "$failed" -eq 0 ] && echo "docs: all as expected"
exit "$failed"
