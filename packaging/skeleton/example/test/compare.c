/* compare.c - are two files of float32 the same within a bound?
 * usage: compare A B BOUND */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	FILE *a = argc == 4 ? fopen(argv[1], "rb") : NULL, *b = a ? fopen(argv[2], "rb") : NULL;
	double worst = 0, bound = b ? atof(argv[3]) : 0;
	size_t n = 0, got_a, got_b;
	float x, y;

	if (!b) {
		fprintf(stderr, "usage: compare A B BOUND\n");
		return 2;
	}
	while ((got_a = fread(&x, sizeof(x), 1, a)) & (got_b = fread(&y, sizeof(y), 1, b))) {
		double d = fabs((double)x - (double)y);

		worst = d <= worst ? worst : d; /* NaN counts */
		n++;
	}
	printf("%zu values, largest difference %.2e, bound %.2e\n", n, worst, bound);
	return !(n && got_a == got_b && worst <= bound);
}
