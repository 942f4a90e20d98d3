/* meta.h - metadata values of a model file as JSON. */
#ifndef CORE_CLI_META_H
#define CORE_CLI_META_H

#include <jansson.h>

struct gguf_kv;

/* A scalar as itself; an array of more than max elements as
 * {"type", "n", "first": [...]} with max of them. Text that is not UTF-8 is
 * replaced by a remark. NULL: no memory. */
json_t *meta_json(const struct gguf_kv *kv, size_t max);

/* "u32", "string", "string[]"; static. */
const char *meta_type_name(const struct gguf_kv *kv);

#endif
