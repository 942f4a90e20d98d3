/* reference.c - a fixture's JSON and reference files. */
#include "e2e/reference.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

static int32_t *read_ids(const json_t *o, const char *key, uint32_t *n)
{
	const json_t *a = json_object_get(o, key);
	int32_t *ids;

	*n = (uint32_t)json_array_size(a);
	if (!*n)
		return NULL;
	ids = calloc(*n, sizeof(*ids));
	assert_non_null(ids);
	for (uint32_t i = 0; i < *n; i++)
		ids[i] = (int32_t)json_integer_value(json_array_get(a, i));
	return ids;
}

/* The path of the file that key names, beside the model; false: no such key. */
static bool file_path(const char *model, const json_t *o, const char *key, char *path, size_t room)
{
	const char *file = json_string_value(json_object_get(o, key));
	const char *slash = strrchr(model, '/');

	if (file)
		snprintf(path, room, "%.*s/%s", (int)(slash - model), model, file);
	return file != NULL;
}

/* A fixture with another's weights may name a file without bringing it. */
static bool has_file(const char *model, const json_t *o, const char *key)
{
	char path[4096];

	return file_path(model, o, key, path, sizeof(path)) && !access(path, R_OK);
}

static float *read_floats(const char *model, const json_t *o, const char *key, size_t n)
{
	char path[4096];
	float *x;
	FILE *f;

	if (!file_path(model, o, key, path, sizeof(path)))
		return NULL;
	f = fopen(path, "rb");
	if (!f)
		fail_msg("no reference file %s", path);
	x = calloc(n, sizeof(*x));
	assert_non_null(x);
	assert_int_equal(fread(x, sizeof(*x), n, f), n);
	assert_int_equal(fgetc(f), EOF);
	fclose(f);
	return x;
}

static uint32_t dim(const json_t *o, const char *key, size_t i)
{
	return (uint32_t)json_integer_value(json_array_get(json_object_get(o, key), i));
}

/* "maxabs 8.49e-01 rms 1.92e-01 ..." */
static double peer_rms(const json_t *o)
{
	const char *text = json_string_value(json_object_get(o, "llamacpp_vs_exact"));
	const char *at = text ? strstr(text, " rms ") : NULL;

	return at ? strtod(at + 5, NULL) : 0;
}

/* NAME.peer.json, where there is one. */
static void read_peer(struct reference *r, const char *model)
{
	const json_t *a;
	char path[4096];
	json_error_t e;
	json_t *o;

	snprintf(path, sizeof(path), "%.*s.peer.json", (int)(strlen(model) - 5), model);
	o = json_load_file(path, 0, &e);
	if (!o)
		return;
	a = json_object_get(o, "rms");
	r->n_peer = (uint32_t)json_array_size(a);
	assert_true(r->n_peer > 0);
	r->peer_by_prompt = calloc(r->n_peer, sizeof(*r->peer_by_prompt));
	assert_non_null(r->peer_by_prompt);
	for (uint32_t i = 0; i < r->n_peer; i++)
		r->peer_by_prompt[i] = json_number_value(json_array_get(a, i));
	json_decref(o);
}

int reference_open(struct reference *r, const char *model)
{
	char path[4096];
	json_error_t e;
	json_t *o;

	memset(r, 0, sizeof(*r));
	snprintf(path, sizeof(path), "%.*s.json", (int)(strlen(model) - 5), model);
	o = json_load_file(path, 0, &e);
	if (!o)
		return 0;
	r->prompt = read_ids(o, "prompt", &r->n_prompt);
	r->long_prompt = read_ids(o, "long_prompt", &r->n_long);
	r->greedy = read_ids(o, "greedy", &r->n_greedy);
	r->n_vocab = dim(o, "logits_shape", 1);
	assert_int_equal(dim(o, "logits_shape", 0), r->n_prompt);
	r->logits = read_floats(model, o, "logits_file", (size_t)r->n_prompt * r->n_vocab);
	if (r->long_prompt && has_file(model, o, "long_file"))
		r->long_logits = read_floats(model, o, "long_file", (size_t)r->n_long * r->n_vocab);
	if (has_file(model, o, "hidden_file")) {
		r->n_layer = dim(o, "hidden_shape", 0) - 1;
		r->n_embd = dim(o, "hidden_shape", 2);
		r->hidden = read_floats(model, o, "hidden_file",
		                        (size_t)(r->n_layer + 1) * r->n_prompt * r->n_embd);
	}
	r->peer_rms = peer_rms(o);
	read_peer(r, model);
	json_decref(o);
	return 1;
}

void reference_close(struct reference *r)
{
	free(r->prompt);
	free(r->long_prompt);
	free(r->greedy);
	free(r->logits);
	free(r->long_logits);
	free(r->hidden);
	free(r->peer_by_prompt);
	memset(r, 0, sizeof(*r));
}
