/* emu_ptx.h - the functions of ptx.cuh in plain C++. Fragment layouts are those of
 * the PTX ISA manual; sums of products are exact, then rounded once. */
#ifndef EMU_PTX_H
#define EMU_PTX_H

static inline void emu_check_address(const char *name, const void *p, uint32_t align)
{
	if (reinterpret_cast<uintptr_t>(p) % align)
		emu_die("%s: %p is not aligned to %u bytes", name, p, align);
}

static inline void emu_check_shared(const char *name, const void *p, uint32_t bytes)
{
	emu_check_address(name, p, bytes);
	if (!emu_is_shared(p, bytes))
		emu_die("%s: %p is not in shared memory", name, p);
}

/* Happens as late as it may: at the wait that covers it. Until then the target
 * holds rubbish. */
static inline void emu_copy_later(const char *name, void *to, const void *from, uint32_t bytes,
                                  bool inside)
{
	struct emu_fiber *self = emu_self();

	emu_check_shared(name, to, bytes);
	if (inside)
		emu_check_address(name, from, bytes);
	memset(to, 0xff, bytes);
	self->copies->push_back({to, from, bytes, inside ? bytes : 0});
	self->groups->back()++;
}

static inline void ada_cp_async16(void *dst, const void *src, bool inside = true)
{
	emu_copy_later("cp.async of 16 bytes", dst, src, 16, inside);
}

static inline void ada_cp_async4(void *dst, const void *src, bool inside = true)
{
	emu_copy_later("cp.async of 4 bytes", dst, src, 4, inside);
}

typedef uintptr_t ada_shared;

static inline ada_shared ada_shared_of(const void *p)
{
	return reinterpret_cast<ada_shared>(p);
}

template <typename T> static inline T emu_shared_load(ada_shared at)
{
	const T *p = reinterpret_cast<const T *>(at);

	emu_check_shared("load from shared memory", p, sizeof(T));
	return *p;
}

static inline uint32_t ada_shared_load2(ada_shared at)
{
	return emu_shared_load<uint16_t>(at);
}

static inline uint32_t ada_shared_load4(ada_shared at)
{
	return emu_shared_load<uint32_t>(at);
}

static inline uint2 ada_shared_load8(ada_shared at)
{
	return emu_shared_load<uint2>(at);
}

static inline uint4 ada_shared_load16(ada_shared at)
{
	return emu_shared_load<uint4>(at);
}

static inline void ada_cp_async16_if(bool copies, ada_shared to, const void *src,
                                     bool inside = true)
{
	if (copies)
		emu_copy_later("cp.async of 16 bytes", reinterpret_cast<void *>(to), src, 16,
		               inside);
}

static inline void ada_cp_async4_if(bool copies, ada_shared to, const void *src)
{
	if (copies)
		emu_copy_later("cp.async of 4 bytes", reinterpret_cast<void *>(to), src, 4, true);
}

static inline int32_t ada_dot4_us(uint32_t a, uint32_t b, int32_t sum)
{
	for (int i = 0; i < 32; i += 8)
		sum += (int32_t)(a >> i & 255) * (int8_t)(b >> i & 255);
	return sum;
}

static inline void ada_cp_async_commit()
{
	emu_self()->groups->push_back(0);
}

void emu_copies_wait(uint32_t groups_left);

template <int N> static inline void ada_cp_async_wait()
{
	emu_copies_wait(N);
}

struct emu_ldmatrix {
	const void *row;
	uint32_t *r;
};

template <int n_matrices, bool trans>
static inline void emu_do_ldmatrix(void *const args[32], uint32_t)
{
	for (uint32_t m = 0; m < n_matrices; m++) {
		uint16_t rows[8][8];

		for (uint32_t i = 0; i < 8; i++)
			memcpy(rows[i],
			       static_cast<struct emu_ldmatrix *>(args[8 * m + i])->row, 16);
		for (uint32_t lane = 0; lane < 32; lane++) {
			const uint32_t i = lane / 4, j = lane % 4 * 2;
			const uint16_t lo = trans ? rows[j][i] : rows[i][j];
			const uint16_t hi = trans ? rows[j + 1][i] : rows[i][j + 1];

			static_cast<struct emu_ldmatrix *>(args[lane])->r[m] =
			        static_cast<uint32_t>(hi) << 16 | lo;
		}
	}
}

template <int n_matrices, bool trans> static inline void emu_ldmatrix_of(uint32_t *r, const void *row)
{
	struct emu_ldmatrix arg = {row, r};

	if (emu_lane() < 8 * n_matrices)
		emu_check_shared("ldmatrix", row, 16);
	emu_meet(emu_do_ldmatrix<n_matrices, trans>, "ldmatrix", 0xffffffffu, &arg);
}

static inline void ada_ldmatrix_x4(uint32_t r[4], const void *row)
{
	emu_ldmatrix_of<4, false>(r, row);
}

static inline void ada_ldmatrix_x4_trans(uint32_t r[4], const void *row)
{
	emu_ldmatrix_of<4, true>(r, row);
}

static inline void ada_ldmatrix_x2(uint32_t r[2], const void *row)
{
	emu_ldmatrix_of<2, false>(r, row);
}

static inline void ada_ldmatrix_x2_trans(uint32_t r[2], const void *row)
{
	emu_ldmatrix_of<2, true>(r, row);
}

static inline void emu_do_movmatrix(void *const args[32], uint32_t)
{
	uint16_t rows[8][8];

	for (uint32_t lane = 0; lane < 32; lane++)
		memcpy(&rows[lane / 4][lane % 4 * 2], args[lane], 4);
	for (uint32_t lane = 0; lane < 32; lane++) {
		const uint32_t i = lane / 4, j = lane % 4 * 2;

		*static_cast<uint32_t *>(args[lane]) =
		        static_cast<uint32_t>(rows[j + 1][i]) << 16 | rows[j][i];
	}
}

static inline uint32_t ada_movmatrix_trans(uint32_t a)
{
	emu_meet(emu_do_movmatrix, "movmatrix", 0xffffffffu, &a);
	return a;
}

struct emu_mma {
	void *c;
	const uint32_t *a, *b;
};

/* The kinds of elements: how many in a register, and one as a number. */
struct emu_elem_s8 {
	enum { PER_REG = 4 };
	typedef int32_t sum;
	static int32_t get(uint32_t r, uint32_t i)
	{
		return static_cast<int8_t>(r >> 8 * i);
	}
};

struct emu_elem_f16 {
	enum { PER_REG = 2 };
	typedef float sum;
	static double get(uint32_t r, uint32_t i)
	{
		return static_cast<double>(ada_f16_to_f32(static_cast<uint16_t>(r >> 16 * i)));
	}
};

struct emu_elem_bf16 {
	enum { PER_REG = 2 };
	typedef float sum;
	static double get(uint32_t r, uint32_t i)
	{
		return static_cast<double>(ada_bf16_to_f32(static_cast<uint16_t>(r >> 16 * i)));
	}
};

/* The hardware reads 10 bits of the mantissa. */
struct emu_elem_tf32 {
	enum { PER_REG = 1 };
	typedef float sum;
	static double get(uint32_t r, uint32_t)
	{
		return static_cast<double>(__uint_as_float(r & 0xffffe000u));
	}
};

/* C 16x8 += A 16xK B Kx8. With P elements per register, lane (g = lane / 4, t =
 * lane % 4) holds columns P t ... P t + P - 1 of each group of 4 P columns: of rows
 * g and g + 8 of A, one register each, group after group; the same of column g
 * of B, whose K runs down. Of C it holds columns 2t and 2t + 1 of rows g and g + 8. */
template <typename E, int K> static inline void emu_do_mma(void *const args[32], uint32_t)
{
	enum { P = E::PER_REG };
	typedef decltype(E::get(0, 0)) number;
	number a[16][K], b[8][K];

	for (uint32_t lane = 0; lane < 32; lane++) {
		const struct emu_mma *m = static_cast<struct emu_mma *>(args[lane]);
		const uint32_t g = lane / 4, t = lane % 4;

		for (uint32_t k = 0; k < K; k += 4 * P)
			for (uint32_t i = 0; i < P; i++) {
				const uint32_t reg = k / (4 * P), at = k + P * t + i;

				a[g][at] = E::get(m->a[2 * reg], i);
				a[g + 8][at] = E::get(m->a[2 * reg + 1], i);
				b[g][at] = E::get(m->b[reg], i);
			}
	}
	for (uint32_t i = 0; i < 16; i++)
		for (uint32_t j = 0; j < 8; j++) {
			const struct emu_mma *m =
			        static_cast<struct emu_mma *>(args[4 * (i % 8) + j / 2]);
			typename E::sum *c = static_cast<typename E::sum *>(m->c) + i / 8 * 2 + j % 2;
			number sum = static_cast<number>(*c);

			for (uint32_t k = 0; k < K; k++)
				sum += a[i][k] * b[j][k];
			*c = static_cast<typename E::sum>(sum);
		}
}

template <typename E, int K>
static inline void emu_mma_of(typename E::sum *c, const uint32_t *a, const uint32_t *b)
{
	struct emu_mma arg = {c, a, b};

	emu_meet(emu_do_mma<E, K>, "mma", 0xffffffffu, &arg);
}

static inline void ada_mma_s8(int32_t c[4], const uint32_t a[4], const uint32_t b[2])
{
	emu_mma_of<emu_elem_s8, 32>(c, a, b);
}

static inline void ada_mma_s8_k16(int32_t c[4], const uint32_t a[2], const uint32_t b[1])
{
	emu_mma_of<emu_elem_s8, 16>(c, a, b);
}

static inline void ada_mma_f16(float c[4], const uint32_t a[4], const uint32_t b[2])
{
	emu_mma_of<emu_elem_f16, 16>(c, a, b);
}

static inline void ada_mma_bf16(float c[4], const uint32_t a[4], const uint32_t b[2])
{
	emu_mma_of<emu_elem_bf16, 16>(c, a, b);
}

static inline void ada_mma_tf32(float c[4], const uint32_t a[4], const uint32_t b[2])
{
	emu_mma_of<emu_elem_tf32, 8>(c, a, b);
}

static inline uint4 ada_load_stream(const void *p)
{
	emu_check_address("ada_load_stream", p, 16);
	return *static_cast<const uint4 *>(p);
}

template <typename T> static inline T ada_keep(T x)
{
	return x;
}

static inline void ada_prefetch(const void *)
{
}

#endif
