/* emu_warp.h - warp-wide functions: shuffles, votes, reductions. The last lane to
 * come computes for all (emu_meet). */
#ifndef EMU_WARP_H
#define EMU_WARP_H

/* What a lane hands in, and its result. */
struct emu_shuffle {
	uint64_t value, result;
	int from;
};

static inline void emu_do_shuffle(void *const args[32], uint32_t mask)
{
	for (uint32_t lane = 0; lane < 32; lane++) {
		if (!(mask >> lane & 1))
			continue;
		struct emu_shuffle *s = static_cast<struct emu_shuffle *>(args[lane]);

		/* What an absent lane holds is undefined. */
		s->result = mask >> s->from & 1
		                    ? static_cast<struct emu_shuffle *>(args[s->from])->value
		                    : ~UINT64_C(0);
	}
}

template <typename T> static inline T emu_shuffle_from(const char *name, uint32_t mask, T x, int from)
{
	struct emu_shuffle s = {0, 0, from};

	static_assert(sizeof(T) == 4 || sizeof(T) == 8, "shuffles move 4 or 8 bytes");
	memcpy(&s.value, &x, sizeof(x));
	emu_meet(emu_do_shuffle, name, mask, &s);
	memcpy(&x, &s.result, sizeof(x));
	return x;
}

static inline int emu_lane()
{
	return static_cast<int>(emu_self()->lane);
}

template <typename T> static inline T __shfl_sync(uint32_t mask, T x, int from, int width = 32)
{
	int first = emu_lane() & ~(width - 1);

	return emu_shuffle_from("__shfl_sync", mask, x, first | (from & (width - 1)));
}

template <typename T> static inline T __shfl_up_sync(uint32_t mask, T x, unsigned d, int width = 32)
{
	int lane = emu_lane(), first = lane & ~(width - 1), from = lane - static_cast<int>(d);

	return emu_shuffle_from("__shfl_up_sync", mask, x, from < first ? lane : from);
}

template <typename T> static inline T __shfl_down_sync(uint32_t mask, T x, unsigned d, int width = 32)
{
	int lane = emu_lane(), last = lane | (width - 1), from = lane + static_cast<int>(d);

	return emu_shuffle_from("__shfl_down_sync", mask, x, from > last ? lane : from);
}

template <typename T> static inline T __shfl_xor_sync(uint32_t mask, T x, int bits, int width = 32)
{
	int lane = emu_lane(), last = lane | (width - 1), from = lane ^ bits;

	return emu_shuffle_from("__shfl_xor_sync", mask, x, from > last ? lane : from);
}

static inline void emu_do_nothing(void *const *, uint32_t)
{
}

static inline void __syncwarp(uint32_t mask = 0xffffffffu)
{
	emu_meet(emu_do_nothing, "__syncwarp", mask, nullptr);
}

/* A lane's value in, everybody's result out. */
struct emu_vote {
	uint64_t value;
	uint32_t result;
};

template <typename F> static inline void emu_for_lanes(void *const args[32], uint32_t mask, F f)
{
	for (uint32_t lane = 0; lane < 32; lane++)
		if (mask >> lane & 1)
			f(static_cast<struct emu_vote *>(args[lane]), lane);
}

static inline void emu_do_ballot(void *const args[32], uint32_t mask)
{
	uint32_t set = 0;

	emu_for_lanes(args, mask, [&](struct emu_vote *v, uint32_t lane) {
		set |= static_cast<uint32_t>(v->value != 0) << lane;
	});
	emu_for_lanes(args, mask, [&](struct emu_vote *v, uint32_t) { v->result = set; });
}

static inline uint32_t emu_vote_on(emu_together *what, const char *name, uint32_t mask,
                                   uint64_t value)
{
	struct emu_vote v = {value, 0};

	emu_meet(what, name, mask, &v);
	return v.result;
}

static inline uint32_t __ballot_sync(uint32_t mask, int predicate)
{
	return emu_vote_on(emu_do_ballot, "__ballot_sync", mask, predicate != 0);
}

static inline int __any_sync(uint32_t mask, int predicate)
{
	return emu_vote_on(emu_do_ballot, "__any_sync", mask, predicate != 0) != 0;
}

static inline int __all_sync(uint32_t mask, int predicate)
{
	return emu_vote_on(emu_do_ballot, "__all_sync", mask, predicate != 0) == mask;
}

/* Which lanes are together is not defined; only itself is certain. */
static inline uint32_t __activemask()
{
	return 1u << emu_lane();
}

static inline void emu_do_match(void *const args[32], uint32_t mask)
{
	emu_for_lanes(args, mask, [&](struct emu_vote *v, uint32_t) {
		v->result = 0;
		emu_for_lanes(args, mask, [&](struct emu_vote *other, uint32_t lane) {
			v->result |= static_cast<uint32_t>(other->value == v->value) << lane;
		});
	});
}

template <typename T> static inline uint32_t __match_any_sync(uint32_t mask, T x)
{
	uint64_t value = 0;

	static_assert(sizeof(T) == 4 || sizeof(T) == 8, "it compares 4 or 8 bytes");
	memcpy(&value, &x, sizeof(x));
	return emu_vote_on(emu_do_match, "__match_any_sync", mask, value);
}

template <typename T, typename F> static inline void emu_fold(void *const args[32], uint32_t mask, F f)
{
	T all = 0;
	bool first = true;

	emu_for_lanes(args, mask, [&](struct emu_vote *v, uint32_t) {
		T x = static_cast<T>(v->value);

		all = first ? x : f(all, x);
		first = false;
	});
	emu_for_lanes(args, mask, [&](struct emu_vote *v, uint32_t) {
		v->result = static_cast<uint32_t>(all);
	});
}

#define EMU_REDUCE(name, type, result)                                                             \
	static inline type name(uint32_t mask, type x)                                             \
	{                                                                                          \
		return static_cast<type>(emu_vote_on(                                              \
		        [](void *const args[32], uint32_t m) {                                     \
			        emu_fold<type>(args, m, [](type a, type b) { return result; });    \
		        },                                                                         \
		        #name, mask, static_cast<uint32_t>(x)));                                   \
	}

EMU_REDUCE(__reduce_add_sync, unsigned, a + b)
EMU_REDUCE(__reduce_min_sync, unsigned, a < b ? a : b)
EMU_REDUCE(__reduce_max_sync, unsigned, a < b ? b : a)
EMU_REDUCE(__reduce_and_sync, unsigned, a & b)
EMU_REDUCE(__reduce_or_sync, unsigned, a | b)
EMU_REDUCE(__reduce_xor_sync, unsigned, a ^ b)
EMU_REDUCE(__reduce_add_sync, int, static_cast<int>(static_cast<unsigned>(a) + static_cast<unsigned>(b)))
EMU_REDUCE(__reduce_min_sync, int, a < b ? a : b)
EMU_REDUCE(__reduce_max_sync, int, a < b ? b : a)

#endif
