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

shared float best_value[GROUP];
shared uint best_id[GROUP];

candidate group_best(candidate mine)
{
	uint me = gl_LocalInvocationID.x;
	candidate best;

	barrier();
	best_value[me] = mine.value;
	best_id[me] = mine.id;
	for (uint half_n = GROUP / 2; half_n > 0; half_n /= 2) {
		barrier();
		if (me < half_n) {
			best = better(candidate(best_value[me], best_id[me]),
			              candidate(best_value[me + half_n], best_id[me + half_n]));
			best_value[me] = best.value;
			best_id[me] = best.id;
		}
	}
	barrier();
	return candidate(best_value[0], best_id[0]);
}

#endif
