/* base.glsl - what every kernel starts with.
 *
 * Memory is seen through 64-bit addresses. A kernel's arguments are a struct
 * `args`, whose first member is the address of the parameter slots; up to 128
 * bytes are push constants (ARGS_PUSHED), larger ones lie in memory
 * (ARGS_IN_MEMORY) and their address is pushed. Members are those of the struct
 * of the same op in backends/vulkan_rdna4, in the same order. */
#ifndef BASE_GLSL
#define BASE_GLSL

#extension GL_EXT_buffer_reference : require
#extension GL_EXT_scalar_block_layout : require
#extension GL_EXT_shader_explicit_arithmetic_types_int8 : require
#extension GL_EXT_shader_explicit_arithmetic_types_int16 : require
#extension GL_EXT_shader_explicit_arithmetic_types_int64 : require
#extension GL_EXT_shader_8bit_storage : require
#extension GL_EXT_shader_16bit_storage : require
#extension GL_EXT_control_flow_attributes : require
#extension GL_KHR_shader_subgroup_basic : require
#extension GL_KHR_shader_subgroup_arithmetic : require
#extension GL_KHR_shader_subgroup_shuffle : require

/* Of members that one dispatch hands to another; see chain.glsl. */
#ifdef CHAIN
#pragma use_vulkan_memory_model
#extension GL_KHR_memory_scope_semantics : require
#define HANDED nonprivate
#else
#define HANDED
#endif

layout(local_size_x_id = 0) in;
layout(constant_id = 0) const uint GROUP = 64; /* invocations of a workgroup */

#define REFERENCE(align) \
	layout(buffer_reference, scalar, buffer_reference_align = align) buffer

REFERENCE(4) f32_ref { HANDED float v[]; };
REFERENCE(4) i32_ref { HANDED int v[]; };
REFERENCE(4) u32_ref { HANDED uint v[]; };
REFERENCE(8) uvec2_ref { HANDED uvec2 v[]; };
REFERENCE(16) uvec4_ref { HANDED uvec4 v[]; };
REFERENCE(2) u16_ref { HANDED uint16_t v[]; };
REFERENCE(1) u8_ref { HANDED uint8_t v[]; };

#define ARGS_PUSHED layout(push_constant, scalar) uniform args_block
#define ARGS_IN_MEMORY \
	layout(buffer_reference, scalar, buffer_reference_align = 16) readonly buffer args_ref
#define ARGS_POINTER \
	layout(push_constant, scalar) uniform args_block { args_ref at; CHAIN_NEED } pushed

/* dtypes of types.h */
const uint F32 = 0, F16 = 1, BF16 = 2, Q8_0 = 16, Q4_0 = 17, Q4_1 = 18, Q5_0 = 19, Q5_1 = 20,
	Q2_K = 21, Q3_K = 22, Q4_K = 23, Q5_K = 24, Q6_K = 25, IQ4_NL = 26, IQ4_XS = 27, MXFP4 = 28;

/* A number that is known (slot 0) or read from a slot, then at most imm. */
struct count {
	uint imm, slot;
};

uint live(uint64_t slots, count n)
{
	return n.slot == 0 ? n.imm : min(u32_ref(slots).v[n.slot], n.imm);
}

/* F32 rows of tokens, each of some heads; strides in elements. */
struct rows {
	uint64_t at;
	uint token, head;
};

f32_ref row_of(rows r, uint token, uint head)
{
	return f32_ref(r.at + 4ul * (uint64_t(token) * r.token + uint64_t(head) * r.head));
}

#include "chain.glsl"

/* Workgroups numbered over x and y, for counts that x alone cannot hold. */
uint group_index()
{
	return gl_WorkGroupID.x + gl_WorkGroupID.y * gl_NumWorkGroups.x;
}

#endif
