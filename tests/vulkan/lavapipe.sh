#!/bin/sh
# Runs a command on Mesa's software Vulkan device, under the Khronos validation
# layer with synchronisation validation where that is installed; what the layer
# says fails the test.
# usage: lavapipe.sh COMMAND...
set -u
if [ -n "${ZINC_LONG_TEST:-}" ] && [ "${ZINC_TEST_LONG:-}" != 1 ]; then
	echo "SKIP: takes minutes on a software device; ZINC_TEST_LONG=1 runs it"
	exit 77
fi
icd=$(ls /usr/share/vulkan/icd.d/lvp_icd*.json 2>/dev/null | head -1)
if [ -z "$icd" ]; then
	echo "SKIP: no lavapipe (mesa-vulkan-drivers) here"
	exit 77
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export VK_DRIVER_FILES="$icd" VK_ICD_FILENAMES="$icd"
export XDG_CACHE_HOME="$dir"
# The software driver itself leaks.
export ASAN_OPTIONS="detect_leaks=0${ASAN_OPTIONS:+:$ASAN_OPTIONS}"
layer=/usr/share/vulkan/explicit_layer.d/VkLayer_khronos_validation.json
if [ -e "$layer" ]; then
	export VK_INSTANCE_LAYERS=VK_LAYER_KHRONOS_validation
	# By its present name, or the one that old versions know.
	if grep -q validate_sync "$layer"; then
		export VK_LAYER_VALIDATE_SYNC=1
	else
		export VK_LAYER_ENABLES=VK_VALIDATION_FEATURE_ENABLE_SYNCHRONIZATION_VALIDATION_EXT
	fi
fi

"$@" >"$dir/log" 2>&1
status=$?
cat "$dir/log"
if grep -qE 'VUID|UNASSIGNED|SYNC-HAZARD|Validation (Error|Warning)' "$dir/log"; then
	echo "FAIL: the validation layer complains"
	exit 1
fi
exit $status
