/* region.glsl - the live part of a view whose slowest dimension is counted. */
#ifndef REGION_GLSL
#define REGION_GLSL

const uint WHOLE = 4;

struct region {
	count n;
	uint ne[3];   /* of dimensions 1 to 3                             */
	uint counted; /* the dimension that n counts along; WHOLE: all or
	               * nothing                                          */
};

/* Row r in dimensions 1 to 3. */
uvec3 region_at(region g, uint r)
{
	return uvec3(r % g.ne[0], r / g.ne[0] % g.ne[1], r / g.ne[0] / g.ne[1]);
}

bool region_has(region g, uint64_t slots, uint lane, uvec3 at)
{
	uint n = live(slots, g.n), where;

	if (n == 0 || at.z >= g.ne[2])
		return false;
	where = g.counted == 0 ? lane : g.counted == 1 ? at.x : g.counted == 2 ? at.y : at.z;
	return g.counted == WHOLE || where < n;
}

#endif
