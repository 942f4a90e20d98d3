#!/bin/sh
# faults.sh TOOL FOLDER MODEL - every faulty plugin of tests/broken fails in its own
# group of tests and in no other (with ZINC_TEST_SHORT, as under sanitizers, only
# the first is tried). Prints a line per plugin that does not.
set -u
tool=$1
folder=$2
model=$3
status=0

# expect NAME GROUP OP [TEXT]: of the ops, only OP is tried; TEXT is said.
expect() {
	# shellcheck disable=SC2086 # none, or two words
	out=$("$tool" --quick ${ZINC_TEST_SHORT:+--group $2} --op "$3" --option threads=2 \
		--model "$model" "$folder/$1.so" 2>&1)
	failed=$(printf '%s\n' "$out" | sed -n 's/^FAIL \([a-z]*\).*/\1/p' | sort -u | tr '\n' ' ')
	if [ "$failed" = "$2 " ]; then
		case $out in
		*"${4-}"*) return ;;
		esac
		echo "$1 fails without the words '$4'"
		printf '%s\n' "$out" | grep -A1 '^FAIL' | head -6
		status=$((status + 1))
	else
		echo "$1 fails in '$failed', not in '$2 '"
		printf '%s\n' "$out" | grep -A1 '^FAIL' | head -6
		status=$((status + 1))
	fi
}

for name in load_name load_variants load_no_layout abi_long_host abi_flags abi_info \
	abi_past_desc life_leak life_dirty life_range life_second decline_crash decline_record \
	decline_allocates async_timeout async_alloc async_empty async_drops oom_crash oom_code \
	threads_busy; do
	expect "$name" "${name%%_*}" softcap
done
expect ops_value ops mul "should be"
expect ops_neighbour ops glu "wrote where it may not"
expect ops_unstable ops sigmoid_gate "other bits: "
expect ops_company ops rmsnorm "one numerics class"
expect ops_class ops delta_net "one numerics class"
expect ops_declines ops softcap "primitive cases that no variant takes"
expect ops_times ops softcap "cmd_times() gives"
expect ops_pack ops dmmv "weight_pack() wrote outside"
expect ops_weight ops dmmv "should be"
expect ops_sibling ops dmmv,mmq "and dmmv "
for name in arch_undeclared arch_twice arch_mute arch_trusts arch_moody; do
	expect "$name" arch none
done
exit $status
