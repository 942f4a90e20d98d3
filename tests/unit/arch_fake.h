/* arch_fake.h - a host for architecture plugins without a core: metadata from a
 * GGUF file, with edits, and a graph that checks what is recorded and writes it
 * down as text. */
#ifndef TESTS_UNIT_ARCH_FAKE_H
#define TESTS_UNIT_ARCH_FAKE_H

#include <stdbool.h>
#include <stdio.h>
#include <zinc/plugin.h>

struct gguf;

enum fake_edit_kind {
	FAKE_REMOVE, /* the key or tensor is not there          */
	FAKE_U32,    /* the key is this number                  */
	FAKE_F32,
	FAKE_STR,
	FAKE_LEN,    /* an array (of what it was) of this length */
	FAKE_LIST,   /* an array of these u32 numbers           */
	FAKE_TENSOR  /* a tensor of that name is there, F32     */
};

struct fake_edit {
	const char *name;
	enum fake_edit_kind kind;
	uint32_t u32;
	float f32;
	const char *str;
	const uint32_t *list; /* LIST: u32 of them */
	uint32_t ne[4];       /* TENSOR            */
};

/* Initialisers of edits. */
#define EDIT_REMOVE(key) {.name = key, .kind = FAKE_REMOVE}
#define EDIT_U32(key, value) {.name = key, .kind = FAKE_U32, .u32 = value}
#define EDIT_F32(key, value) {.name = key, .kind = FAKE_F32, .f32 = value}
#define EDIT_STR(key, text) {.name = key, .kind = FAKE_STR, .str = text}
#define EDIT_LEN(key, n) {.name = key, .kind = FAKE_LEN, .u32 = n}
#define EDIT_LIST(key, values, n) {.name = key, .kind = FAKE_LIST, .list = values, .u32 = n}
#define EDIT_TENSOR(key, a, b, c) {.name = key, .kind = FAKE_TENSOR, .ne = {a, b, c, 1}}

enum { FAKE_MAX_EDITS = 32 };

struct zinc_meta {
	struct gguf *gguf;
	struct fake_edit edits[FAKE_MAX_EDITS];
	uint32_t n_edits;
	/* Keys that begin with `alias.` are looked up as `original.`: the file
	 * poses as another architecture. NULL: none. */
	const char *alias, *original;
	bool complete; /* build() finds every declared tensor */
};

/* One architecture plugin and one model opened with it. */
struct fake {
	void *lib;
	const struct zinc_plugin *plugin;
	struct zinc_meta meta;
	void *model; /* NULL until fake_open() succeeds */
	struct zinc_err err;
};

/* Loads arch_NAME.so from the build tree and opens a GGUF file: by its path, or
 * a fixture (of fixtures/q8_0) by its name. A failure fails the test. */
void fake_start(struct fake *f, const char *plugin, const char *path);
void fake_start_fixture(struct fake *f, const char *plugin, const char *name);
void fake_finish(struct fake *f);
void fake_edit(struct fake *f, struct fake_edit e);
/* The plugin's open(); its status. An earlier model is closed. */
int fake_open(struct fake *f);

/* Records one shape and checks it against the contracts in core/include/zinc.
 * What breaks one is counted and the first such thing named in `problem`. */
struct fake_graph_result {
	uint32_t n_problems;
	char problem[400];
	char *listing; /* the caller frees */
};
struct fake_graph_result fake_build(struct fake *f, const struct zinc_shape *shape);

#endif
