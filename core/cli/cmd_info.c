/* cmd_info.c - `zinc info`: what a model file holds. */
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cmd.h"
#include "cli/load.h"
#include "cli/meta.h"
#include "cli/models.h"
#include "cli/options.h"
#include "model/dtype.h"
#include "model/gguf.h"
#include "model/model.h"
#include "plugin/plug.h"
#include "run/engine.h"
#include "util/err.h"

enum { TEXT_ELEMENTS = 6, JSON_ELEMENTS = 16, TEXT_WIDTH = 66 };

struct info {
	const struct options *o;
	const struct gguf *gguf;
	const struct model *model; /* NULL: no plugin takes the file */
	const char *refusal;       /* why, then */
	/* memory, from the architecture's declarations */
	uint64_t ctx, weights, kv_token, kv_full, kv_sliding, state;
};

struct total {
	uint64_t tensors, elements, bytes;
};

static uint64_t elements(const struct gguf_tensor *t)
{
	return (uint64_t)t->ne[0] * t->ne[1] * t->ne[2] * t->ne[3];
}

static void add_up(const struct gguf *g, struct total by_dtype[ZINC_DTYPE_MAX], struct total *all)
{
	memset(all, 0, sizeof(*all));
	memset(by_dtype, 0, ZINC_DTYPE_MAX * sizeof(*by_dtype));
	for (uint64_t i = 0; i < gguf_n_tensors(g); i++) {
		const struct gguf_tensor *t = gguf_tensor_at(g, i);
		struct total *both[] = {all, &by_dtype[t->dtype]};

		for (int k = 0; k < 2; k++) {
			both[k]->tensors++;
			both[k]->elements += elements(t);
			both[k]->bytes += t->bytes;
		}
	}
}

static uint64_t kv_token_bytes(const struct zinc_state_decl *s, uint32_t dtype)
{
	return s->n_head_kv *
	       (dtype_row_bytes(dtype, s->k_head_dim) + dtype_row_bytes(dtype, s->v_head_dim));
}

static void plan_memory(struct info *in, uint32_t kv_type)
{
	const struct model *m = in->model;

	in->ctx = in->o->ctx ? in->o->ctx : m->info.n_ctx_train;
	for (uint32_t i = 0; i < m->n_weights; i++)
		in->weights += m->tensors[i] ? m->tensors[i]->bytes : 0;
	for (uint32_t i = 0; i < m->n_states; i++) {
		const struct zinc_state_decl *s = &m->states[i];
		uint64_t per_token = kv_token_bytes(s, kv_type);

		if (s->kind == ZINC_STATE_FIXED) {
			in->state += (uint64_t)s->n_elem * sizeof(float);
		} else if (s->window) {
			in->kv_sliding += per_token * (s->window < in->ctx ? s->window : in->ctx);
		} else {
			in->kv_token += per_token;
			in->kv_full += per_token * in->ctx;
		}
	}
}

static void print_value(const struct gguf_kv *kv)
{
	json_t *j = meta_json(kv, TEXT_ELEMENTS);
	json_t *first = json_object_get(j, "first");
	char *text = json_dumps(first ? first : j,
				JSON_ENCODE_ANY | JSON_COMPACT | JSON_REAL_PRECISION(7));
	int n = text ? (int)strlen(text) : 0;
	int shown = n > TEXT_WIDTH ? TEXT_WIDTH : n;

	while (shown < n && shown > 0 && ((unsigned char)text[shown] & 0xc0) == 0x80)
		shown--;
	printf("%.*s%s", shown, text ? text : "", shown < n ? "..." : "");
	if (kv->type == GGUF_ARRAY)
		printf(" (%" PRIu64 ")", kv->n);
	putchar('\n');
	free(text);
	json_decref(j);
}

static void print_shape(const struct gguf_tensor *t)
{
	char shape[64];
	int n = 0;

	for (uint32_t d = 0; d < t->n_dims; d++)
		n += snprintf(shape + n, sizeof(shape) - (size_t)n, "%s%u", d ? " x " : "",
			      t->ne[d]);
	printf("%-28s", n ? shape : "");
}

static void print_tensors(const struct gguf *g)
{
	struct total by_dtype[ZINC_DTYPE_MAX], all;

	printf("\nTensors (%" PRIu64 "):\n", gguf_n_tensors(g));
	for (uint64_t i = 0; i < gguf_n_tensors(g); i++) {
		const struct gguf_tensor *t = gguf_tensor_at(g, i);

		printf("  %-40s ", t->name);
		print_shape(t);
		printf(" %-7s %14" PRIu64 "\n", dtype_name(t->dtype), t->bytes);
	}
	add_up(g, by_dtype, &all);
	puts("\nTotals:");
	for (uint32_t d = 0; d < ZINC_DTYPE_MAX; d++)
		if (by_dtype[d].tensors)
			printf("  %-7s %6" PRIu64 " tensors %16" PRIu64 " elements %16" PRIu64
			       " bytes\n",
			       dtype_name(d), by_dtype[d].tensors, by_dtype[d].elements,
			       by_dtype[d].bytes);
	printf("  %-7s %6" PRIu64 " tensors %16" PRIu64 " elements %16" PRIu64
	       " bytes, %.2f bits each\n",
	       "all", all.tensors, all.elements, all.bytes,
	       all.elements ? 8.0 * (double)all.bytes / (double)all.elements : 0.0);
}

static void print_model(const struct info *in)
{
	const struct zinc_arch_info *a = &in->model->info;
	const struct plug_entry *p = in->model->arch_plug->entry;

	printf("plugin:       %s %s (%s)\n", p->id, p->version, p->library);
	printf("model:        %s\n", a->summary);
	printf("              %u layers, embedding %u, vocabulary %u, trained for %u tokens\n",
	       a->n_layer, a->n_embd, a->n_vocab, a->n_ctx_train);
	if (a->n_expert)
		printf("              %u experts, %u per token\n", a->n_expert, a->n_expert_used);
	printf("memory:       %14" PRIu64 " bytes of weights\n", in->weights);
	printf("              %14" PRIu64 " KV cache, full attention (%" PRIu64 " a token, %" PRIu64
	       " tokens)\n",
	       in->kv_full, in->kv_token, in->ctx);
	printf("              %14" PRIu64 " KV cache, sliding windows\n", in->kv_sliding);
	printf("              %14" PRIu64 " recurrent state of a sequence\n", in->state);
}

static void print_text(const struct info *in)
{
	const struct gguf *g = in->gguf;

	printf("file:         %s (GGUF %u, %u part%s)\n", gguf_path(g), gguf_version(g),
	       gguf_n_maps(g), gguf_n_maps(g) == 1 ? "" : "s");
	if (in->model)
		print_model(in);
	else
		printf("plugin:       none: %s\n", in->refusal);
	printf("\nMetadata (%" PRIu64 "):\n", gguf_n_kv(g));
	for (uint64_t i = 0; i < gguf_n_kv(g); i++) {
		const struct gguf_kv *kv = gguf_kv_at(g, i);

		printf("  %-44s %-9s ", kv->key_z, meta_type_name(kv));
		print_value(kv);
	}
	print_tensors(g);
}

static json_t *tensors_json(const struct gguf *g)
{
	json_t *list = json_array();

	for (uint64_t i = 0; i < gguf_n_tensors(g); i++) {
		const struct gguf_tensor *t = gguf_tensor_at(g, i);
		json_t *shape = json_array();

		for (uint32_t d = 0; d < t->n_dims; d++)
			json_array_append_new(shape, json_integer(t->ne[d]));
		json_array_append_new(list, json_pack("{s:s, s:o, s:s, s:I}", "name", t->name,
						      "shape", shape, "dtype", dtype_name(t->dtype),
						      "bytes", (json_int_t)t->bytes));
	}
	return list;
}

static json_t *totals_json(const struct gguf *g)
{
	struct total by_dtype[ZINC_DTYPE_MAX], all;
	json_t *totals = json_object();

	add_up(g, by_dtype, &all);
	for (uint32_t d = 0; d < ZINC_DTYPE_MAX; d++)
		if (by_dtype[d].tensors)
			json_object_set_new(totals, dtype_name(d),
					    json_pack("{s:I, s:I, s:I}", "tensors",
						      (json_int_t)by_dtype[d].tensors, "elements",
						      (json_int_t)by_dtype[d].elements, "bytes",
						      (json_int_t)by_dtype[d].bytes));
	return totals;
}

static json_t *model_json(const struct info *in)
{
	const struct zinc_arch_info *a = &in->model->info;
	const struct plug_entry *p = in->model->arch_plug->entry;

	return json_pack("{s:{s:s, s:s, s:s}, s:s, s:i, s:i, s:i, s:i, s:i, s:i,"
			 " s:{s:I, s:I, s:I, s:I, s:I, s:I}}",
			 "plugin", "id", p->id, "version", p->version, "library", p->library,
			 "summary", a->summary, "layers", (int)a->n_layer, "embedding",
			 (int)a->n_embd, "vocabulary", (int)a->n_vocab, "trained_context",
			 (int)a->n_ctx_train, "experts", (int)a->n_expert, "experts_used",
			 (int)a->n_expert_used, "memory", "weights", (json_int_t)in->weights,
			 "context", (json_int_t)in->ctx, "kv_bytes_per_token",
			 (json_int_t)in->kv_token, "kv_full", (json_int_t)in->kv_full, "kv_sliding",
			 (json_int_t)in->kv_sliding, "state", (json_int_t)in->state);
}

static int print_json(const struct info *in, struct zinc_err *err)
{
	json_t *meta = json_object(), *j;

	for (uint64_t i = 0; i < gguf_n_kv(in->gguf); i++) {
		const struct gguf_kv *kv = gguf_kv_at(in->gguf, i);

		json_object_set_new(meta, kv->key_z, meta_json(kv, JSON_ELEMENTS));
	}
	j = json_pack(
		"{s:s, s:i, s:i, s:o, s:o, s:o, s:o}", "file", gguf_path(in->gguf), "gguf_version",
		(int)gguf_version(in->gguf), "parts", (int)gguf_n_maps(in->gguf), "model",
		in->model ? model_json(in) : json_pack("{s:s}", "refused", in->refusal), "metadata",
		meta, "tensors", tensors_json(in->gguf), "totals", totals_json(in->gguf));
	if (!j)
		return err_set(err, ZINC_E_NO_MEMORY, "no memory for the output");
	json_dumpf(j, stdout, JSON_INDENT(1));
	putchar('\n');
	json_decref(j);
	return ZINC_OK;
}

/* A file that no plugin takes is still worth showing. */
static int show(struct session *s, const char *name, struct zinc_err *err)
{
	struct info in = {.o = s->o};
	struct engine_config c;
	struct zinc_err refusal;
	struct gguf *own = NULL;
	int rc = session_open_registry(s, err);

	if (!rc)
		rc = session_engine_config(s, &c, err);
	if (rc)
		return rc;
	if (session_open_model(s, name, &refusal) == ZINC_OK) {
		in.model = s->model;
		in.gguf = s->model->gguf;
		plan_memory(&in, c.kv_type);
	} else if (!s->path) {
		*err = refusal;
		return refusal.code;
	} else {
		in.refusal = refusal.msg;
		rc = gguf_open(s->path, &own, err);
		in.gguf = own;
	}
	if (!rc && s->o->json)
		rc = print_json(&in, err);
	else if (!rc)
		print_text(&in);
	gguf_close(own);
	return rc;
}

int cmd_info(const struct options *o, struct terminal *t)
{
	struct session s = {.o = o, .term = t};
	struct zinc_err err;
	int status = STATUS_OK;

	if (o->n_args > 1)
		return usage_error(o, "one model is enough: unexpected '%s'", o->args[1]);
	if (show(&s, o->n_args ? o->args[0] : NULL, &err))
		status = report(&err);
	session_close(&s);
	return status;
}
