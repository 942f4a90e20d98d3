/* chat_conv.h - a chat request, read and checked: after loading, a family's
 * renderer meets no wrong type. [any] */
#ifndef ARCH_COMMON_CHAT_CONV_H
#define ARCH_COMMON_CHAT_CONV_H

#include "chat_json.h"

/* One call in an assistant's message. */
struct chat_call {
	struct chat_str name;
	json_t *args;        /* object, or NULL when there were none           */
	struct chat_str raw; /* the arguments as sent, when they came as text  */
	const char *id;      /* or NULL                                        */
};

struct chat_msg {
	const char *role;
	struct chat_str content; /* text; the text parts joined               */
	json_t *parts;           /* the array, when content came in parts     */
	json_t *object;          /* a tool's result that came as an object    */
	bool has_content;        /* not absent, not null                      */
	bool has_reasoning;
	struct chat_str reasoning;
	const struct chat_call *call;
	size_t n_calls;
	const char *name, *call_id; /* or NULL */
};

struct chat_conv {
	struct chat_msg *msg;
	size_t n;
	json_t *tools; /* array; NULL when there are none */
	size_t n_tools;
	uint32_t thinking; /* enum zinc_thinking */
	bool generate;     /* open the assistant's turn at the end */
	bool object_results;
	/* what the above points into */
	json_t *root, *tools_root, *owned;
	struct chat_call *call;
};

/* Fills conv, for chat_conv_finish() in any case. ZINC_E_INVALID names the
 * place in the request and what is wrong there. object_results: a tool's result
 * may be a JSON object, which few formats can write as such. */
int chat_conv_load(struct chat_conv *conv, const struct zinc_chat_request *req,
                   bool object_results, struct zinc_err *err);
void chat_conv_finish(struct chat_conv *conv);

/* The frame of zinc_chat.render: loads the request, lets body write the prompt,
 * delivers it. Nothing is delivered when something is wrong. */
typedef int chat_render_fn(const void *style, const struct chat_conv *, struct chat_text *,
                           struct zinc_err *);
struct chat_job {
	const struct zinc_chat_request *req;
	zinc_chat_piece_fn *fn;
	void *ctx;
	struct zinc_err *err;
	bool object_results; /* see chat_conv_load() */
};
int chat_render(const struct chat_job *job, chat_render_fn *body, const void *style);

/* Just the tools, or NULL in *out; for the caller to json_decref(). */
int chat_tools_load(const struct zinc_chat_request *req, json_t **out, struct zinc_err *err);

static inline bool chat_is(const struct chat_msg *m, const char *role)
{
	return strcmp(m->role, role) == 0;
}

/* Member of a tool's "function" object, or NULL. */
static inline json_t *chat_tool_get(json_t *tool, const char *key)
{
	return json_object_get(json_object_get(tool, "function"), key);
}

#endif
