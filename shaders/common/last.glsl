/* last.glsl - finds the workgroup that ends last, which may then go on with what all of
 * them wrote through coherent references. Nobody waits for anybody. */
#ifndef LAST_GLSL
#define LAST_GLSL

shared bool group_is_last;

/* Whether all of n workgroups have come here, this one last; it leaves 0 at `counter`
 * again. All invocations must call it. */
bool is_last_of(uint64_t counter, uint n)
{
	memoryBarrierBuffer();
	barrier();
	if (gl_LocalInvocationIndex == 0) {
		u32_ref done = u32_ref(counter);

		group_is_last = atomicAdd(done.v[0], 1) + 1 == n;
		if (group_is_last)
			done.v[0] = 0;
	}
	barrier();
	memoryBarrierBuffer();
	return group_is_last;
}

#endif
