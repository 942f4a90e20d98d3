/* probe.c - trying a plugin where it can do no harm: in a forked child with a
 * deadline.
 *
 * The child loads the plugin, lists the devices of a backend and finishes it,
 * and says through a pipe what it is about to do and, at last, what it found.
 * If it dies or hangs, the last word tells where. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "plugin/pci.h"
#include "plugin/registry.h"
#include "util/err.h"

enum { MAX_PASSED = 32 };

/* What goes through the pipe; small enough to be written in one piece. */
struct report {
	uint32_t stage; /* enum plug_stage */
	uint32_t state; /* enum plug_state; with stage DONE, as all below */
	uint32_t dev_class, n_dev;
	char device[96];
	char reason[512];
};

struct child {
	int fd;
	struct report report;
};

static void at_stage(void *ctx, enum plug_stage stage)
{
	const struct child *c = ctx;
	struct report now = c->report;
	ssize_t n;

	now.stage = stage;
	do
		n = write(c->fd, &now, sizeof(now));
	while (n < 0 && errno == EINTR);
}

/* A foreign crash must look like one: no handlers of ours (or of a sanitizer),
 * no core file, no output, no terminal. */
static void calm(void)
{
	static const int fatal[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS,
		                     SIGTERM, SIGINT, SIGPIPE, SIGALRM };
	int null = open("/dev/null", O_RDWR);
	struct rlimit none = { 0, 0 };
	sigset_t empty;

	for (size_t i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++)
		signal(fatal[i], SIG_DFL);
	sigemptyset(&empty);
	sigprocmask(SIG_SETMASK, &empty, NULL);
	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setpgid(0, 0);
	for (int fd = 0; null >= 0 && fd <= 2; fd++)
		dup2(null, fd);
	if (null > 2)
		close(null);
}

int plug_class_rank(uint32_t dev_class)
{
	switch (dev_class) {
	case ZINC_DEV_DGPU: return 3;
	case ZINC_DEV_IGPU: return 2;
	case ZINC_DEV_CPU: return 1;
	default: return 0;
	}
}

static void no_device(struct plug_slot *s, int rc, struct zinc_err *err)
{
	err->msg[sizeof(err->msg) - 1] = '\0';
	if (rc == ZINC_OK)
		plug_set_state(s, PLUG_NO_DEVICE, "it found no device");
	else
		plug_set_state(s, rc == ZINC_E_NO_DEVICE ? PLUG_NO_DEVICE : PLUG_LOAD_FAILED, "%s",
		               err->msg[0] ? err->msg : err_name(rc));
}

static void list_devices(struct plug_slot *s, struct report *out)
{
	const struct zinc_backend *b = s->tables.plugin.backend;
	struct zinc_err err = { 0 };
	int best = -1, rc;
	uint32_t n = 0;

	rc = b->dev_count(s->plug.self, &n, &err);
	if (rc != ZINC_OK || n == 0) {
		no_device(s, rc, &err);
		return;
	}
	for (uint32_t i = 0; i < n && i < 64; i++) {
		struct zinc_dev_info info = { .struct_size = sizeof(info) };

		rc = b->dev_info(s->plug.self, i, &info);
		if (rc != ZINC_OK) {
			plug_set_state(s, PLUG_LOAD_FAILED, "device %u gives no information: %s",
			               i, err_name(rc));
			return;
		}
		if (plug_class_rank(info.dev_class) <= best)
			continue;
		best = plug_class_rank(info.dev_class);
		out->dev_class = info.dev_class;
		snprintf(out->device, sizeof(out->device), "%.*s", (int)sizeof(info.name) - 1,
		         info.name);
	}
	out->n_dev = n;
}

__attribute__((noreturn)) static void run_child(struct plug_registry *r, struct plug_slot *s,
                                                int fd)
{
	struct child c = { .fd = fcntl(fd, F_DUPFD_CLOEXEC, 3) };

	calm();
	if (plug_load(r, s, at_stage, &c)) {
		at_stage(&c, PLUG_STAGE_DEVICES);
		if (s->pub.kind == ZINC_KIND_BACKEND)
			list_devices(s, &c.report);
		at_stage(&c, PLUG_STAGE_FINI);
		plug_unload(s);
	}
	c.report.state = s->pub.state;
	snprintf(c.report.reason, sizeof(c.report.reason), "%s", s->pub.reason);
	at_stage(&c, PLUG_STAGE_DONE);
	_exit(0);
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Looks for the child's end without taking it off the process table, so that
 * its group can still be named. */
static bool has_ended(pid_t pid, siginfo_t *end)
{
	memset(end, 0, sizeof(*end));
	return waitid(P_PID, (id_t)pid, end, WEXITED | WNOHANG | WNOWAIT) != 0 ||
	       end->si_pid == pid;
}

static void nap(void)
{
	const struct timespec t = { 0, 2000000 };

	nanosleep(&t, NULL);
}

/* The child's last word. False when the time is up. A helper process that the
 * plugin started may hold the pipe open, so the child's own end counts too. */
static bool listen_to(int fd, pid_t pid, uint64_t until_ms, struct report *last)
{
	bool ended = false;
	struct report got;
	siginfo_t end;

	while (last->stage != PLUG_STAGE_DONE) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		uint64_t now = now_ms();

		if (now >= until_ms)
			return false;
		if (poll(&p, 1, until_ms - now > 50 ? 50 : (int)(until_ms - now)) > 0) {
			if (read(fd, &got, sizeof(got)) != (ssize_t)sizeof(got))
				return true;
			*last = got;
		} else if (ended) {
			return true;
		} else {
			ended = has_ended(pid, &end);
		}
	}
	return true;
}

/* Ends the child and whatever it started. It may stay behind as a zombie: a
 * process that hangs inside a driver cannot be killed, and is not waited for. */
static void end_child(pid_t pid)
{
	uint64_t until = now_ms() + 1000;

	kill(-pid, SIGKILL);
	while (waitpid(pid, NULL, WNOHANG) == 0 && now_ms() < until)
		nap();
}

static const char *signal_name(int sig)
{
	static const struct {
		int sig;
		const char *name;
	} names[] = {
		{ SIGSEGV, "SIGSEGV" }, { SIGBUS, "SIGBUS" }, { SIGABRT, "SIGABRT" },
		{ SIGFPE, "SIGFPE" }, { SIGILL, "SIGILL" }, { SIGTRAP, "SIGTRAP" },
		{ SIGKILL, "SIGKILL" }, { SIGTERM, "SIGTERM" }, { SIGSYS, "SIGSYS" },
		{ SIGPIPE, "SIGPIPE" },
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i].sig == sig)
			return names[i].name;
	return strsignal(sig);
}

static const char *stage_text(uint32_t stage)
{
	switch (stage) {
	case PLUG_STAGE_OPEN: return "while it was opened";
	case PLUG_STAGE_TABLE: return "while its table was read";
	case PLUG_STAGE_INIT: return "in init()";
	case PLUG_STAGE_DEVICES: return "while it listed its devices";
	default: return "in fini()";
	}
}

static void explain_death(struct plug_slot *s, const struct report *last, const siginfo_t *end)
{
	const char *where = stage_text(last->stage);

	if (end->si_code == CLD_EXITED)
		plug_set_state(s, PLUG_CRASHED,
		               "it ended the process with status %d %s; update the plugin",
		               end->si_status, where);
	else if (end->si_status == SIGBUS && last->stage == PLUG_STAGE_OPEN)
		plug_set_state(s, PLUG_LOAD_FAILED,
		               "%s is cut short (SIGBUS %s); install the plugin again",
		               s->library_path, where);
	else
		plug_set_state(s, PLUG_CRASHED,
		               "it died of %s %s; update the plugin or the driver under it",
		               signal_name(end->si_status), where);
}

/* What was found good, by the library's identity. A driver may refuse to serve a
 * child of a process that uses it already, so a plugin that passed is not tried
 * again in this process. Registries are made by one thread at a time. */
static struct {
	dev_t dev;
	ino_t ino;
	off_t size;
	struct timespec written;
	struct report report;
} passed[MAX_PASSED];
static uint32_t n_passed;

static struct report *find_passed(const char *path)
{
	struct stat st;

	if (stat(path, &st))
		return NULL;
	for (uint32_t i = 0; i < n_passed; i++)
		if (passed[i].dev == st.st_dev && passed[i].ino == st.st_ino &&
		    passed[i].size == st.st_size &&
		    passed[i].written.tv_sec == st.st_mtim.tv_sec &&
		    passed[i].written.tv_nsec == st.st_mtim.tv_nsec)
			return &passed[i].report;
	return NULL;
}

static void remember(const char *path, const struct report *r)
{
	struct stat st;

	if (n_passed == MAX_PASSED || find_passed(path) || stat(path, &st))
		return;
	passed[n_passed].dev = st.st_dev;
	passed[n_passed].ino = st.st_ino;
	passed[n_passed].size = st.st_size;
	passed[n_passed].written = st.st_mtim;
	passed[n_passed++].report = *r;
}

static void adopt(struct plug_slot *s, struct report *last)
{
	last->reason[sizeof(last->reason) - 1] = '\0';
	last->device[sizeof(last->device) - 1] = '\0';
	plug_set_state(s, (enum plug_state)last->state, "%s", last->reason);
	memcpy(s->device, last->device, sizeof(s->device));
	for (char *c = s->device; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = ' ';
	s->dev_class = last->dev_class;
	s->n_dev = last->n_dev;
}

static void watch_child(const struct plug_registry *r, struct plug_slot *s, pid_t pid, int fd)
{
	uint64_t until = now_ms() + r->probe_timeout_ms;
	struct report last = { .stage = PLUG_STAGE_OPEN };
	bool in_time = listen_to(fd, pid, until, &last), done = last.stage == PLUG_STAGE_DONE;
	siginfo_t end;

	while (in_time && !done && !has_ended(pid, &end)) {
		nap();
		in_time = now_ms() < until;
	}
	end_child(pid);
	if (done && last.state <= PLUG_MASKED) {
		adopt(s, &last);
		if (last.state == PLUG_READY)
			remember(s->library_path, &last);
	} else if (in_time && !done) {
		explain_death(s, &last, &end);
	} else {
		plug_set_state(s, PLUG_CRASHED,
		               "no answer within %u ms %s; update the plugin or the driver under "
		               "it",
		               r->probe_timeout_ms, stage_text(last.stage));
	}
}

static void probe_in_child(struct plug_registry *r, struct plug_slot *s)
{
	int pipe_fd[2];
	pid_t pid = -1;

	/* exit() in the plugin would write unflushed output a second time. */
	fflush(NULL);
	if (pipe2(pipe_fd, O_CLOEXEC) == 0) {
		pid = fork();
		if (pid == 0) {
			close(pipe_fd[0]);
			run_child(r, s, pipe_fd[1]);
		}
		close(pipe_fd[1]);
	} else {
		pipe_fd[0] = -1;
	}
	if (pid > 0) {
		setpgid(pid, pid);
		watch_child(r, s, pid, pipe_fd[0]);
	} else {
		plug_set_state(s, PLUG_LOAD_FAILED, "no child process to try it in: %s",
		               strerror(errno));
	}
	if (pipe_fd[0] >= 0)
		close(pipe_fd[0]);
}

bool plug_probe(struct plug_registry *r, struct plug_slot *s, bool match)
{
	bool first = s->pub.state == PLUG_FOUND;
	bool again = s->pub.state == PLUG_NO_MATCH && !match;
	struct report *known;

	if (!first && !again)
		return s->pub.state == PLUG_READY;
	if (match && !pci_matches(PCI_ROOT, s->m)) {
		plug_set_state(s, PLUG_NO_MATCH,
		               "none of the PCI devices that its manifest names is in this "
		               "machine; ask for it by its full id to try it all the same");
		return false;
	}
	known = find_passed(s->library_path);
	if (known)
		adopt(s, known);
	else
		probe_in_child(r, s);
	return s->pub.state == PLUG_READY;
}
