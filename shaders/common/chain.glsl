/* chain.glsl - dispatches that wait for each other by a counter in memory instead of by
 * barriers (backends/vulkan_rdna4/chain.h has the host's half).
 *
 * Shaders are compiled twice where variants.ini says so, here with CHAIN: then dispatches
 * stand in a command buffer without barriers, and a workgroup starts as soon as there is
 * room for it. What would stand between two barriers is a level. Each workgroup adds 1 to
 * its level's counter when it is done, and waits before that for all of the level before,
 * which waited for the one before it. It starts, and asks for weights, while they still
 * run. Levels take 16 counters in turn, in lines of their own: a line that all who wait
 * read is slow.
 *
 *     main: what nothing writes; chain_wait(); the rest; chain_done(), both on every path
 *
 * Values pass from one workgroup to another as the Vulkan memory model has it: written
 * and read through references whose members are HANDED, made available by the release in
 * chain_done() and visible by the acquire in chain_wait(). Older models know private and
 * coherent references only: the first see stale values, the second never use a cache.
 *
 * Vulkan does not promise that a waiting workgroup leaves room for those it waits for, so
 * the host does this only where workgroups are known to start in order, and a wait ends in
 * any case: then the counters jump past everything, nobody waits any more, and a word
 * tells the host that the list's results mean nothing. */
#ifndef CHAIN_GLSL
#define CHAIN_GLSL

#ifdef CHAIN

/* The last member of the pushed arguments: how far the counter of the level before must
 * have come, above the number of this level's own. */
#define CHAIN_NEED layout(offset = 120) uint need;

const bool CHAINED = true;
const uint CHAIN_COUNTERS = 16, CHAIN_LEVEL_BITS = 4, CHAIN_LINE = 32;
const uint CHAIN_PATIENCE = 1u << 21; /* polls: a second or two */
const uint CHAIN_BROKEN = 1u << 31;

/* struct rdna4_head */
layout(buffer_reference, scalar, buffer_reference_align = 8) buffer chain_ref {
	uint slots[16];
	uint64_t alarm;
	uint pad[14];
	uint done[CHAIN_COUNTERS * CHAIN_LINE];
};

uint chain_counter(uint need, uint back)
{
	return (need - back) % CHAIN_COUNTERS * CHAIN_LINE;
}

void chain_give_up(uint64_t slots)
{
	for (uint i = 0; i < CHAIN_COUNTERS; i++)
		atomicOr(chain_ref(slots).done[i * CHAIN_LINE], CHAIN_BROKEN);
	u32_ref(chain_ref(slots).alarm).v[0] = 1;
}

/* A plain load would be moved out of the loop, a coherent one was, too. */
bool chain_reached(uint64_t slots, uint need)
{
	return atomicLoad(chain_ref(slots).done[chain_counter(need, 1)], gl_ScopeQueueFamily,
	                  gl_StorageSemanticsNone, gl_SemanticsRelaxed) >= need >> CHAIN_LEVEL_BITS;
}

void chain_meet()
{
	controlBarrier(gl_ScopeWorkgroup, gl_ScopeWorkgroup, gl_StorageSemanticsBuffer,
	               gl_SemanticsAcquireRelease | gl_SemanticsMakeAvailable |
	               gl_SemanticsMakeVisible);
}

void chain_poll(uint64_t slots, uint need)
{
	uint polls = 0;

	while (!chain_reached(slots, need) && polls < CHAIN_PATIENCE)
		polls++;
	if (polls == CHAIN_PATIENCE)
		chain_give_up(slots);
	memoryBarrier(gl_ScopeQueueFamily, gl_StorageSemanticsBuffer,
	              gl_SemanticsAcquire | gl_SemanticsMakeVisible);
}

/* All of a workgroup call it. */
void chain_wait(uint64_t slots, uint need)
{
	if (need >> CHAIN_LEVEL_BITS != 0) {
		if (gl_LocalInvocationIndex == 0)
			chain_poll(slots, need);
		chain_meet();
	}
}

/* All of a workgroup call it, once, behind a wait and everything they write. */
void chain_done(uint64_t slots, uint need)
{
	chain_meet();
	if (gl_LocalInvocationIndex == 0) {
		memoryBarrier(gl_ScopeQueueFamily, gl_StorageSemanticsBuffer,
		              gl_SemanticsRelease | gl_SemanticsMakeAvailable);
		atomicAdd(chain_ref(slots).done[chain_counter(need, 0)], 1);
	}
}

#else
const bool CHAINED = false;
#define CHAIN_NEED
#define chain_wait(slots, need)
#define chain_done(slots, need)
#endif

#endif
