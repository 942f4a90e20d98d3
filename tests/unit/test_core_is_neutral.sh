#!/bin/sh
# test_core_is_neutral.sh CORE - the core names no vendor, no GPU API and no
# family of models: those belong to backends and architectures. In core/cli,
# texts for the user ("...") may name them as examples.
set -eu

words='nvidia|geforce|\bcuda|cublas|\bnvcc|\bptx\b|\bamd\b|radeon|\brdna|\bradv\b|\brocm|\bhip\b'
words="$words|vulkan|\bvk_?[a-z]|spir-?v|\bglsl|opencl|\bsycl|oneapi|level.zero|directx|d3d12"
words="$words|\bmetal\b|\bintel\b|\barc gpu|\bapple\b|qualcomm|adreno|\bmali\b|\bxpu\b"
words="$words|qwen|gemma|llama|mistral|mixtral|deepseek|\bphi-?[0-9]|falcon|\bgpt-?oss|\bolmo"
words="$words|command-?r\b|\bglm-?[0-9]|\bkimi|granite|nemotron|\bsmollm|starcoder|\byi-[0-9]"

hits=$(find "$1" -name '*.[ch]' ! -path "$1/cli/*" -exec grep -n -i -E "$words" {} + || true)
cli=$(find "$1/cli" -name '*.[ch]' | sort | while read -r f; do
	sed 's/"\(\\.\|[^"\\]\)*"/""/g' "$f" | grep -n -i -E "$words" | sed "s|^|$f:|" || true
done)

if [ -n "$hits$cli" ]; then
	printf '%s\n' "$hits" "$cli" | grep . || true
	echo "core/ must not know these; move them to the plugin that does"
	exit 1
fi
# The words above find something where there is something to find.
if ! printf 'a CUDA graph\nqwen35\nVkResult r;\n' | grep -c -i -E "$words" | grep -q '^3$'; then
	echo "the list of words is broken"
	exit 1
fi
