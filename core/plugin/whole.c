/* whole.c - the program headers against the file's size; see whole.h.
 * The layout is that of elf(5). */
#include "plugin/whole.h"

#include <fcntl.h>
#include <link.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_SEGMENTS = 64 };

static const unsigned char native = sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32;

static bool reads(int fd, void *to, size_t n, uint64_t at)
{
	return pread(fd, to, n, (off_t)at) == (ssize_t)n;
}

static bool segments_fit(int fd, const ElfW(Ehdr) *head, uint64_t size)
{
	ElfW(Phdr) segment;

	for (uint32_t i = 0; i < head->e_phnum && i < MAX_SEGMENTS; i++) {
		if (!reads(fd, &segment, sizeof(segment), head->e_phoff + i * sizeof(segment)))
			return false;
		if (segment.p_type != PT_LOAD)
			continue;
		if (segment.p_offset > size || segment.p_filesz > size - segment.p_offset)
			return false;
	}
	return true;
}

bool library_is_whole(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ElfW(Ehdr) head;
	struct stat st;
	bool whole = true;

	if (fd < 0)
		return true;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && reads(fd, &head, sizeof(head), 0) &&
	    memcmp(head.e_ident, ELFMAG, SELFMAG) == 0 && head.e_ident[EI_CLASS] == native &&
	    head.e_phentsize == sizeof(ElfW(Phdr)))
		whole = segments_fit(fd, &head, (uint64_t)st.st_size);
	close(fd);
	return whole;
}
