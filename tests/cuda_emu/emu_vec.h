/* emu_vec.h - CUDA's small vectors, with CUDA's alignment. */
#ifndef EMU_VEC_H
#define EMU_VEC_H

#define EMU_VEC1(name, type)                                                                       \
	struct name##1 {                                                                           \
		type x;                                                                            \
	};                                                                                         \
	static inline name##1 make_##name##1(type x)                                               \
	{                                                                                          \
		return {x};                                                                        \
	}

#define EMU_VEC2(name, type)                                                                       \
	struct alignas(2 * sizeof(type)) name##2 {                                                 \
		type x, y;                                                                         \
	};                                                                                         \
	static inline name##2 make_##name##2(type x, type y)                                       \
	{                                                                                          \
		return {x, y};                                                                     \
	}

#define EMU_VEC3(name, type)                                                                       \
	struct name##3 {                                                                           \
		type x, y, z;                                                                      \
	};                                                                                         \
	static inline name##3 make_##name##3(type x, type y, type z)                               \
	{                                                                                          \
		return {x, y, z};                                                                  \
	}

#define EMU_VEC4(name, type)                                                                       \
	struct alignas(4 * sizeof(type) < 16 ? 4 * sizeof(type) : 16) name##4 {                    \
		type x, y, z, w;                                                                   \
	};                                                                                         \
	static inline name##4 make_##name##4(type x, type y, type z, type w)                       \
	{                                                                                          \
		return {x, y, z, w};                                                               \
	}

#define EMU_VEC(name, type)                                                                        \
	EMU_VEC1(name, type) EMU_VEC2(name, type) EMU_VEC3(name, type) EMU_VEC4(name, type)

EMU_VEC(char, signed char)
EMU_VEC(uchar, unsigned char)
EMU_VEC(short, short)
EMU_VEC(ushort, unsigned short)
EMU_VEC(int, int)
EMU_VEC(uint, unsigned)
EMU_VEC(float, float)
EMU_VEC2(longlong, long long)
EMU_VEC2(ulonglong, unsigned long long)
EMU_VEC2(double, double)

struct dim3 {
	unsigned x, y, z;
	dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_)
	{
	}
};

#endif
