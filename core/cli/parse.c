/* parse.c - option values and the command line. */
#include "cli/options.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "util/err.h"

static int no_memory(struct zinc_err *err)
{
	return err_set(err, ZINC_E_NO_MEMORY, "no memory for the options");
}

static int store_flag(bool *to, const struct opt_def *d, const char *v, struct zinc_err *err)
{
	static const char *const yes[] = {"on", "yes", "true", "1"};
	static const char *const no[] = {"off", "no", "false", "0"};

	if (!v) {
		*to = true;
		return ZINC_OK;
	}
	for (int i = 0; i < 4; i++) {
		if (strcmp(v, yes[i]) && strcmp(v, no[i]))
			continue;
		*to = !strcmp(v, yes[i]);
		return ZINC_OK;
	}
	return err_set(err, ZINC_E_INVALID, "--%s: '%s' is neither on nor off", d->name, v);
}

static int store_whole(void *to, const struct opt_def *d, const char *v, struct zinc_err *err)
{
	unsigned long long limit = d->type == OPT_U64 ? UINT64_MAX
				   : d->max > 0       ? (unsigned long long)d->max
						      : UINT32_MAX;
	unsigned long long least = (unsigned long long)d->min, n;
	char *end;

	errno = 0;
	n = strtoull(v, &end, 10);
	if (v[0] < '0' || v[0] > '9' || *end || errno || n > limit || n < least)
		return err_set(err, ZINC_E_INVALID,
			       "--%s: '%s' is not a whole number from %llu to %llu", d->name, v,
			       least, limit);
	if (d->type == OPT_U64)
		*(uint64_t *)to = n;
	else
		*(uint32_t *)to = (uint32_t)n;
	return ZINC_OK;
}

static int store_float(float *to, const struct opt_def *d, const char *v, struct zinc_err *err)
{
	char *end;
	double n = strtod(v, &end);

	if (end == v || *end || !isfinite(n) || n < d->min || n > d->max)
		return err_set(err, ZINC_E_INVALID, "--%s: '%s' is not a number from %g to %g",
			       d->name, v, d->min, d->max);
	*to = (float)n;
	return ZINC_OK;
}

static int store_choice(uint32_t *to, const struct opt_def *d, const char *v, struct zinc_err *err)
{
	const char *at = d->arg;

	for (uint32_t i = 0; *at; i++) {
		size_t n = strcspn(at, "|");

		if (strlen(v) == n && !memcmp(at, v, n)) {
			*to = i;
			return ZINC_OK;
		}
		at += n + (at[n] == '|');
	}
	return err_set(err, ZINC_E_INVALID, "--%s: '%s' is none of %s", d->name, v, d->arg);
}

static void clear_list(struct str_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i]);
	l->n = 0;
}

static int store_list(struct str_list *l, const char *v, struct zinc_err *err)
{
	char **more = realloc(l->v, (l->n + 1) * sizeof(*more));

	if (!more)
		return no_memory(err);
	l->v = more;
	l->v[l->n] = strdup(v);
	if (!l->v[l->n])
		return no_memory(err);
	l->n++;
	return ZINC_OK;
}

static int store_string(char **to, const char *v, struct zinc_err *err)
{
	char *copy = strdup(v);

	if (!copy)
		return no_memory(err);
	free(*to);
	*to = copy;
	return ZINC_OK;
}

int opt_store(struct options *o, const struct opt_def *d, const char *value, enum opt_source source,
	      struct zinc_err *err)
{
	uint8_t *stored = &o->source[d - opt_table];
	void *to = (char *)o + d->at;

	if (*stored > source)
		return ZINC_OK;
	if (*stored < source && d->type == OPT_LIST)
		clear_list(to);
	*stored = (uint8_t)source;
	if (!value && d->type != OPT_FLAG)
		return err_set(err, ZINC_E_INVALID, "--%s needs a value (%s)", d->name, d->arg);
	switch (d->type) {
	case OPT_FLAG: return store_flag(to, d, value, err);
	case OPT_U32:
	case OPT_U64: return store_whole(to, d, value, err);
	case OPT_F32: return store_float(to, d, value, err);
	case OPT_STR: return store_string(to, value, err);
	case OPT_LIST: return store_list(to, value, err);
	case OPT_CHOICE: return store_choice(to, d, value, err);
	}
	return ZINC_E_INTERNAL;
}

static const struct opt_def *find_letter(enum cmd_id command, char letter)
{
	for (size_t i = 0; i < opt_count; i++)
		if (opt_table[i].commands & 1u << command && opt_table[i].letter == letter)
			return &opt_table[i];
	return NULL;
}

/* One option at argv[*i]; a value in the next word moves *i on. NULL value and
 * type: see opt_store(). *d stays NULL for an unknown one. */
static int parse_option(struct options *o, int argc, char **argv, int *i, const struct opt_def **d,
			struct zinc_err *err)
{
	const char *word = argv[*i], *value = NULL;

	if (word[1] == '-') {
		size_t n = strcspn(word + 2, "=");

		*d = opt_find(o->command, word + 2, n);
		if (word[2 + n] == '=')
			value = word + 2 + n + 1;
	} else {
		*d = find_letter(o->command, word[1]);
		if (*d && word[2] && !(*d)->arg)
			*d = NULL;
		else if (*d && word[2])
			value = word + 2;
	}
	if (!*d)
		return ZINC_OK;
	if (!(*d)->arg && value)
		return err_set(err, ZINC_E_INVALID, "--%s takes no value", (*d)->name);
	if ((*d)->arg && !value && *i + 1 < argc)
		value = argv[++*i];
	return opt_store(o, *d, value, OPT_COMMAND_LINE, err);
}

int options_parse(struct options *o, int argc, char **argv, bool keep_unknown, struct zinc_err *err)
{
	bool options_over = false;

	o->args = calloc((size_t)argc + 1, sizeof(*o->args));
	if (!o->args)
		return no_memory(err);
	for (int i = 0; i < argc; i++) {
		const struct opt_def *d = NULL;
		int rc;

		if (options_over || argv[i][0] != '-' || !argv[i][1]) {
			o->args[o->n_args++] = argv[i];
			continue;
		}
		if (!strcmp(argv[i], "--")) {
			options_over = true;
			continue;
		}
		rc = parse_option(o, argc, argv, &i, &d, err);
		if (rc)
			return rc;
		if (!d && !keep_unknown)
			return err_set(err, ZINC_E_INVALID, "unknown option %s", argv[i]);
		if (!d)
			o->args[o->n_args++] = argv[i];
	}
	return ZINC_OK;
}
