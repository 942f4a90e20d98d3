/* group.c - running groups in child processes; see group.h. */
#include "group.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* What parent and child have in common. */
struct shared {
	struct kit_report report;
	char now[KIT_NOW];
};

void kit_now(struct kit_group_ctx *g, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(g->now, KIT_NOW, format, args);
	va_end(args);
}

void kit_result(struct kit_group_ctx *g, bool ok, const char *format, ...)
{
	char what[KIT_NOW], detail[KIT_MSG];
	va_list args;

	snprintf(what, sizeof(what), "%s", g->now);
	if (format) {
		va_start(args, format);
		vsnprintf(detail, sizeof(detail), format, args);
		va_end(args);
	}
	report_result(g->report, ok, what, format && !ok ? detail : NULL);
}

void kit_group_host(const struct kit_group_ctx *g, struct kit_host *h)
{
	kit_host_init(h);
	memcpy(h->options, g->o->plugin_options, sizeof(h->options));
	h->n_options = g->o->n_plugin_options;
	h->verbose = g->o->ops.verbose;
}

bool kit_group_open(struct kit_group_ctx *g, struct kit_dev *d, struct kit_host *h)
{
	char msg[KIT_MSG] = "";
	bool ok;

	kit_group_host(g, h);
	ok = kit_load(d, g->o->file, h, msg) && kit_open(d, msg);
	if (!ok) {
		/* A healthy plugin, on a machine without what it is for. */
		g->report->no_device = d->status == ZINC_E_NO_DEVICE;
		if (g->report->no_device)
			report_warning(g->report, msg);
		else
			kit_result(g, false, "%s", msg);
		kit_unload(d);
		kit_host_finish(h);
	}
	return ok;
}

void kit_group_close(struct kit_group_ctx *g, struct kit_dev *d)
{
	struct kit_host *h = d->host;

	kit_now(g, "%s: close the device", g->name);
	kit_close(d);
	if (h->n_live)
		kit_result(g, false, "%lld allocations of the host's were never freed",
		           (long long)h->n_live);
	if (h->misused)
		kit_result(g, false, "alloc() was asked for an alignment that is no power of two");
	kit_unload(d);
	kit_host_finish(h);
}

static const char *signal_name(int status)
{
	return WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) : "exit";
}

/* The child's wait status; false: it was stopped at the deadline. */
static bool wait_for(pid_t child, uint32_t deadline_s, int *status)
{
	const struct timespec tick = {0, 5000000};

	for (uint64_t i = 0; i < deadline_s * UINT64_C(200); i++) {
		if (waitpid(child, status, WNOHANG) == child)
			return true;
		nanosleep(&tick, NULL);
	}
	kill(child, SIGKILL);
	while (waitpid(child, status, 0) < 0 && errno == EINTR)
		;
	return false;
}

static void run_child(const struct kit_group *k, struct kit_group_ctx *g)
{
	uint32_t deadline = g->o->deadline_s ? g->o->deadline_s : k->deadline_s;
	int status = 0;
	char line[KIT_NOW + 100];
	pid_t child;

	fflush(stdout);
	child = fork();
	if (child == 0) {
		/* Whoever ends this program means its groups as well. */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		k->run(g);
		fflush(stdout);
		_exit(0);
	}
	if (child < 0) {
		report_result(g->report, false, k->name, "fork() failed");
	} else if (!wait_for(child, deadline, &status)) {
		snprintf(line, sizeof(line), "not done after %u s; it was at: %s", deadline,
		         g->now);
		report_result(g->report, false, k->name, line);
	} else if (status) {
		snprintf(line, sizeof(line), "ended by %s %d; it was at: %s", signal_name(status),
		         WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status), g->now);
		report_result(g->report, false, k->name, line);
	}
}

static bool chosen(const char *list, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = list; p && *p; p += strcspn(p, ","), p += *p == ',')
		if (strcspn(p, ",") == n && !strncmp(p, name, n))
			return true;
	return !list;
}

/* 0: its kind cannot be told. Asked of a child, since loading may crash. */
static unsigned kind_of(const struct kit_options *o)
{
	struct kit_group_ctx g = {.o = o};
	struct kit_host host;
	struct kit_dev d;
	char msg[KIT_MSG];
	int status = 0;
	pid_t child = o->no_fork ? 0 : fork();

	if (child == 0) {
		kit_group_host(&g, &host);
		status = kit_load(&d, o->file, &host, msg) ? (int)d.plugin->kind : 0;
		if (!status)
			fprintf(stderr, "zinc-plugin-test: %s\n", msg);
		kit_unload(&d);
		kit_host_finish(&host);
		if (!o->no_fork)
			_exit(status);
	} else if (child < 0 || !wait_for(child, 60, &status)) {
		return 0;
	} else {
		status = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
	}
	return status == ZINC_KIND_ARCH ? FOR_ARCHS :
	       status == ZINC_KIND_BACKEND ? FOR_BACKENDS : 0;
}

int kit_groups_run(const struct kit_options *o)
{
	struct shared *s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE,
	                        MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct kit_group_ctx g = {.o = o};
	unsigned kind = kind_of(o);
	int rc;

	if (s == MAP_FAILED)
		return 2;
	g.report = &s->report;
	g.now = s->now;
	s->report = (struct kit_report){.format = o->format, .to = stdout};
	if (!o->ops.list)
		report_begin(g.report, o->file);
	for (const struct kit_group *k = kit_groups; k->name; k++) {
		/* What is no plugin is only looked at. */
		if (!chosen(o->groups, k->name) || !(kind ? k->kinds & kind : k == kit_groups))
			continue;
		if (s->report.no_device)
			break;
		g.name = k->name;
		kit_now(&g, "%s", k->name);
		if (o->no_fork)
			k->run(&g);
		else
			run_child(k, &g);
	}
	rc = o->ops.list ? 0 : report_end(g.report);
	munmap(s, sizeof(*s));
	return rc;
}
