/* choice.c - which way a matrix product of many columns goes. */
#include "choice.h"

#include <stdio.h>
#include <stdlib.h>

#include "device.h"
#include "mmq.h"

/* Where nothing was measured: from here on the tiles of mmq_tile.c would have to unpack
 * every weight several times. Option "library_cols" has another number. With copies of
 * the weights, which are read at memory speed, the library is ahead far sooner. */
enum { LIBRARY_COLS = 512, COPY_COLS = 64 };

static void say(const struct zinc_dev *dev, int level, const char *text)
{
	dev->host->log(dev->host->ctx, level, text);
}

/* dmmv as the core would take it where mmq declines: 8 bits, any number of columns. */
static bool dmmv_takes(struct zinc_dev *dev, const struct zinc_op_linear *op)
{
	for (uint32_t i = 0; i < ada_op_dmmv.n_variants; i++) {
		const struct zinc_variant *v = &ada_op_dmmv.variants[i];

		if (!v->max_cols && v->numerics == ZINC_NUM_Q8)
			return ada_op_dmmv.supports(dev, op, i) == ZINC_OK;
	}
	return false;
}

static bool can_go(struct zinc_dev *dev, const struct zinc_op_linear *op, enum ada_way way)
{
	switch (way) {
	case ADA_WAY_DMMV: return dmmv_takes(dev, op);
	case ADA_WAY_LIBRARY: return ada_mmq_gemm_is_ok(dev, op);
	default: return true;
	}
}

enum ada_way ada_choice_of(struct zinc_dev *dev, const struct zinc_op_linear *op)
{
	const struct zinc_host *host = ada_host(dev);
	const char *cols = host->option(host->ctx, "library_cols");
	const struct ada_choice *near = ada_choice_near(dev->choices, op, op->w.dtype);
	enum ada_way way = ADA_WAY_TILES;

	if (dev->choices && dev->choices->measuring)
		return dev->choices->forced;
	if (near && !cols)
		way = ada_choice_fastest(near);
	else if (op->n.imm >= (cols ? strtoul(cols, NULL, 10) : LIBRARY_COLS))
		way = ADA_WAY_LIBRARY;
	return can_go(dev, op, way) ? way : ADA_WAY_TILES;
}

bool ada_choice_wants_copy(struct zinc_dev *dev, const struct zinc_op_linear *op)
{
	const struct zinc_host *host = ada_host(dev);
	const char *mib = host->option(host->ctx, "dense_mib");
	const struct ada_choice *now, *then;

	if (!ada_weight_is_packed(&op->w) || (mib && !strtoul(mib, NULL, 10)) ||
	    host->option(host->ctx, "library_cols") ||
	    (dev->choices && dev->choices->measuring))
		return false;
	if (!dev->choices)
		return op->n.imm >= COPY_COLS;
	now = ada_choice_near(dev->choices, op, op->w.dtype);
	then = ada_choice_near(dev->choices, op, ADA_F16);
	return now && then && then->ns[ADA_WAY_LIBRARY] &&
	       then->ns[ADA_WAY_LIBRARY] < now->ns[ada_choice_fastest(now)];
}

bool ada_choice_is_measured(struct zinc_dev *dev, const struct zinc_op_linear *op)
{
	return ada_choice_near(dev->choices, op, op->w.dtype) &&
	       !ada_host(dev)->option(ada_host(dev)->ctx, "library_cols");
}

static void make_key(struct zinc_dev *dev, struct ada_choice_key *key)
{
	struct zinc_dev_info info = {.struct_size = sizeof(info)};

	memset(key, 0, sizeof(*key));
	ada_dev_info(dev->self, dev->index, &info);
	memcpy(key->device, info.name, sizeof(key->device));
	memcpy(key->driver, info.driver, sizeof(key->driver));
	snprintf(key->plugin, sizeof(key->plugin), "%s sm_%u", ADA_VERSION, dev->limits.cc);
	ada_choice_find_path(dev->host, key);
}

static void measure(struct zinc_dev *dev, const struct ada_choice_key *key, bool sample)
{
	struct zinc_err err = {0};
	char text[4096 + 200];

	snprintf(text, sizeof(text), "measuring which kernels suit %s, once, for %s; the table "
	         "will be %s", key->device, sample ? "a second" : "some seconds",
	         key->path[0] ? key->path : "kept nowhere");
	say(dev, ZINC_LOG_WARN, text);
	if (ada_choices_measure(dev, dev->choices, sample, &err)) {
		snprintf(text, sizeof(text), "measuring failed: %s", err.msg);
		dev->choices->n = 0;
	} else if (key->path[0] && ada_choices_write(key, dev->choices)) {
		snprintf(text, sizeof(text), "%s cannot be written: this run alone uses what was "
		         "measured", key->path);
	} else {
		return;
	}
	say(dev, ZINC_LOG_WARN, text);
}

static void show(struct zinc_dev *dev)
{
	char text[160];

	for (uint32_t i = 0; i < dev->choices->n; i++) {
		ada_choice_print(&dev->choices->list[i], text, sizeof(text));
		say(dev, ZINC_LOG_INFO, text);
	}
}

/* True if a table was found. */
static bool read_table(struct zinc_dev *dev, const struct ada_choice_key *key)
{
	int rc = key->path[0] ? ada_choices_read(key, dev->choices) : ZINC_E_IO;
	char text[4096 + 100];

	if (rc == ZINC_E_INVALID) {
		snprintf(text, sizeof(text), "%s is damaged and is not used; "
		         "--option cuda_ada.tune=again measures anew", key->path);
		say(dev, ZINC_LOG_WARN, text);
	} else if (!rc) {
		snprintf(text, sizeof(text), "products of many columns as measured in %s",
		         key->path);
		say(dev, ZINC_LOG_INFO, text);
	}
	return !rc;
}

void ada_choices_init(struct zinc_dev *dev)
{
	const struct zinc_host *host = dev->host;
	const char *tune = host->option(host->ctx, "tune");
	bool again = tune && !strcmp(tune, "again"), sample = tune && !strcmp(tune, "sample");
	struct ada_choice_key key;

	if (tune && !strcmp(tune, "off"))
		return;
	dev->choices = host->alloc(host->ctx, sizeof(*dev->choices), _Alignof(struct ada_choices));
	if (!dev->choices)
		return;
	memset(dev->choices, 0, sizeof(*dev->choices));
	make_key(dev, &key);
	if (again || sample ||
	    (!read_table(dev, &key) && tune && !strcmp(tune, "auto")))
		measure(dev, &key, sample);
	if (tune && !strcmp(tune, "show"))
		show(dev);
	if (!dev->choices->n)
		ada_choices_finish(dev);
}

void ada_choices_finish(struct zinc_dev *dev)
{
	dev->host->free(dev->host->ctx, dev->choices);
	dev->choices = NULL;
}
