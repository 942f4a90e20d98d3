#!/bin/bash
# The commands of README.md run, and those of the tour ("$ zinc ...") print what
# stands below them, but for the width of columns; a line "..." there is any number
# of lines. Targets of make are looked at without being run.
# usage: readme.sh ZINC SOURCE MODEL F16-MODEL
set -u
source=$2
model=$3 f16=$4
PATH=$(dirname "$1"):$PATH
failed=0 ran=0
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export HOME="$dir" NO_COLOR=1
unset XDG_CONFIG_HOME XDG_DATA_HOME XDG_STATE_HOME ZINC_CONFIG ZINC_MODEL_DIR ZINC_PLUGIN_PATH
cd "$dir" && ln -s "$model" model.gguf && ln -s "$f16" f16.gguf || exit 1

fail() {
	echo "FAIL: $*"
	failed=$((failed + 1))
}

# Runs the command of the tour read last and compares.
flush() {
	[ -n "$command" ] || return
	got=$(bash -c "$command" 2>"$dir/err" </dev/null) || fail "$command: $(cat "$dir/err")"
	got=$(printf '%s' "$got" | tr -s ' ')
	ran=$((ran + 1))
	# shellcheck disable=SC2254 # a pattern
	case $got in
	$want) ;;
	*) fail "$command: $(diff <(printf '%s\n' "$shown") <(printf '%s\n' "$got"))" ;;
	esac
	command=
}

# Text as a shell pattern for itself.
literal() {
	printf '%s' "$1" | sed 's/[][\\*?]/\\&/g'
}

command= want= shown=
while IFS= read -r line; do
	case $line in
	'    $ '*)
		flush
		command=${line#????? } want='' shown=''
		;;
	'    make '*)
		flush
		line=${line#    }
		(cd "$source" && bash -c "make -n ${line#make }") >"$dir/out" 2>&1 || fail "$line: $(tail -n 3 "$dir/out")"
		ran=$((ran + 1))
		;;
	'    zinc '*)
		flush
		bash -c "${line#    }" >"$dir/out" 2>&1 </dev/null || fail "${line#    }: $(tail -n 3 "$dir/out")"
		ran=$((ran + 1))
		;;
	'    '*)
		[ -n "$command" ] || continue
		text=$(printf '%s' "${line#    }" | tr -s ' ')
		part=$(literal "$text")
		[ "$text" != ... ] || part='*'
		want=$want${want:+$'\n'}$part shown=$shown${shown:+$'\n'}$text
		;;
	*) flush ;;
	esac
done <"$source/README.md"
flush

[ "$ran" -ge 10 ] || fail "only $ran commands were found"
[ "$failed" -eq 0 ] && echo "README: $ran commands ran as it says"
exit "$failed"
