#!/bin/sh
# Cross-compiles zinc for 64-bit ARM in a root (root.sh arm64 ROOT) and runs what was
# built under qemu: both pocket models with every set of instructions, the CPU
# backend's operations on each of them, whole models.
# usage: arm64.sh ROOT
set -eu
tree=$(cd "$(dirname "$0")/../.." && pwd)
root=$1
. "$tree/tests/packaging/inside.sh"
name=/${work##*/}

copy_tree "$name/tree"
inside sh -c "cd $name && cmake -S tree -B b -G Ninja --toolchain $name/tree/packaging/cmake/aarch64-linux-gnu.cmake \
	-DZINC_CUDA=OFF -DZINC_VULKAN=OFF -DZINC_WERROR=ON && cmake --build b" >"$work/log" 2>&1 ||
	{ tail -n 20 "$work/log"; exit 1; }
status=0
for isa in plain neon dotprod; do
	for model in pocket-qwen pocket-gemma; do
		got=$(inside qemu-aarch64-static "$name/b/bin/zinc" run "$model" --option cpu.isa=$isa --greedy \
			"What does lantern mean?")
		echo "$isa, $model: $got"
		[ "$got" = "lantern (noun): light in a transparent protective case." ] || status=1
	done
done
inside qemu-aarch64-static "$name/b/bin/zinc-plugin-test" --quick --op dmmv,mmq,rmsnorm,glu,flash_attn --option threads=2 \
	"$name/b/lib/aarch64-linux-gnu/zinc/backend_cpu.so" || status=1
inside ctest --test-dir "$name/b" --output-on-failure -j "$(nproc)" --timeout 1800 \
	-R '^test_(op_|linear|quant|cpu_device|fixtures|arch|abi|layout|graph|gguf|plug|sample)|^kit_(arch|null)' || status=1
exit $status
