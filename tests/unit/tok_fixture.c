/* tok_fixture.c - tokenizers of the fixture files. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#include "common/tokenizer.h"
#include "unit/gguf_bytes.h"
#include "unit/tok_fixture.h"
#include "unit/tok_host.h"

void tok_fixture_open(struct tok_fixture *f, const char *path, const char *pre, uint32_t clear)
{
	struct zinc_err err = {0};

	f->spec = (struct zinc_tok_spec){.struct_size = sizeof(f->spec)};
	tok_host_pre = pre;
	if (gguf_open(path, &f->g, &err) ||
	    arch_tokenizer(&tok_host, (const void *)f->g, &f->spec, &err))
		fail_msg("%s: %s", path, err.msg);
	f->spec.flags &= ~clear;
	if (tok_create(f->g, &f->spec, &f->tok, &err))
		fail_msg("%s: %s", path, err.msg);
}

void tok_fixture_close(struct tok_fixture *f)
{
	tok_destroy(f->tok);
	gguf_close(f->g);
}

const char *tok_fixture_qwen(void)
{
	static char path[400];
	struct bytes packed;
	unsigned long long n;
	void *plain;

	if (path[0])
		return path;
	packed = read_whole(ZINC_FIXTURE_DIR "/tokenizer/qwen-vocab.gguf.zst");
	n = ZSTD_getFrameContentSize(packed.data, packed.n);
	assert_true(n < 64 << 20);
	plain = malloc((size_t)n);
	assert_non_null(plain);
	assert_int_equal(ZSTD_decompress(plain, (size_t)n, packed.data, packed.n), n);
	strcpy(path, temp_file("qwen-vocab.gguf", plain, (size_t)n));
	free(plain);
	bytes_finish(&packed);
	return path;
}
