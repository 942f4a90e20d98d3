/* dot.glsl - sums of four products of signed bytes: one instruction of
 * SPV_KHR_integer_dot_product where INTEGER_DOT is defined. The instruction is
 * named by its number, since older compilers of GLSL have no word for it. */
#ifndef DOT_GLSL
#define DOT_GLSL

#ifdef INTEGER_DOT
#extension GL_EXT_spirv_intrinsics : require

/* OpSDotKHR; DotProduct, DotProductInput4x8BitPacked; PackedVectorFormat4x8Bit */
spirv_instruction(extensions = ["SPV_KHR_integer_dot_product"], capabilities = [6018, 6019],
                  id = 4450)
int packed_dot(uint a, uint b, spirv_literal int format);

int dot4(uint a, uint b)
{
	return packed_dot(a, b, 0);
}
#else
int dot4(uint a, uint b)
{
	ivec4 x = ivec4(a << 24, a << 16, a << 8, a) >> 24;
	ivec4 y = ivec4(b << 24, b << 16, b << 8, b) >> 24;

	return x.x * y.x + x.y * y.y + x.z * y.z + x.w * y.w;
}
#endif

#endif
