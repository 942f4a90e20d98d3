/* team.glsl - sums over teams of TEAM neighbouring invocations, a power of two that
 * divides GROUP. The includer has TEAM, and SUBGROUP: lanes of a subgroup. The order
 * of a sum depends on these two only. */
#ifndef TEAM_GLSL
#define TEAM_GLSL

const uint TEAM_PARTS = TEAM > SUBGROUP ? GROUP / SUBGROUP : 1;

shared float team_part[TEAM_PARTS];

/* Full subgroups, so these number the invocations. */
uint my_index()
{
	return gl_SubgroupID * SUBGROUP + gl_SubgroupInvocationID;
}

/* In every member; all invocations must call it. */
float team_sum(float x)
{
	uint first = my_index() / TEAM * TEAM / SUBGROUP;

	[[unroll]] for (uint d = 1; d < min(TEAM, SUBGROUP); d *= 2)
		x += subgroupShuffleXor(x, d);
	if (TEAM <= SUBGROUP)
		return x;
	barrier();
	if (gl_SubgroupInvocationID == 0)
		team_part[gl_SubgroupID] = x;
	barrier();
	x = 0.0;
	[[unroll]] for (uint i = 0; i < TEAM / SUBGROUP; i++)
		x += team_part[first + i];
	return x;
}

#endif
