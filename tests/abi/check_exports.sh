#!/bin/sh
# check_exports.sh FOLDER - every plugin in the folder exports one symbol and
# imports none of zinc's. (Symbols of a sanitizer's runtime do not count.)
set -eu

n=0
status=0
for so in "$1"/*.so; do
	[ -e "$so" ] || continue
	n=$((n + 1))
	exported=$(nm -D --defined-only "$so" | awk '{ print $NF }' |
		grep -v -E '^__(odr_asan|asan|ubsan|lsan|sancov|start|stop)' | tr '\n' ' ')
	if [ "$exported" != "zinc_plugin_v0 " ]; then
		echo "$so exports: $exported"
		status=1
	fi
	imported=$(nm -D --undefined-only "$so" | awk '{ print $NF }' |
		grep -E '^(zinc|plug|graph|gguf|tok|kv|err|log|model)_' | tr '\n' ' ')
	if [ -n "$imported" ]; then
		echo "$so imports: $imported"
		status=1
	fi
done
if [ "$n" -eq 0 ]; then
	echo "no plugin in $1 to look at"
	exit 1
fi
echo "$n plugins looked at"
exit $status
