/* emu_atomic.h - atomics, fences, and loads and stores with a hint. */
#ifndef EMU_ATOMIC_H
#define EMU_ATOMIC_H

template <typename T> static inline T emu_swap_if(T *p, T expected, T desired)
{
	__atomic_compare_exchange(p, &expected, &desired, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	return expected;
}

/* *p = f(*p); the value before. */
template <typename T, typename F> static inline T emu_update(T *p, F f)
{
	T before, after;

	__atomic_load(p, &before, __ATOMIC_SEQ_CST);
	do
		after = f(before);
	while (!__atomic_compare_exchange(p, &before, &after, false, __ATOMIC_SEQ_CST,
	                                  __ATOMIC_SEQ_CST));
	return before;
}

/* The second argument converts to the type of the first, as in CUDA's overloads. */
template <typename T> struct emu_same {
	typedef T type;
};

#define EMU_ATOMIC(name, result)                                                                   \
	template <typename T> static inline T name(T *p, typename emu_same<T>::type v)             \
	{                                                                                          \
		static_assert(sizeof(T) >= 4, "CUDA has it for 4 and 8 bytes");                    \
		return emu_update(p, [v](T old) { return static_cast<T>(result); });               \
	}

EMU_ATOMIC(atomicAdd, old + v)
EMU_ATOMIC(atomicSub, old - v)
EMU_ATOMIC(atomicMax, old < v ? v : old)
EMU_ATOMIC(atomicMin, v < old ? v : old)
EMU_ATOMIC(atomicOr, old | v)
EMU_ATOMIC(atomicAnd, old & v)
EMU_ATOMIC(atomicXor, old ^ v)
EMU_ATOMIC(atomicExch, (void(old), v))
EMU_ATOMIC(atomicInc, old >= v ? 0 : old + 1)
EMU_ATOMIC(atomicDec, old == 0 || old > v ? v : old - 1)

template <typename T>
static inline T atomicCAS(T *p, typename emu_same<T>::type expected,
                          typename emu_same<T>::type desired)
{
	return emu_swap_if(p, expected, desired);
}

static inline void __threadfence()
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static inline void __threadfence_block()
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

static inline void __threadfence_system()
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

template <typename T> static inline T __ldg(const T *p)
{
	return *p;
}

template <typename T> static inline T __ldcs(const T *p)
{
	return *p;
}

template <typename T> static inline T __ldcg(const T *p)
{
	return *p;
}

template <typename T> static inline T __ldca(const T *p)
{
	return *p;
}

template <typename T> static inline void __stcs(T *p, typename emu_same<T>::type v)
{
	*p = v;
}

template <typename T> static inline void __stcg(T *p, typename emu_same<T>::type v)
{
	*p = v;
}

static inline void __nanosleep(unsigned)
{
}

/* No time passes. */
static inline long long clock64()
{
	return 0;
}

#define __builtin_assume(x) static_cast<void>(0)

#endif
