/* faulty.h - plugins that are the CPU backend but for one thing: a function
 * below changes its tables before anybody sees them. */
#ifndef BROKEN_FAULTY_H
#define BROKEN_FAULTY_H

#include <zinc/plugin.h>
#include <zinc/view.h>

/* The CPU backend, loaded. */
extern const struct zinc_plugin *faulty_inner;
/* What this plugin shows: copies, to be changed. */
extern struct zinc_backend faulty_backend;
extern const struct zinc_host *faulty_host;
/* Called by init() instead of the inner one, if set. */
extern int (*faulty_init)(const struct zinc_host *h, void **self, struct zinc_err *err);

const struct zinc_op_impl *faulty_inner_op(uint32_t op);
struct zinc_op_impl *faulty_op(uint32_t op);
struct zinc_variant *faulty_variant(uint32_t op, uint32_t variant);

/* Forms that the CPU backend does not have; nothing wrong with them. */
void packed(void);

/* Each is wrong in what its first word says zinc-plugin-test looks at. */
void load_name(void);
void load_variants(void);
void load_no_layout(void);
void abi_long_host(void);
void abi_flags(void);
void abi_info(void);
void abi_past_desc(void);
void life_leak(void);
void life_dirty(void);
void life_range(void);
void life_second(void);
void decline_crash(void);
void decline_record(void);
void decline_allocates(void);
void async_timeout(void);
void async_alloc(void);
void async_empty(void);
void async_drops(void);
void oom_crash(void);
void oom_code(void);
void threads_busy(void);
void ops_value(void);
void ops_neighbour(void);
void ops_unstable(void);
void ops_company(void);
void ops_class(void);
void ops_declines(void);
void ops_times(void);
void ops_pack(void);
void ops_weight(void);
void ops_sibling(void);

#endif
