# The short way in: a thin front over the CMake presets (CMakePresets.json).
#
#   make run       set up, build, ask both bundled models a question
#   make test      every test: release, sanitizers, a short fuzz run
#   make           build only
#   make install   into PREFIX (default /usr/local), honours DESTDIR
#   make clean     remove build/

ASK = What does lantern mean?
MODELS = pocket-qwen pocket-gemma
PREFIX = /usr/local

ZINC = build/release/bin/zinc

# The CUDA backend's kernels take minutes to compile: only where there is a GPU.
ifeq ($(shell nvidia-smi -L 2>/dev/null),)
CUDA = -DZINC_CUDA=OFF
CUDA_NOTE = No NVIDIA GPU here: building without the CUDA backend (make CUDA=-DZINC_CUDA=ON builds it)
endif

.PHONY: all run test install clean

all:
	@sh packaging/setup.sh build
	@test -f build/release/build.ninja || { test -z '$(CUDA_NOTE)' || echo '$(CUDA_NOTE)'; \
		cmake --preset release -DBUILD_TESTING=OFF $(CUDA); }
	@cmake --build --preset release

run: all
	@for model in $(MODELS); do \
		printf '\n%s: %s\n' "$$model" '$(ASK)'; \
		$(ZINC) run "$$model" --greedy '$(ASK)' || exit 1; \
	done

test:
	@sh packaging/setup.sh test
	@sh tests/run.sh

install: all
	@cmake --install build/release --prefix '$(PREFIX)'

clean:
	rm -rf build
