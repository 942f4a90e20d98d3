/* terminal.c - progress, colour, Ctrl-C. */
#include "cli/terminal.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cli/env.h"

enum { BAR = 24 };

void term_init(struct terminal *t, bool quiet, bool verbose)
{
	const char *kind = env_get("TERM");
	bool able = kind && strcmp(kind, "dumb");

	*t = (struct terminal){
		.in = isatty(STDIN_FILENO),
		.out = isatty(STDOUT_FILENO),
		.err = isatty(STDERR_FILENO),
		.quiet = quiet,
		.verbose = verbose,
	};
	t->colour = t->out && able && !env_get("NO_COLOR");
	t->progress = t->err && able && !quiet;
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

void term_progress(struct terminal *t, const char *what, double part)
{
	int percent = part < 0.0 ? 0 : part > 1.0 ? 100 : (int)(part * 100.0);
	char bar[BAR + 1];
	double time;

	if (!t->progress || (t->bar && percent == t->percent))
		return;
	time = now();
	if (t->bar && percent < 100 && time - t->drawn < 0.05)
		return;
	for (int i = 0; i < BAR; i++)
		bar[i] = i * 100 < percent * BAR ? '#' : ' ';
	bar[BAR] = '\0';
	fprintf(stderr, "\r\033[K%s [%s] %d%%", what, bar, percent);
	fflush(stderr);
	t->bar = true;
	t->percent = percent;
	t->drawn = time;
}

void term_progress_end(struct terminal *t)
{
	if (t->bar) {
		fputs("\r\033[K", stderr);
		fflush(stderr);
	}
	t->bar = false;
}

void term_note(struct terminal *t, const char *fmt, ...)
{
	va_list ap;

	if (t->quiet || (!t->err && !t->verbose))
		return;
	term_progress_end(t);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
}

const char *term_dim(const struct terminal *t)
{
	return t->colour ? "\033[2m" : "";
}

const char *term_plain(const struct terminal *t)
{
	return t->colour ? "\033[0m" : "";
}

static volatile sig_atomic_t interrupted;

static void on_interrupt(int sig)
{
	if (interrupted) {
		signal(sig, SIG_DFL);
		raise(sig);
	}
	interrupted = 1;
}

void interrupt_install(void)
{
	struct sigaction sa = {.sa_handler = on_interrupt};

	sigemptyset(&sa.sa_mask);
	sigaction(SIGINT, &sa, NULL);
}

bool interrupt_pending(void)
{
	return interrupted != 0;
}

void interrupt_clear(void)
{
	interrupted = 0;
}
