/* best.glsl - a total order of candidates: larger value first, then lower index,
 * NaN last; and the best one of a workgroup. */
#ifndef BEST_GLSL
#define BEST_GLSL

struct candidate {
	float value;
	uint id;
};

/* Behind everybody, NaN included. */
const uint NO_ID = 0xffffffff;
#define NOBODY candidate(0.0, NO_ID)

bool is_before(candidate a, candidate b)
{
	if (a.id == NO_ID || b.id == NO_ID)
		return b.id == NO_ID && a.id != NO_ID;
	if (a.value > b.value)
		return true;
	if (a.value < b.value)
		return false;
	if (isnan(a.value) != isnan(b.value))
		return isnan(b.value);
	return a.id < b.id;
}

candidate better(candidate a, candidate b)
{
	return is_before(b, a) ? b : a;
}

/* Of each subgroup. */
shared float best_value[GROUP];
shared uint best_id[GROUP];

candidate group_best(candidate mine)
{
	candidate best;

	for (uint d = 1; d < min(gl_SubgroupSize, GROUP); d *= 2)
		mine = better(mine, candidate(subgroupShuffleXor(mine.value, d),
		                              subgroupShuffleXor(mine.id, d)));
	barrier();
	if (subgroupElect()) {
		best_value[gl_SubgroupID] = mine.value;
		best_id[gl_SubgroupID] = mine.id;
	}
	barrier();
	best = candidate(best_value[0], best_id[0]);
	for (uint i = 1; i < gl_NumSubgroups; i++)
		best = better(best, candidate(best_value[i], best_id[i]));
	return best;
}

#endif
