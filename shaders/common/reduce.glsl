/* reduce.glsl - sums and maxima over a workgroup. The order of a sum depends on
 * the size of the workgroup and of the subgroup only. */
#ifndef REDUCE_GLSL
#define REDUCE_GLSL

shared float reduce_part[GROUP];

float group_sum(float x)
{
	float sum = subgroupAdd(x), parts = 0.0;

	barrier();
	if (subgroupElect())
		reduce_part[gl_SubgroupID] = sum;
	barrier();
	for (uint i = gl_SubgroupInvocationID; i < gl_NumSubgroups; i += gl_SubgroupSize)
		parts += reduce_part[i];
	return subgroupAdd(parts);
}

float group_max(float x)
{
	float top = subgroupMax(x);
	float all;

	barrier();
	if (subgroupElect())
		reduce_part[gl_SubgroupID] = top;
	barrier();
	all = reduce_part[0];
	for (uint i = 1; i < gl_NumSubgroups; i++)
		all = max(all, reduce_part[i]);
	return all;
}

#endif
