#!/bin/sh
# Writes the source of zinc(1) for scdoc: what the program says about itself
# (zinc help), in a manual page's order.
# usage: zinc.1.sh ZINC >zinc.1.scd
set -eu
zinc=$1

# Text as scdoc takes it literally.
escape='{ gsub(/[\\*_`<>]/, "\\\\&"); sub(/^[-#|;.+]/, "\\\\&") }'

names() {
	"$zinc" help | sed -n '/^Commands:/,/^$/s/^  \([a-z][a-z]*\)  .*/\1/p'
}

# Name and text of entries ("  NAME   text", wrapped), from standard input.
entries() {
	awk "$escape"'
	/^  [^ ]/ {
		line = substr($0, 3)
		at = match(line, /  +/)
		name = at ? substr(line, 1, at - 1) : line
		if (!at && length(line) > 24 && match(line, / [a-z]/)) name = line
		print "*" name "*"
		if (at) print "\t" substr(line, at + RLENGTH)
		next
	}
	/^   / { sub(/^ +/, ""); if (/^[-#|;.+]/) $0 = "\\" $0; print "\t" $0; next }
	{ print "" }' | awk 'NR > 1 && /^\*/ { print "" } { print }'
}

# Usage line and text of a command, without its options; examples stay as they are.
command_text() {
	"$zinc" help "$1" | awk "$escape"'
	/^[A-Z][a-z ]*:$/ && !/^Examples:$/ { over = 1 }
	over { next }
	/^[Uu]sage: / && !seen { sub(/^[Uu]sage: /, ""); print "*" $0 "*"; seen = 1; next }
	/^  / { if (!block) print "\n```"; block = 1; gsub(/\\/, ""); print; next }
	{ if (block) print "```\n"; block = 0; print "\t" $0 }
	END { if (block) print "```" }' | sed 's/^	$//'
}

# Every option of every command once, under its group.
all_options() {
	for name in $(names); do
		"$zinc" help "$name"
	done | awk '
	/^[A-Z][a-z ]*:$/ { group = $0; if (!(group in known)) { known[group] = 1; order[++n] = group } next }
	/^  -/ { key = $0; sub(/^  (-., )?/, "", key); sub(/ .*/, "", key); take = !(key in seen); seen[key] = 1 }
	!/^  / { take = 0 }
	take { text[group] = text[group] $0 "\n" }
	END { for (i = 1; i <= n; i++) if (text[order[i]] != "") printf "%s\n%s", order[i], text[order[i]] }'
}

version=$("$zinc" --version | sed 's/[^0-9]*//')
cat <<END
zinc(1) "zinc $version"

# NAME

zinc - run language models on this machine

# SYNOPSIS

*zinc* _COMMAND_ [_OPTION_...] [_ARGUMENT_...]

# DESCRIPTION

*zinc* answers prompts with language models from GGUF files. Devices (backends) and model families
(architectures) are plugins; *zinc plugin list* shows which are there and why one is used or not.

# COMMANDS

END
for name in $(names); do
	command_text "$name"
	echo
done
cat <<END
# OPTIONS

*zinc help* _COMMAND_ lists those that a command takes. Values may follow "=" or a blank.

END
all_options | while IFS= read -r line; do
	case $line in
	[A-Z]*:) printf '\n## %s\n\n' "$(echo "${line%:}" | tr a-z A-Z)" ;;
	*) printf '%s\n' "$line" ;;
	esac
done | awk '/^##/ || /^$/ { print "\001" $0; next } { print }' | {
	# Headings pass, entries are set in between.
	block=
	while IFS= read -r line; do
		case $line in
		"$(printf '\001')"*)
			[ -z "$block" ] || printf '%s' "$block" | entries
			block=
			printf '%s\n' "${line#?}"
			;;
		*) block="$block$line
" ;;
		esac
	done
	[ -z "$block" ] || printf '%s' "$block" | entries
}
printf '\n# ENVIRONMENT\n\n'
"$zinc" help environment | sed 1,2d | entries
printf '\n# CONFIGURATION\n\n'
"$zinc" help config | sed '/^Options by section:/,$d' | awk "$escape"'
	/^  / { if (!block) print "```"; block = 1; gsub(/\\/, ""); print; next }
	/^$/ && block { print ""; next }
	{ if (block) print "```\n"; block = 0; print }
	END { if (block) print "```" }'
cat <<'END'

# FILES

_PREFIX/lib/zinc/plugins.d/\*.ini_
	what is installed, one plugin a file; /etc/zinc/plugins.d comes before it

_PREFIX/share/zinc/models_
	the bundled models

# EXIT STATUS

0, 1 when something failed, 2 for wrong usage, 130 when a run was ended with Ctrl-C.

# SEE ALSO

*zinc-plugin-abi*(7)
END
