/* gguf.c - reading a GGUF file; see gguf.h. Damaged files end in an error. */
#include "gguf.h"

#include <stdlib.h>
#include <string.h>

#include "numbers.h"

enum { T_F32 = 6, T_BOOL = 7, T_STRING = 8, T_ARRAY = 9, T_F64 = 12, N_TYPES = 13 };

static const uint8_t type_bytes[N_TYPES] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};

struct cursor {
	const uint8_t *at, *end;
	bool bad;
};

static const uint8_t *take(struct cursor *c, uint64_t n)
{
	const uint8_t *p = c->at;

	if (c->bad || n > (uint64_t)(c->end - c->at)) {
		c->bad = true;
		return NULL;
	}
	c->at += n;
	return p;
}

static uint64_t number(struct cursor *c, uint32_t bytes)
{
	const uint8_t *p = take(c, bytes);
	uint64_t v = 0;

	if (p)
		memcpy(&v, p, bytes);
	return v;
}

static char *string(struct cursor *c)
{
	uint64_t n = number(c, 8);
	const uint8_t *p = take(c, n);
	char *s;

	if (!p)
		return NULL;
	s = must_calloc(n + 1, 1);
	memcpy(s, p, n);
	return s;
}

static void read_value(struct cursor *c, struct gguf_value *v)
{
	uint32_t type;

	v->key = string(c);
	v->type = type = (uint32_t)number(c, 4);
	v->n = 1;
	if (type == T_ARRAY) {
		v->elem = type = (uint32_t)number(c, 4);
		v->n = number(c, 8);
	}
	v->data = c->at;
	if (type >= N_TYPES || type == T_ARRAY || v->n > (uint64_t)(c->end - c->at))
		c->bad = true;
	else if (type == T_STRING)
		for (uint64_t i = 0; i < v->n && !c->bad; i++)
			take(c, number(c, 8));
	else
		take(c, v->n * type_bytes[type]);
}

static uint32_t dtype_of(uint32_t gguf_type)
{
	static const struct {
		uint32_t gguf, dtype;
	} map[] = {{0, ZINC_F32}, {1, ZINC_F16}, {2, ZINC_Q4_0}, {3, ZINC_Q4_1}, {6, ZINC_Q5_0},
	           {7, ZINC_Q5_1}, {8, ZINC_Q8_0}, {10, ZINC_Q2_K}, {11, ZINC_Q3_K},
	           {12, ZINC_Q4_K}, {13, ZINC_Q5_K}, {14, ZINC_Q6_K}, {20, ZINC_IQ4_NL},
	           {23, ZINC_IQ4_XS}, {26, ZINC_I32}, {30, ZINC_BF16}, {39, ZINC_MXFP4}};

	for (size_t i = 0; i < sizeof(map) / sizeof(map[0]); i++)
		if (map[i].gguf == gguf_type)
			return map[i].dtype;
	return ZINC_DTYPE_MAX;
}

static void read_tensor(struct cursor *c, struct gguf_tensor *t)
{
	uint32_t n_dims;

	t->name = string(c);
	n_dims = (uint32_t)number(c, 4);
	c->bad = c->bad || n_dims > 4;
	for (uint32_t i = 0; i < 4; i++)
		t->ne[i] = i < n_dims ? (uint32_t)number(c, 8) : 1;
	t->dtype = dtype_of((uint32_t)number(c, 4));
	number(c, 8);
}

static bool load(const char *path, struct gguf *g)
{
	FILE *in = fopen(path, "rb");
	long n = -1;

	if (in && fseek(in, 0, SEEK_END) == 0)
		n = ftell(in);
	if (n > 0 && fseek(in, 0, SEEK_SET) == 0) {
		g->bytes = must_calloc((size_t)n, 1);
		g->n_bytes = fread(g->bytes, 1, (size_t)n, in);
	}
	if (in)
		fclose(in);
	return g->n_bytes > 24;
}

static bool parse(struct gguf *g)
{
	struct cursor c = {g->bytes, g->bytes + g->n_bytes, false};
	uint64_t n_tensors, n_values;

	if (number(&c, 4) != 0x46554747 || number(&c, 4) < 2)
		return false;
	n_tensors = number(&c, 8);
	n_values = number(&c, 8);
	if (n_tensors > g->n_bytes / 24 || n_values > g->n_bytes / 12)
		return false;
	g->values = must_calloc(n_values + 1, sizeof(*g->values));
	g->tensors = must_calloc(n_tensors + 1, sizeof(*g->tensors));
	while (g->n_values < n_values && !c.bad)
		read_value(&c, &g->values[g->n_values++]);
	while (g->n_tensors < n_tensors && !c.bad)
		read_tensor(&c, &g->tensors[g->n_tensors++]);
	return !c.bad;
}

struct gguf *gguf_read(const char *path, char *msg, size_t room)
{
	struct gguf *g = must_calloc(1, sizeof(*g));

	if (load(path, g) && parse(g))
		return g;
	snprintf(msg, room, "%s is not readable as a GGUF file", path);
	gguf_free(g);
	return NULL;
}

void gguf_free(struct gguf *g)
{
	for (uint32_t i = 0; g && i < g->n_values; i++)
		free(g->values[i].key);
	for (uint32_t i = 0; g && i < g->n_tensors; i++)
		free(g->tensors[i].name);
	if (g) {
		free(g->values);
		free(g->tensors);
		free(g->bytes);
	}
	free(g);
}

static const struct gguf_value *find(const struct zinc_meta *m, const char *key)
{
	for (uint32_t i = 0; i < m->gguf->n_values; i++)
		if (!strcmp(m->gguf->values[i].key, key))
			return &m->gguf->values[i];
	return NULL;
}

static const struct fake_edit *edit_of(const struct zinc_meta *m, const char *name)
{
	for (uint32_t i = m->n_edits; i-- > 0;)
		if (!strcmp(m->edits[i].name, name))
			return &m->edits[i];
	return NULL;
}

/* Element i as a signed number; false: it is none. */
static bool integer_at(const struct gguf_value *v, uint64_t i, int64_t *out)
{
	uint32_t type = v->type == T_ARRAY ? v->elem : v->type, bytes = type_bytes[type];
	bool is_signed = type == 1 || type == 3 || type == 5 || type == 11;
	uint64_t u = 0;

	if (type == T_F32 || type == T_F64 || type == T_STRING || i >= v->n)
		return false;
	memcpy(&u, v->data + i * bytes, bytes);
	if (is_signed && bytes < 8 && u >> (8 * bytes - 1))
		u |= UINT64_MAX << 8 * bytes;
	*out = (int64_t)u;
	return is_signed || *out >= 0;
}

static int u32_at(const struct zinc_meta *m, const char *key, uint64_t i, uint32_t *out)
{
	const struct fake_edit *e = edit_of(m, key);
	const struct gguf_value *v = find(m, key);
	int64_t n;

	if ((e && e->kind == FAKE_REMOVE) || (!e && !v))
		return ZINC_E_UNSUPPORTED;
	if (e && e->kind == FAKE_U32 && i == 0) {
		*out = e->u32;
		return ZINC_OK;
	}
	if ((e && e->kind != FAKE_LEN) || !v || !integer_at(v, i, &n) || n < 0 || n > UINT32_MAX)
		return ZINC_E_INVALID;
	*out = (uint32_t)n;
	return ZINC_OK;
}

static int f32_at(const struct zinc_meta *m, const char *key, uint64_t i, float *out)
{
	const struct fake_edit *e = edit_of(m, key);
	const struct gguf_value *v = find(m, key);
	uint32_t type = v ? v->type == T_ARRAY ? v->elem : v->type : 0;
	double d;

	if ((e && e->kind == FAKE_REMOVE) || (!e && !v))
		return ZINC_E_UNSUPPORTED;
	if (e && e->kind == FAKE_F32 && i == 0) {
		*out = e->f32;
		return ZINC_OK;
	}
	if ((e && e->kind != FAKE_LEN) || !v || i >= v->n || (type != T_F32 && type != T_F64))
		return ZINC_E_INVALID;
	if (type == T_F32) {
		memcpy(out, v->data + 4 * i, 4);
	} else {
		memcpy(&d, v->data + 8 * i, 8);
		*out = (float)d;
	}
	return ZINC_OK;
}

static int u32(const struct zinc_meta *m, const char *key, uint32_t *out)
{
	return u32_at(m, key, 0, out);
}

static int f32(const struct zinc_meta *m, const char *key, float *out)
{
	return f32_at(m, key, 0, out);
}

static int boolean(const struct zinc_meta *m, const char *key, uint32_t *out)
{
	int rc = u32_at(m, key, 0, out);

	return rc == ZINC_OK && *out > 1 ? ZINC_E_INVALID : rc;
}

static int text(const struct zinc_meta *m, const char *key, const char **out, uint64_t *n)
{
	const struct fake_edit *e = edit_of(m, key);
	const struct gguf_value *v = find(m, key);
	uint64_t bytes;

	if ((e && e->kind == FAKE_REMOVE) || (!e && !v))
		return ZINC_E_UNSUPPORTED;
	if (e ? e->kind != FAKE_STR : v->type != T_STRING)
		return ZINC_E_INVALID;
	if (e) {
		*out = e->str;
		bytes = strlen(e->str);
	} else {
		memcpy(&bytes, v->data, 8);
		*out = (const char *)v->data + 8;
	}
	if (n)
		*n = bytes;
	return ZINC_OK;
}

static int length(const struct zinc_meta *m, const char *key, uint64_t *n)
{
	const struct fake_edit *e = edit_of(m, key);
	const struct gguf_value *v = find(m, key);

	if ((e && e->kind == FAKE_REMOVE) || (!e && !v))
		return ZINC_E_UNSUPPORTED;
	*n = e ? e->kind == FAKE_LEN ? e->u32 : 1 : v->n;
	return ZINC_OK;
}

static int tensor(const struct zinc_meta *m, const char *name, struct zinc_tensor_info *out)
{
	const struct fake_edit *e = edit_of(m, name);

	if (e && e->kind == FAKE_REMOVE)
		return ZINC_E_UNSUPPORTED;
	for (uint32_t i = 0; i < m->gguf->n_tensors; i++) {
		const struct gguf_tensor *t = &m->gguf->tensors[i];

		if (strcmp(t->name, name))
			continue;
		if (out) {
			out->dtype = t->dtype;
			memcpy(out->ne, e ? e->ne : t->ne, sizeof(out->ne));
		}
		return ZINC_OK;
	}
	return ZINC_E_UNSUPPORTED;
}

void gguf_lend(struct zinc_arch_host *host)
{
	host->meta_u32 = u32;
	host->meta_f32 = f32;
	host->meta_bool = boolean;
	host->meta_str = text;
	host->meta_len = length;
	host->meta_u32_at = u32_at;
	host->meta_f32_at = f32_at;
	host->tensor = tensor;
}
