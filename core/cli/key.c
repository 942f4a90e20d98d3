/* key.c - waiting for a key or a signal, whichever comes first; see key.h. */
#include "cli/key.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "cli/terminal.h"

/* What was typed before Ctrl-C goes with the line it belongs to. */
static int give_up(void)
{
	tcflush(STDIN_FILENO, TCIFLUSH);
	errno = EINTR;
	return -1;
}

/* A byte of standard input; usual: the signals that may come while waiting. */
static int read_byte(char *byte, const sigset_t *usual)
{
	struct pollfd in = {.fd = STDIN_FILENO, .events = POLLIN};

	do {
		if (interrupt_pending())
			return give_up();
	} while (ppoll(&in, 1, NULL, usual) < 0 && errno == EINTR);
	return (int)read(STDIN_FILENO, byte, 1);
}

static int read_char(wchar_t *key, const sigset_t *usual)
{
	char bytes[MB_LEN_MAX];
	size_t n = 0;

	while (n < sizeof(bytes)) {
		int rc = read_byte(bytes + n, usual);
		mbstate_t start;
		size_t len;

		if (rc <= 0)
			return rc;
		memset(&start, 0, sizeof(start));
		len = mbrtowc(key, bytes, ++n, &start);
		if (len == (size_t)-1)
			n = 0; /* no character begins like that */
		else if (len != (size_t)-2)
			return 1;
	}
	errno = EILSEQ;
	return -1;
}

int key_read(EditLine *el, wchar_t *key)
{
	sigset_t held, usual;
	int rc, why;

	(void)el;
	sigemptyset(&held);
	sigaddset(&held, SIGINT);
	sigprocmask(SIG_BLOCK, &held, &usual);
	rc = read_char(key, &usual);
	why = errno;
	sigprocmask(SIG_SETMASK, &usual, NULL);
	errno = why;
	return rc;
}
