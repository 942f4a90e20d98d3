/* plugin_rig.h - a plugin's device for a test: opened with options, log lines kept,
 * memory counted. */
#ifndef CUDA_EMU_PLUGIN_RIG_H
#define CUDA_EMU_PLUGIN_RIG_H

#include <stdbool.h>
#include <zinc/plugin.h>

struct plugin_rig {
	const struct zinc_backend *b;
	void *self;
	struct zinc_dev *dev;
};

/* False with a line where the file is no plugin. */
bool rig_load(int argc, char **argv);
/* options: "key=value" each, ended by NULL; kept. */
void rig_open(struct plugin_rig *r, const char *const *options);
/* Fails the test if the plugin kept any memory. */
void rig_close(struct plugin_rig *r);
/* What the plugin logged since rig_open(). */
const char *rig_log(void);

const struct zinc_op_impl *rig_op(uint32_t op);
uint32_t rig_variant(const struct zinc_op_impl *impl, const char *name);

/* Dense rows; block types with their bytes of a block. */
struct zinc_view rig_view(struct zinc_buf *buf, uint32_t dtype, uint32_t ne0, uint32_t ne1,
                          uint64_t row_bytes);

#endif
