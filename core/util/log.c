/* log.c - lines on stderr. */
#include "util/log.h"

#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { LINE = 1024, ONCE_MAX = 64 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int max_level = ZINC_LOG_WARN;
static unsigned long once_seen[ONCE_MAX];
static int n_once;

void log_set_level(int level)
{
	pthread_mutex_lock(&lock);
	max_level = level;
	pthread_mutex_unlock(&lock);
}

static const char *prefix(int level)
{
	switch (level) {
	case ZINC_LOG_ERROR: return "zinc: error: ";
	case ZINC_LOG_WARN: return "zinc: warning: ";
	default: return "zinc: ";
	}
}

static unsigned long hash(const char *s)
{
	unsigned long h = 5381;

	while (*s)
		h = h * 33 + (unsigned char)*s++;
	return h;
}

/* True the first time; past ONCE_MAX different texts everything is new. */
static int first_time(const char *text)
{
	unsigned long h = hash(text);

	for (int i = 0; i < n_once; i++)
		if (once_seen[i] == h)
			return 0;
	if (n_once < ONCE_MAX)
		once_seen[n_once++] = h;
	return 1;
}

static void write_line(int level, const char *text, int once)
{
	pthread_mutex_lock(&lock);
	if (level <= max_level && (!once || first_time(text)))
		fprintf(stderr, "%s%s\n", prefix(level), text);
	pthread_mutex_unlock(&lock);
}

void log_msg(int level, const char *fmt, ...)
{
	char line[LINE];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	write_line(level, line, 0);
}

void log_once(int level, const char *fmt, ...)
{
	char line[LINE];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	write_line(level, line, 1);
}
