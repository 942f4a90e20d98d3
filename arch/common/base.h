/* base.h - what every model struct of these architectures starts with, and how
 * they say what is wrong. */
#ifndef ARCH_COMMON_BASE_H
#define ARCH_COMMON_BASE_H

#include <zinc/arch.h>

/* First member of every model, so that code shared between families (chat
 * formats, for instance) can work on any of them. */
struct arch_base {
	const struct zinc_arch_host *host;
	const struct zinc_meta *meta;
	/* tokenizer.chat_template, or NULL; chat_template_len bytes. */
	const char *chat_template;
	uint64_t chat_template_len;
};

/* Fills err with one line (control bytes become '?') and returns code. err may
 * be NULL. A plugin links no zinc library, so it cannot use the core's own. */
__attribute__((format(printf, 3, 4))) int arch_fail(struct zinc_err *err, int code,
                                                    const char *fmt, ...);

#endif
