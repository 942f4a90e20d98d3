/* test_options.c - the option table, the command line, zinc.ini, the environment,
 * and names of bundled models. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/commands.h"
#include "cli/config.h"
#include "cli/env.h"
#include "cli/models.h"
#include "cli/options.h"

enum { MAX_WORDS = 16 };

static struct zinc_err err;

/* Parses words up to NULL. */
static int parse(struct options *o, enum cmd_id id, const char *const *words)
{
	static char *argv[MAX_WORDS];
	int n = 0;

	for (; words[n]; n++)
		argv[n] = (char *)words[n];
	options_init(o, id);
	return options_parse(o, n, argv, id == CMD_PLUGIN, &err);
}

#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

static void refuse(enum cmd_id id, const char *const *words, const char *message)
{
	struct options o;

	assert_int_equal(parse(&o, id, words), ZINC_E_INVALID);
	assert_non_null(strstr(err.msg, message));
	options_finish(&o);
}

static void test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < opt_count; i++) {
		const struct opt_def *d = &opt_table[i];

		assert_non_null(d->name);
		assert_non_null(d->help);
		assert_non_null(d->group);
		assert_true(d->commands != 0);
		assert_int_equal(d->type == OPT_FLAG, d->arg == NULL);
		assert_true(d->at < offsetof(struct options, args));
		assert_true(d->type != OPT_F32 || d->max > d->min);
		for (size_t k = 0; k < i; k++) {
			assert_string_not_equal(d->name, opt_table[k].name);
			assert_true(!d->letter || d->letter != opt_table[k].letter);
			assert_true(d->at != opt_table[k].at);
		}
	}
}

static void test_values(void **state)
{
	struct options o;

	(void)state;
	assert_int_equal(
		parse(&o, CMD_RUN,
		      WORDS("--temp", "0.25", "--top-k=7", "-n", "12", "-q", "--stop", "a", "hello",
			    "--stop=b=c", "--think=on", "--seed=18446744073709551615")),
		ZINC_OK);
	assert_true(o.temp == 0.25f);
	assert_int_equal(o.top_k, 7);
	assert_int_equal(o.max_tokens, 12);
	assert_true(o.quiet);
	assert_false(o.verbose);
	assert_int_equal(o.stop.n, 2);
	assert_string_equal(o.stop.v[1], "b=c");
	assert_int_equal(o.think, 2);
	assert_true(o.seed == UINT64_MAX);
	assert_int_equal(o.n_args, 1);
	assert_string_equal(o.args[0], "hello");
	assert_int_equal(opt_source_of(&o, "temp"), OPT_COMMAND_LINE);
	assert_int_equal(opt_source_of(&o, "top-p"), OPT_DEFAULT);
	options_finish(&o);
}

static void test_shapes_of_words(void **state)
{
	struct options o;

	(void)state;
	/* "-" is a word, "--" ends the options, values may begin with a dash. */
	assert_int_equal(parse(&o, CMD_RUN,
			       WORDS("-n5", "-", "--presence-penalty", "-1.5", "--stop", "--x",
				     "--", "--temp")),
			 ZINC_OK);
	assert_int_equal(o.max_tokens, 5);
	assert_true(o.presence_penalty == -1.5f);
	assert_string_equal(o.stop.v[0], "--x");
	assert_int_equal(o.n_args, 2);
	assert_string_equal(o.args[0], "-");
	assert_string_equal(o.args[1], "--temp");
	options_finish(&o);
	/* Later values win. */
	assert_int_equal(
		parse(&o, CMD_RUN, WORDS("--temp=1", "--temp=2", "--system=a", "--system=b")),
		ZINC_OK);
	assert_true(o.temp == 2.0f);
	assert_string_equal(o.system, "b");
	options_finish(&o);
}

static void test_refusals(void **state)
{
	(void)state;
	refuse(CMD_RUN, WORDS("--tmp", "1"), "--tmp");
	refuse(CMD_RUN, WORDS("-z"), "-z");
	refuse(CMD_RUN, WORDS("-qv"), "-qv");
	refuse(CMD_RUN, WORDS("--temp"), "--temp needs a value");
	refuse(CMD_RUN, WORDS("-n"), "--max-tokens needs a value");
	refuse(CMD_RUN, WORDS("--raw=yes"), "--raw takes no value");
	refuse(CMD_RUN, WORDS("--temp=warm"), "--temp: 'warm'");
	refuse(CMD_RUN, WORDS("--temp=1x"), "--temp: '1x'");
	refuse(CMD_RUN, WORDS("--temp="), "--temp: ''");
	refuse(CMD_RUN, WORDS("--temp=-1"), "--temp: '-1'");
	refuse(CMD_RUN, WORDS("--temp=nan"), "--temp: 'nan'");
	refuse(CMD_RUN, WORDS("--top-p=1.5"), "from 0 to 1");
	refuse(CMD_RUN, WORDS("--top-k=-1"), "--top-k: '-1'");
	refuse(CMD_RUN, WORDS("--top-k= 1"), "--top-k: ' 1'");
	refuse(CMD_RUN, WORDS("--top-k=4294967296"), "4294967295");
	refuse(CMD_RUN, WORDS("--seed=18446744073709551616"), "--seed");
	refuse(CMD_RUN, WORDS("--chunk=8192"), "from 0 to 4096");
	refuse(CMD_RUN, WORDS("--threads=0"), "from 1");
	refuse(CMD_RUN, WORDS("--think=maybe"), "auto|off|on");
	refuse(CMD_RUN, WORDS("--think=o"), "auto|off|on");
	/* An option of another command is unknown here. */
	refuse(CMD_INFO, WORDS("--temp", "1"), "unknown option --temp");
	refuse(CMD_RUN, WORDS("--stride=1"), "unknown option --stride");
}

static void test_keep_unknown(void **state)
{
	struct options o;

	(void)state;
	assert_int_equal(parse(&o, CMD_PLUGIN, WORDS("list", "--plugin-dir", "/x", "--json")),
			 ZINC_OK);
	assert_int_equal(o.plugin_dirs.n, 1);
	assert_int_equal(o.n_args, 2);
	assert_string_equal(o.args[0], "list");
	assert_string_equal(o.args[1], "--json");
	options_finish(&o);
}

/* A file in a folder of the test's own. */
static char folder[] = "/tmp/zinc-test-options-XXXXXX";

static const char *write_file(const char *name, const char *text)
{
	static char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	return path;
}

static void test_config(void **state)
{
	struct options o;
	const char *path = write_file("zinc.ini", "; a comment\n"
						  "backend = one\n"
						  "top-k = 5\n"
						  "stride = 9\n"
						  "stop = x\n"
						  "[run]\n"
						  "temp = 0.5\n"
						  "raw = on\n"
						  "top-p = 0.5\n"
						  "stop = y\n"
						  "[chat]\n"
						  "temp = 0.75\n");

	(void)state;
	assert_int_equal(parse(&o, CMD_RUN, WORDS("--top-p=0.25")), ZINC_OK);
	assert_int_equal(config_read(&o, path, &err), ZINC_OK);
	assert_string_equal(o.backend, "one");
	assert_int_equal(o.top_k, 5);
	assert_int_equal(o.stride, 0); /* not an option of run */
	assert_true(o.temp == 0.5f);
	assert_true(o.raw);
	assert_true(o.top_p == 0.25f); /* the command line wins */
	assert_int_equal(o.stop.n, 2);
	assert_int_equal(opt_source_of(&o, "temp"), OPT_CONFIG);
	options_finish(&o);
}

/* A list on the command line replaces the file's. */
static void test_config_lists(void **state)
{
	struct options o;
	const char *path = write_file("zinc.ini", "stop = x\nstop = y\n");

	(void)state;
	assert_int_equal(parse(&o, CMD_RUN, WORDS("--stop=z")), ZINC_OK);
	assert_int_equal(config_read(&o, path, &err), ZINC_OK);
	assert_int_equal(o.stop.n, 1);
	assert_string_equal(o.stop.v[0], "z");
	options_finish(&o);
}

static void refuse_config(const char *text, const char *message)
{
	struct options o;
	const char *path = write_file("bad.ini", text);

	options_init(&o, CMD_RUN);
	assert_int_equal(config_read(&o, path, &err), ZINC_E_INVALID);
	assert_non_null(strstr(err.msg, message));
	assert_non_null(strstr(err.msg, path));
	options_finish(&o);
}

static void test_config_refusals(void **state)
{
	struct options o;

	(void)state;
	refuse_config("temp = 1\nhot = 2\n", "bad.ini:2: unknown option 'hot'");
	refuse_config("[run]\n\ntemp = cold\nhot = 1\n", "bad.ini:3: --temp: 'cold'");
	refuse_config("[walk]\ntemp = 1\n", "bad.ini:2: no command is named [walk]");
	refuse_config("[info]\ntemp = 1\n", "bad.ini:2: zinc info has no option 'temp'");
	refuse_config("# fine\nnonsense\n", "bad.ini:2: neither");
	refuse_config("config = x\n", "bad.ini:1: unknown option 'config'");
	refuse_config("raw = perhaps\n", "bad.ini:1: --raw: 'perhaps'");
	options_init(&o, CMD_RUN);
	assert_int_equal(config_read(&o, "/nonexistent/zinc.ini", &err), ZINC_E_IO);
	options_finish(&o);
}

static void test_config_places(void **state)
{
	struct options o;
	char path[256];

	(void)state;
	snprintf(path, sizeof(path), "%s/zinc", folder);
	assert_int_equal(mkdir(path, 0700), 0);
	write_file("zinc/zinc.ini", "temp = 0.5\n");
	write_file("named.ini", "temp = 0.25\n");
	setenv("XDG_CONFIG_HOME", folder, 1);
	options_init(&o, CMD_RUN);
	assert_int_equal(config_load(&o, &err), ZINC_OK);
	assert_true(o.temp == 0.5f);
	options_finish(&o);

	snprintf(path, sizeof(path), "%s/named.ini", folder);
	setenv("ZINC_CONFIG", path, 1);
	options_init(&o, CMD_RUN);
	assert_int_equal(config_load(&o, &err), ZINC_OK);
	assert_true(o.temp == 0.25f);
	options_finish(&o);

	/* A file that was named must be there. */
	setenv("ZINC_CONFIG", "/nonexistent.ini", 1);
	options_init(&o, CMD_RUN);
	assert_int_equal(config_load(&o, &err), ZINC_E_IO);
	options_finish(&o);
	unsetenv("ZINC_CONFIG");
	unsetenv("XDG_CONFIG_HOME");
}

static void test_environment(void **state)
{
	struct options o;
	const char *path = write_file("threads.ini", "threads = 2\n");

	(void)state;
	setenv("ZINC_THREADS", "3", 1);
	options_init(&o, CMD_RUN);
	assert_int_equal(env_apply(&o, &err), ZINC_OK);
	assert_int_equal(o.threads, 3);
	/* Over zinc.ini, under the command line. */
	assert_int_equal(config_read(&o, path, &err), ZINC_OK);
	assert_int_equal(o.threads, 3);
	options_finish(&o);
	assert_int_equal(parse(&o, CMD_RUN, WORDS("--threads=4")), ZINC_OK);
	assert_int_equal(env_apply(&o, &err), ZINC_OK);
	assert_int_equal(o.threads, 4);
	options_finish(&o);

	setenv("ZINC_THREADS", "many", 1);
	options_init(&o, CMD_RUN);
	assert_int_equal(env_apply(&o, &err), ZINC_E_INVALID);
	assert_non_null(strstr(err.msg, "ZINC_THREADS"));
	options_finish(&o);
	unsetenv("ZINC_THREADS");
	for (size_t i = 0; i < env_count; i++)
		assert_true(!env_table[i].option || opt_find_any(env_table[i].option));
}

/* Every option of a command is in its help, and no line is too wide. */
static void test_help(void **state)
{
	(void)state;
	for (int id = 0; id < CMD_COUNT; id++) {
		char *text = NULL;
		size_t n;
		FILE *f = open_memstream(&text, &n);

		assert_non_null(f);
		help_command((enum cmd_id)id, f);
		assert_int_equal(fclose(f), 0);
		for (size_t i = 0; i < opt_count; i++) {
			char name[64];

			snprintf(name, sizeof(name), "--%s", opt_table[i].name);
			if (opt_table[i].commands & 1u << id)
				assert_non_null(strstr(text, name));
		}
		for (const char *line = text; *line; line += strcspn(line, "\n") + 1)
			assert_true(strcspn(line, "\n") <= 80);
		free(text);
	}
}

static void test_help_topics(void **state)
{
	FILE *f = fopen("/dev/null", "w");

	(void)state;
	assert_non_null(f);
	assert_int_equal(help_topic("run", f), 0);
	assert_int_equal(help_topic("environment", f), 0);
	assert_int_equal(help_topic("config", f), 0);
	assert_int_equal(help_topic("nothing", f), -1);
	fclose(f);
	assert_int_equal(command_find("perplexity"), CMD_PERPLEXITY);
	assert_int_equal(command_find("per"), CMD_COUNT);
}

static void check_model(const char *name, const char *want)
{
	char *path;

	assert_int_equal(model_find(name, &path, &err), ZINC_OK);
	assert_non_null(strstr(path, want));
	free(path);
}

static void test_models(void **state)
{
	char file[256];
	char *path;

	(void)state;
	snprintf(file, sizeof(file), "%s", write_file("tiny-b7moe.Q4.gguf", "x"));
	write_file("tiny-a1.Q8.gguf", "x");
	write_file("other.txt", "x");
	setenv("ZINC_MODEL_DIR", folder, 1);
	check_model("tiny-b", "/tiny-b7moe.Q4.gguf");
	check_model("tiny-b7moe", "/tiny-b7moe.Q4.gguf");
	check_model("tiny-b7moe.Q4", "/tiny-b7moe.Q4.gguf");
	check_model(file, file);
	check_model(NULL, "/tiny-a1.Q8.gguf");
	assert_true(model_is_name("tiny-a"));
	assert_true(model_is_name("missing.gguf"));
	assert_false(model_is_name("tiny"));
	assert_false(model_is_name("other"));
	assert_false(model_is_name("explain missing.gguf"));
	assert_false(model_is_name(""));
	assert_int_equal(model_find("tiny", &path, &err), ZINC_E_IO);
	assert_non_null(strstr(err.msg, "'tiny'"));
	assert_int_equal(model_find("missing.gguf", &path, &err), ZINC_E_IO);
	assert_non_null(strstr(err.msg, "missing.gguf"));
	unsetenv("ZINC_MODEL_DIR");
}

static int make_folder(void **state)
{
	(void)state;
	unsetenv("ZINC_CONFIG");
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	static const char *const names[] = {"zinc.ini",           "bad.ini",
					    "zinc/zinc.ini",      "zinc",
					    "named.ini",          "threads.ini",
					    "tiny-b7moe.Q4.gguf", "tiny-a1.Q8.gguf",
					    "other.txt",          ""};
	char path[256];

	(void)state;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		remove(path);
	}
	return access(folder, F_OK) == 0 ? -1 : 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_shapes_of_words),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_keep_unknown),
		cmocka_unit_test(test_config),
		cmocka_unit_test(test_config_lists),
		cmocka_unit_test(test_config_refusals),
		cmocka_unit_test(test_config_places),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_help_topics),
		cmocka_unit_test(test_models),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
