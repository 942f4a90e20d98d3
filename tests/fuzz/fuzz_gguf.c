/* fuzz_gguf.c - any bytes as a model file: opening it, reading all it hands out,
 * and building its tokenizer. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/tokenizer.h"
#include "model/gguf.h"
#include "token/tok.h"
#include "unit/tok_host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static volatile uint8_t sink;

static void read_all(const void *p, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		sink = (uint8_t)(sink + ((const uint8_t *)p)[i]);
}

static void touch(const struct gguf *g)
{
	for (uint64_t i = 0; i < gguf_n_kv(g); i++) {
		const struct gguf_kv *kv = gguf_kv_at(g, i);
		uint32_t u;
		int32_t s;
		float f;

		for (uint64_t k = 0; k < kv->n; k++) {
			if (kv->strs)
				read_all(kv->strs[k].ptr, kv->strs[k].n);
			gguf_get_u32(g, kv->key_z, k, &u);
			gguf_get_i32(g, kv->key_z, k, &s);
			gguf_get_f32(g, kv->key_z, k, &f);
			gguf_get_bool(g, kv->key_z, k, &u);
		}
	}
	for (uint64_t i = 0; i < gguf_n_tensors(g); i++) {
		const struct gguf_tensor *t = gguf_tensor_at(g, i);

		read_all(t->data, t->bytes);
		if (gguf_tensor_find(g, t->name) != t)
			abort();
	}
}

static void tokenize(const struct gguf *g)
{
	static const char text[] = "The <s>text </s>\n\n  x\xc3\xa9\xff 12 abab\xe2\x96\x81 hihi";
	struct zinc_tok_spec spec = {.struct_size = sizeof(spec)};
	struct tok_ids ids = {0};
	struct zinc_err err;
	struct tok *t;

	if (arch_tokenizer(&tok_host, (const void *)g, &spec, &err) ||
	    tok_create(g, &spec, &t, &err))
		return;
	for (int special = 0; special < 2; special++)
		if (!tok_encode(t, text, sizeof(text) - 1, special, &ids, &err))
			tok_add_bos_eos(t, &ids);
	free(tok_decode(t, ids.id, ids.n, true, NULL));
	tok_ids_finish(&ids);
	tok_destroy(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	int fd = memfd_create("fuzz", 0);
	struct zinc_err err;
	struct gguf *g;
	char path[40];

	if (fd < 0 || write(fd, data, n) != (ssize_t)n)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (!gguf_open(path, &g, &err)) {
		touch(g);
		tokenize(g);
		gguf_close(g);
	} else if (!memchr(err.msg, 0, sizeof(err.msg)) || !err.msg[0]) {
		abort();
	}
	close(fd);
	return 0;
}
