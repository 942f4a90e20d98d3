#!/bin/sh
# Does the validation layer hear of two writes that nothing orders? If not, its silence
# in the other tests means nothing. Run by lavapipe.sh.
# usage: listens.sh ZINC FIXTURE.gguf FOLDER       FOLDER has the library of faulty_loader.c
set -u
if [ -z "${VK_INSTANCE_LAYERS:-}" ]; then
	echo "SKIP: no validation layer here"
	exit 77
fi
VULKAN_LOADER=$(ls /usr/lib/*/libvulkan.so.1 /usr/lib64/libvulkan.so.1 /usr/lib/libvulkan.so.1 2>/dev/null | head -1)
export VULKAN_LOADER
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
VULKAN_FAULT=twice LD_LIBRARY_PATH="$3${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" \
	"$1" logits "$2" --ids 1 --out "$dir/out" --backend=vulkan --option=vulkan_rdna4.cache=off \
	>"$dir/log" 2>&1 </dev/null
# Not shown: lavapipe.sh takes it for a complaint.
grep -q SYNC-HAZARD-WRITE-AFTER-WRITE "$dir/log" && exit 0
echo "FAIL: the validation layer does not hear of a missing barrier"
cat "$dir/log"
exit 1
