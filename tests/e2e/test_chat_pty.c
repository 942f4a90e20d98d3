/* test_chat_pty.c - zinc chat as a person at a terminal meets it: prompts, line
 * editing, history over two sessions, Ctrl-C, Ctrl-D. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "unit/gguf_bytes.h"

enum { DEADLINE_S = 120, SCREEN = 1 << 18 };

/* One zinc at the other end of a terminal. */
struct talk {
	pid_t pid;
	int fd;
	char *screen; /* all that was shown */
	size_t n;
	size_t seen;  /* up to here somebody has looked */
};

static void start_zinc(const char *const *args)
{
	char *argv[16] = {(char *)(uintptr_t)ZINC_PROGRAM, (char *)(uintptr_t)"chat"};
	int n = 2;

	while (args[n - 2]) {
		argv[n] = (char *)(uintptr_t)args[n - 2];
		n++;
	}
	setenv("HOME", temp_dir(), 1);
	setenv("TERM", "vt100", 1);
	setenv("ZINC_MODEL_DIR", ZINC_MODEL_DIR, 1);
	unsetenv("XDG_STATE_HOME");
	unsetenv("XDG_CONFIG_HOME");
	unsetenv("ZINC_CONFIG");
	execv(argv[0], argv);
	_exit(127);
}

static void talk_begin(struct talk *t, const char *const *args)
{
	struct winsize size = {.ws_row = 40, .ws_col = 200};

	memset(t, 0, sizeof(*t));
	t->screen = calloc(1, SCREEN);
	assert_non_null(t->screen);
	t->pid = forkpty(&t->fd, NULL, NULL, &size);
	assert_true(t->pid >= 0);
	if (t->pid == 0)
		start_zinc(args);
}

/* More of what zinc shows; false at its end. */
static int read_more(struct talk *t, time_t until)
{
	struct pollfd p = {.fd = t->fd, .events = POLLIN};
	ssize_t n;

	if (time(NULL) > until || t->n + 1 >= SCREEN) {
		kill(t->pid, SIGKILL);
		fail_msg("not shown in time; on the screen since:\n%s", t->screen + t->seen);
	}
	if (poll(&p, 1, 1000) == 0)
		return 1;
	n = read(t->fd, t->screen + t->n, SCREEN - 1 - t->n);
	if (n <= 0)
		return 0;
	t->n += (size_t)n;
	t->screen[t->n] = '\0';
	return 1;
}

/* Waits for text after what was seen before. */
static void expect(struct talk *t, const char *text)
{
	time_t until = time(NULL) + DEADLINE_S;
	const char *at;

	while (!(at = strstr(t->screen + t->seen, text)))
		if (!read_more(t, until))
			fail_msg("zinc ended without '%s':\n%s", text, t->screen + t->seen);
	t->seen = (size_t)(at - t->screen) + strlen(text);
}

/* The prompt, and then the terminal in the line editor's hands: a Ctrl-D typed
 * in between would be lost. */
static void expect_prompt(struct talk *t, const char *prompt)
{
	time_t until = time(NULL) + DEADLINE_S;
	struct termios mode;

	expect(t, prompt);
	do {
		assert_true(time(NULL) <= until);
		usleep(1000);
		assert_int_equal(tcgetattr(t->fd, &mode), 0);
	} while (mode.c_lflag & ICANON);
}

static void type(struct talk *t, const char *keys)
{
	assert_int_equal(write(t->fd, keys, strlen(keys)), strlen(keys));
}

/* What zinc shows until it ends; its exit status. */
static int talk_end(struct talk *t)
{
	time_t until = time(NULL) + DEADLINE_S;
	int status;

	while (read_more(t, until))
		;
	assert_int_equal(waitpid(t->pid, &status, 0), t->pid);
	close(t->fd);
	free(t->screen);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static const char *const pocket[] = {"pocket-qwen", "--greedy", "--threads=1", NULL};

static void test_turns(void **state)
{
	struct talk t;

	(void)state;
	talk_begin(&t, pocket);
	expect(&t, "pocket-qwen35moe.Q4_K_M.gguf; /help lists commands");
	expect_prompt(&t, "> ");
	type(&t, "What does lantern mean?\n");
	expect(&t, "lantern (noun): light in a transparent protective case.");
	expect(&t, "prompt tokens (0 reused)");
	expect_prompt(&t, "> ");
	type(&t, "What does\\\n");
	expect_prompt(&t, ". ");
	type(&t, "candle mean?\n");
	expect(&t, "candle (noun): stick of wax with a wick in the middle");
	expect_prompt(&t, "> ");
	type(&t, "/exit\n");
	assert_int_equal(talk_end(&t), 0);
}

static void test_commands(void **state)
{
	struct talk t;

	(void)state;
	talk_begin(&t, pocket);
	expect_prompt(&t, "> ");
	type(&t, "/help\n");
	expect(&t, "/regen");
	expect(&t, "ends a block of lines.");
	type(&t, "/stats\n");
	expect(&t, "context: 0 of 4096 tokens");
	type(&t, "/think on\n/think\n");
	expect(&t, "think: on");
	type(&t, "/system\n");
	expect(&t, "(no system message)");
	type(&t, "/frobnicate\n");
	expect(&t, "unknown command /frobnicate");
	type(&t, "/clear\n");
	expect(&t, "(a new conversation)");
	type(&t, "/exit\n");
	/* A command went wrong. */
	assert_int_equal(talk_end(&t), 1);
}

/* Ctrl-D leaves from an empty line; the arrow key brings back a line of the
 * session before. What was typed is for nobody else to read. */
static void test_history(void **state)
{
	char path[400];
	struct stat st;
	struct talk t;

	(void)state;
	talk_begin(&t, pocket);
	expect_prompt(&t, "> ");
	type(&t, "What does river mean?\n");
	expect(&t, "a large natural stream");
	expect_prompt(&t, "> ");
	type(&t, "\004");
	assert_int_equal(talk_end(&t), 0);
	snprintf(path, sizeof(path), "%s/.local/state/zinc/history", temp_dir());
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	talk_begin(&t, pocket);
	expect_prompt(&t, "> ");
	type(&t, "\033[A\n");
	expect(&t, "What does river mean?");
	expect(&t, "a large natural stream");
	expect_prompt(&t, "> ");
	type(&t, "\004");
	assert_int_equal(talk_end(&t), 0);
}

/* Ctrl-C ends the line being typed, then an answer without an end, and never
 * the conversation. */
static void test_interrupts(void **state)
{
	static const char *const endless[] = {"pocket-qwen",       "--greedy",
	                                      "--threads=1",       "--logit-bias=0=-inf",
	                                      "--logit-bias=1=-inf", "--logit-bias=2=-inf", NULL};
	struct talk t;

	(void)state;
	talk_begin(&t, endless);
	expect_prompt(&t, "> ");
	type(&t, "half a li");
	expect(&t, "half a li");
	type(&t, "\003");
	expect(&t, "(Ctrl-D or /exit leaves)");
	for (int i = 0; i < 50; i++) {
		/* Hits the editor anywhere between two waits for a key. */
		expect_prompt(&t, "> ");
		type(&t, "key");
		type(&t, "\003");
		expect(&t, "(Ctrl-D or /exit leaves)");
	}
	expect_prompt(&t, "> ");
	type(&t, "What does lantern mean?\n");
	expect(&t, "lantern (noun)");
	type(&t, "\003");
	expect(&t, "; cancelled]");
	expect_prompt(&t, "> ");
	type(&t, "/stats\n");
	expect(&t, "; cancelled");
	expect_prompt(&t, "> ");
	type(&t, "What does candle mean?\n");
	expect(&t, "candle (noun)");
	type(&t, "\003");
	expect(&t, "; cancelled]");
	expect_prompt(&t, "> ");
	type(&t, "\004");
	assert_int_equal(talk_end(&t), 0);
}

static void test_wrong_model(void **state)
{
	static const char *const args[] = {"nosuch", NULL};
	struct talk t;

	(void)state;
	talk_begin(&t, args);
	expect(&t, "'nosuch' is neither a .gguf file nor the name of a bundled model");
	assert_int_equal(talk_end(&t), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_turns),      cmocka_unit_test(test_commands),
		cmocka_unit_test(test_history),    cmocka_unit_test(test_interrupts),
		cmocka_unit_test(test_wrong_model),
	};
	char command[300];
	int rc;

	/* Made here, so that every child has the same one. */
	snprintf(command, sizeof(command), "rm -rf '%s'", temp_dir());
	rc = cmocka_run_group_tests_name("chat_pty", tests, NULL, NULL);
	return rc ? rc : system(command) != 0;
}
