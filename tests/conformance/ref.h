/* ref.h - double-precision references of the ops, on dense arrays. They follow
 * the text of core/include/zinc/op_*.h and nothing else. */
#ifndef CONFORMANCE_REF_H
#define CONFORMANCE_REF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

double ref_sigmoid(double x);
double ref_silu(double x);
double ref_gelu_tanh(double x);
/* act: enum zinc_act. */
double ref_glu(uint32_t act, double gate, double up, double limit);

/* NULL where absent; n lanes. */
struct ref_norm {
	const float *x, *residual, *weight, *gate, *after;
	size_t n;
	double eps;
};

/* One row; sum may be NULL. */
void ref_rmsnorm(const struct ref_norm *r, double *y, double *sum);

/* One head of x, n lanes, at a position per frequency (n_rot / 2 of them);
 * factors may be NULL. */
struct ref_rope {
	const double *pos;
	const float *freqs, *factors;
	uint32_t n_rot, mode;
};

void ref_rope_head(const struct ref_rope *r, double *x);

/* One query over the keys of its sequence, positions 0 .. pos. Keys and values
 * are dense rows: key j of this head at k + j * k_step, n_lanes of each used. */
struct ref_attn {
	const float *q;
	const float *k, *v;
	size_t k_step, v_step;
	uint32_t n_lanes, v_lanes;
	uint32_t pos, window;
	double scale, softcap;
	const float *gate; /* v_lanes, or NULL */
	/* Where not NULL: *score_size receives the largest root of the squared
	 * terms of a score, terms[v_lanes] that of the terms p (|v| + |out|) of each
	 * lane. Rounding the inputs moves a result in proportion to them. */
	double *score_size, *terms;
};

void ref_attn_query(const struct ref_attn *r, double *out);

/* One token of the router: the k experts and their weights. */
struct ref_route {
	const float *logits, *bias, *expert_scale;
	uint32_t n_expert, k, gating;
	bool renorm;
	double scale;
};

void ref_route_token(const struct ref_route *r, int32_t *ids, double *weights);

/* The delta rule for one head of one sequence, n tokens; rows are a step
 * apart. state is d_k x d_v and is advanced. y_size: the sums of the magnitudes
 * of the terms of y. */
struct ref_delta {
	const float *q, *k, *v, *alpha, *beta;
	size_t qk_step, v_step, gate_step;
	double a, dt, q_scale, l2_eps;
	uint32_t n, d_k, d_v;
};

void ref_delta_head(const struct ref_delta *r, double *state, double *y, double *y_size,
                    size_t y_step);

#endif
