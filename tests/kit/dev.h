/* dev.h - a plugin's device, opened through the public interface alone, and the
 * buffers that cases are placed in. */
#ifndef KIT_DEV_H
#define KIT_DEV_H

#include "case.h"
#include "host.h"

enum { KIT_MSG = 512 };

struct kit_arena {
	struct zinc_buf *buf;
	uint64_t room, used;
	uint8_t *image; /* what it holds now, as far as anybody may know */
	uint8_t *got;   /* what was read back last                       */
	uint64_t mapped_for; /* the case whose weights the image is; MAPPED only */
};

struct kit_dev {
	struct kit_host *host;
	void *handle;
	const struct zinc_plugin *plugin;
	int status; /* of the call that failed in kit_open() */
	void *self;
	const struct zinc_backend *b;
	struct zinc_dev *dev;
	struct zinc_dev_info info;
	struct zinc_timeline *tl;
	uint64_t tick; /* the last value that a submit signals */
	bool imports;  /* it reads host memory in place */
	bool idle;     /* it computes nothing, see adder_probe() */
	struct kit_arena arenas[KIT_PLACES];
};

/* dlopen() and the symbol; the plugin is not called yet. On failure msg says
 * why. */
bool kit_load(struct kit_dev *d, const char *file, struct kit_host *host, char msg[KIT_MSG]);
void kit_unload(struct kit_dev *d);
/* init() and the first device. */
bool kit_open(struct kit_dev *d, char msg[KIT_MSG]);
void kit_close(struct kit_dev *d);

const struct zinc_op_impl *kit_impl(const struct kit_dev *d, uint32_t op);

/* Gives every region of the case its place and fills the buffers: guard bytes
 * around it, its image in it, packed where it is. */
bool kit_upload(struct kit_dev *d, struct kit_case *c, char msg[KIT_MSG]);
/* Uploads the regions that have changed since. */
bool kit_refresh(struct kit_dev *d, struct kit_case *c, char msg[KIT_MSG]);
/* Reads everything back; false when a byte changed that the op may not touch.
 * What it may have changed becomes part of the arenas' images. */
bool kit_fetch(struct kit_dev *d, const struct kit_case *c, char msg[KIT_MSG]);

#endif
