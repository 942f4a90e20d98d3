/* images.h - the compiled kernels inside this plugin; images.c is made by the
 * build (packaging/cmake/ZincCuda.cmake). */
#ifndef ADA_IMAGES_H
#define ADA_IMAGES_H

#include <stdint.h>

struct ada_image {
	const char *name; /* "linear/dmmv"           */
	const void *data; /* a fat binary            */
};

extern const struct ada_image ada_images[];
extern const uint32_t ada_n_images;

#endif
