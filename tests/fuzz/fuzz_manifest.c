/* fuzz_manifest.c - manifests are read before anything about a plugin is
 * trusted. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "plugin/manifest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct manifest m;
	char why[MANIFEST_WHY];

	/* libFuzzer's copy ends where the input does: reading past it is seen. */
	if (manifest_parse((const char *)data, size, "fuzz.ini", &m, why, sizeof(why)) != 0 &&
	    !why[0])
		abort();
	return 0;
}
