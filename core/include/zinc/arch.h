/* SPDX-License-Identifier: MIT */
/* arch.h - what an architecture plugin implements.
 *
 * An architecture is a pure function from a model file's metadata and tensor
 * directory to declared weights, constants and states, and to recorded ops. It
 * never sees a device, tensor data or a token, so it can be tested without
 * hardware and cannot be slow per token: the core replays what it records.
 *
 * Order of calls: open, then info, weights, constants, states, tokenizer in any
 * order, then build once for every shape, then close. */
#ifndef ZINC_ARCH_H
#define ZINC_ARCH_H

#include <zinc/chat.h>
#include <zinc/op.h>
#include <zinc/status.h>
#include <zinc/token.h>
#include <zinc/view.h>

#ifdef __cplusplus
extern "C" {
#endif

struct zinc_meta;  /* metadata and tensor directory of a model file */
struct zinc_graph; /* the recording in progress                     */
struct zinc_host;

/* Tables that the core fills for every step; see op_attn.h and op_ssm.h. */
enum zinc_table {
	ZINC_TABLE_TOK_ID = 0,     /* I32 [T] token ids                       */
	ZINC_TABLE_TOK_SEQ = 1,    /* I32 [T]                                 */
	ZINC_TABLE_TOK_POS = 2,    /* I32 [T]                                 */
	ZINC_TABLE_SEQ_FIRST = 3,  /* I32 [S+1]                               */
	ZINC_TABLE_SEQ_KV_LEN = 4, /* I32 [S]                                 */
	ZINC_TABLE_STATE_SLOT = 5, /* I32 [S]                                 */
	ZINC_TABLE_OUT_ROW = 6,    /* I32 [N_OUT]: token index of each row
	                            * whose logits are read                   */
	ZINC_TABLE_BLOCKS = 7,     /* I32 [S, max_blocks]; index: the KV state */
	/* Of the rows whose logits are read, what TOK_SEQ, TOK_POS and SEQ_FIRST
	 * are of the tokens: the last tokens of a sequence, or none of them. */
	ZINC_TABLE_OUT_SEQ = 8,    /* I32 [N_OUT]                             */
	ZINC_TABLE_OUT_POS = 9,    /* I32 [N_OUT]                             */
	ZINC_TABLE_OUT_FIRST = 10, /* I32 [S+1]                               */
	ZINC_TABLE_COUNT = 11
};

/* A tensor of the file. */
struct zinc_tensor_info {
	uint32_t struct_size; /* set by the caller */
	uint32_t dtype;       /* enum zinc_dtype   */
	uint32_t ne[4];
};

/* What the core lets an architecture do. meta_* and tensor are [any]; the rest
 * is [cmd], inside build() only.
 *
 * meta_* return ZINC_OK, or ZINC_E_UNSUPPORTED when the key is absent, or
 * ZINC_E_INVALID when it has another type or is out of range (integers of any
 * width convert if the value fits; f32 also reads f64). Keys are full names. */
struct zinc_arch_host {
	uint32_t struct_size;
	uint32_t abi_minor;

	int (*meta_u32)(const struct zinc_meta *, const char *key, uint32_t *out);
	int (*meta_f32)(const struct zinc_meta *, const char *key, float *out);
	int (*meta_bool)(const struct zinc_meta *, const char *key, uint32_t *out);
	/* The string lives as long as the model and may contain NUL bytes; n may
	 * be NULL. */
	int (*meta_str)(const struct zinc_meta *, const char *key, const char **out, uint64_t *n);
	/* Elements of an array; a scalar counts as an array of one. */
	int (*meta_len)(const struct zinc_meta *, const char *key, uint64_t *n);
	int (*meta_u32_at)(const struct zinc_meta *, const char *key, uint64_t i, uint32_t *out);
	int (*meta_f32_at)(const struct zinc_meta *, const char *key, uint64_t i, float *out);
	/* Is this tensor in the file? ZINC_OK or ZINC_E_UNSUPPORTED. out may be
	 * NULL. */
	int (*tensor)(const struct zinc_meta *, const char *name, struct zinc_tensor_info *out);

	/* An activation [ne3, ne2, ne1, ne0], dense, alive from the op that first
	 * writes it to the last that names it; the core plans its memory. ne1
	 * (or the slowest dimension in use) is sized by the shape's max_tokens or
	 * max_out. On error the view is absent and the error sticks. */
	struct zinc_view (*temp)(struct zinc_graph *, uint32_t dtype, uint32_t ne0, uint32_t ne1,
	                         uint32_t ne2, uint32_t ne3);
	/* A declared weight by its index in weights(); absent (buf NULL) when it
	 * was optional and is not in the file. */
	struct zinc_view (*weight)(struct zinc_graph *, uint32_t index);
	struct zinc_view (*constant)(struct zinc_graph *, uint32_t index);
	/* A declared state by its index in states(): the K cache (part 0) and the
	 * V cache (part 1) of a KV state, or the pool of a FIXED state (part 0). */
	struct zinc_view (*state)(struct zinc_graph *, uint32_t index, uint32_t part);
	/* A batch table. index: for BLOCKS the KV state it is for, else 0. */
	struct zinc_view (*table)(struct zinc_graph *, uint32_t table, uint32_t index);
	/* Records one op. If the backend declines it, the core lowers it to
	 * primitives; the architecture does not branch on the backend. Errors
	 * stick to the graph and surface after build(), so calls need no check. */
	void (*op)(struct zinc_graph *, uint32_t op, const void *desc);
	/* Names the op(s) recorded from here on, for listings and profiles:
	 * layer (-1: none) and a short static label such as "attn" or "ffn". */
	void (*label)(struct zinc_graph *, int32_t layer, const char *what);
	/* The residual stream as it stands now: layer 0 is the input of the first
	 * block, i + 1 the output of block i. Free unless somebody asked. */
	void (*tap)(struct zinc_graph *, uint32_t layer, const struct zinc_view *x);
	/* The result: F32 [n_out, n_vocab]. Exactly once per build. */
	void (*logits)(struct zinc_graph *, const struct zinc_view *x);
	/* Fails the build with one sentence (copied). */
	void (*fail)(struct zinc_graph *, const char *msg);
};

struct zinc_arch_info {
	uint32_t struct_size; /* set by the caller */
	uint32_t n_layer;     /* blocks that run (without e.g. MTP blocks) */
	uint32_t n_embd, n_vocab;
	uint32_t n_ctx_train;
	uint32_t n_expert, n_expert_used; /* 0, 0: dense */
	uint32_t pad0;
	char summary[128]; /* "hybrid: 30 delta net + 10 full attention, 256 experts" */
};

struct zinc_weight_decl {
	const char *name;  /* full name, "blk.3.attn_q.weight"              */
	uint32_t ne[4];    /* as in the file; 0 = any                       */
	uint64_t dtypes;   /* ZINC_TBIT mask, 0 = any weight dtype          */
	uint32_t roles;    /* enum zinc_weight_role (device.h) bits         */
	uint32_t optional; /* 1: may be missing                             */
	int32_t layer;     /* -1: none                                      */
	uint32_t pad0;
};

/* Numbers computed by the architecture (RoPE frequencies and the like). */
struct zinc_const_decl {
	const char *name;
	uint32_t dtype; /* F32 or I32 */
	uint32_t n;     /* elements   */
	const void *data;
};

enum zinc_state_kind {
	ZINC_STATE_KV = 1,   /* grows with the context: paged K and V cache  */
	ZINC_STATE_FIXED = 2 /* constant size per sequence                   */
};

struct zinc_state_decl {
	const char *name; /* "blk.3.kv" */
	uint32_t kind;    /* enum zinc_state_kind */
	int32_t layer;
	/* KV; the dtype is the run's --kv-type. States of one window share pages
	 * and a block table. */
	uint32_t n_head_kv, k_head_dim, v_head_dim;
	uint32_t window; /* keep at least this many tokens; 0: all */
	/* FIXED: F32 elements per sequence */
	uint32_t n_elem;
	uint32_t pad0;
};

/* One recording serves one shape: any step that fits below these maxima. */
struct zinc_shape {
	uint32_t struct_size;
	uint32_t max_tokens; /* T <= max_tokens                        */
	uint32_t max_seqs;   /* S <= max_seqs                          */
	uint32_t max_out;    /* N_OUT <= max_out                       */
};

struct zinc_arch {
	uint32_t struct_size;
	uint32_t flags;                /* 0                             */
	const char *const *gguf_names; /* as in general.architecture; NULL ends */

	/* [any] Reads and checks metadata; no device, no tensor data. The err
	 * names the key or tensor and what is wrong with it. host stays valid
	 * until close(). */
	int (*open)(const struct zinc_arch_host *host, const struct zinc_meta *meta, void **model,
	            struct zinc_err *err);
	void (*close)(void *model); /* NULL ok */
	/* [any] Lists stay valid until close(). */
	int (*info)(void *model, struct zinc_arch_info *out);
	int (*weights)(void *model, const struct zinc_weight_decl **list, uint32_t *n);
	int (*constants)(void *model, const struct zinc_const_decl **list, uint32_t *n);
	int (*states)(void *model, const struct zinc_state_decl **list, uint32_t *n);
	int (*tokenizer)(void *model, struct zinc_tok_spec *out, struct zinc_err *err);
	/* [cmd] Records tokens-to-logits for one shape. Errors go to the graph. */
	void (*build)(void *model, struct zinc_graph *, const struct zinc_shape *);
	/* NULL: no chat format, prompts are sent raw. */
	const struct zinc_chat *chat;
};

#ifdef __cplusplus
}
#endif
#endif /* ZINC_ARCH_H */
