/* pci.c - reading vendor and device ids from sysfs. */
#include "plugin/pci.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

/* "0x1af4\n" in DIR/NAME/FILE. */
static bool read_id(int dir, const char *file, uint32_t *out)
{
	char text[16];
	int fd = openat(dir, file, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);

	if (fd >= 0)
		close(fd);
	if (n <= 0)
		return false;
	text[n] = '\0';
	*out = (uint32_t)strtoul(text, NULL, 16);
	return true;
}

static bool device_matches(int root, const char *name, const struct manifest *m)
{
	int dir = openat(root, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	uint32_t vendor, device;
	bool hit = false;

	if (dir < 0)
		return false;
	if (read_id(dir, "vendor", &vendor) && read_id(dir, "device", &device))
		for (uint32_t i = 0; i < m->n_pci && !hit; i++)
			hit = m->pci[i].vendor == vendor && (m->pci[i].device == device ||
			                                     m->pci[i].device == MANIFEST_PCI_ANY);
	close(dir);
	return hit;
}

bool pci_matches(const char *root, const struct manifest *m)
{
	const struct dirent *e;
	bool hit = false;
	DIR *d;

	if (m->n_pci == 0)
		return true;
	d = opendir(root);
	if (!d)
		return true;
	while (!hit && (e = readdir(d)))
		hit = e->d_name[0] != '.' && device_matches(dirfd(d), e->d_name, m);
	closedir(d);
	return hit;
}
