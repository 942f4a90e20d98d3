/* chat_call.h - calls written as a JSON object, {"name": "f", "arguments": {...}}:
 * reading one, and telling while a text arrives whether it can still become one.
 * The member that holds the arguments has another name in some families. [any] */
#ifndef ARCH_COMMON_CHAT_CALL_H
#define ARCH_COMMON_CHAT_CALL_H

#include "chat_json.h"

/* False when s is no call. Absent arguments are {}; the text of an object will
 * do as well. */
bool chat_call_read(struct chat_str s, const char *arguments, struct chat_text *name,
                    struct chat_text *args);

enum { CHAT_SCAN_DEPTH = 128 };

/* The state of a text that stands on its own: nothing but blanks around it, both
 * members required, and besides them no other than "type". */
struct chat_scan {
	const char *arguments;
	int state;
	unsigned depth;               /* open objects and arrays          */
	bool is_array[CHAT_SCAN_DEPTH]; /* by depth - 1                   */
	bool in_key;
	int member;     /* of the outermost object: which one this is     */
	unsigned seen;  /* the members so far, as bits                    */
	size_t n_key;   /* bytes of that member's key                     */
	bool fits[3];   /* by member: the key so far is its beginning     */
	const char *word; /* what is to come of true, false or null       */
	unsigned n_hex;   /* digits to come of \uXXXX                     */
};

void chat_scan_begin(struct chat_scan *scan, const char *arguments);
/* s follows what was fed before. False as soon as it cannot be a call. */
bool chat_scan_feed(struct chat_scan *scan, struct chat_str s);

#endif
