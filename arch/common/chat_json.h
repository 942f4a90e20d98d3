/* chat_json.h - JSON written the way Python does, which is what chat templates
 * do with it: a model has seen no other spelling. [any] */
#ifndef ARCH_COMMON_CHAT_JSON_H
#define ARCH_COMMON_CHAT_JSON_H

#include "chat_text.h"

#include <jansson.h>

/* json.dumps(v, ensure_ascii=False): members in their order, ", " and ": ". */
void chat_json_write(struct chat_text *t, json_t *v);
/* The same with indent=4: a member or element per line. */
void chat_json_write_lines(struct chat_text *t, json_t *v);
/* The same of a text. */
void chat_json_write_text(struct chat_text *t, struct chat_str s);
/* str(v) of anything but an array or object: True, None, 0.1, the string. */
void chat_json_write_str(struct chat_text *t, json_t *v);

static inline struct chat_str chat_json_str(json_t *v)
{
	return (struct chat_str){json_string_value(v), json_string_length(v)};
}

struct chat_member {
	struct chat_str key;
	json_t *value;
	size_t order; /* its place in the object */
};

/* The json_object_size(object) members as Jinja's dictsort gives them: by key,
 * upper and lower case (of ASCII) alike, equal ones in their order. The caller
 * frees the list; NULL: no memory. */
struct chat_member *chat_json_sorted(json_t *object);

#endif
