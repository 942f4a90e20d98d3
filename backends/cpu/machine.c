/* machine.c - CPU name, cores and memory from /proc, /sys and the scheduler. */
#include "machine.h"

#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <unistd.h>

/* The first line of path that starts with key (NULL: any); false when there is
 * none. */
static bool first_line(const char *path, const char *key, char *line, size_t room)
{
	FILE *f = fopen(path, "re");
	bool found = false;

	if (!f)
		return false;
	while (!found && fgets(line, (int)room, f))
		found = !key || !strncmp(line, key, strlen(key));
	fclose(f);
	return found;
}

void machine_cpu_name(char *out, size_t room)
{
	char line[256];
	const char *name;

	snprintf(out, room, "CPU");
	if (!first_line("/proc/cpuinfo", "model name", line, sizeof(line)))
		return;
	name = strchr(line, ':');
	if (!name)
		return;
	name += 1 + strspn(name + 1, " \t");
	snprintf(out, room, "%.*s", (int)strcspn(name, "\n"), name);
}

/* Is one of the lower-numbered threads of this CPU's core in the set? The list
 * reads like "0,64" or "0-1". */
static bool core_is_counted(int cpu, const cpu_set_t *set)
{
	char path[96], line[128], *p = line;

	snprintf(path, sizeof(path), "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list",
	         cpu);
	if (!first_line(path, NULL, line, sizeof(line)))
		return false;
	while (*p >= '0' && *p <= '9') {
		long first = strtol(p, &p, 10), last = first;

		if (*p == '-')
			last = strtol(p + 1, &p, 10);
		for (long i = first; i <= last && i < cpu; i++)
			if (CPU_ISSET((int)i, set))
				return true;
		if (*p == ',')
			p++;
	}
	return false;
}

/* CPUs that the control group's quota is worth, rounded up; 0: no quota. */
static uint32_t quota_cpus(void)
{
	char line[64];
	unsigned long long quota, period;

	if (!first_line("/sys/fs/cgroup/cpu.max", NULL, line, sizeof(line)) ||
	    sscanf(line, "%llu %llu", &quota, &period) != 2 || !quota || !period)
		return 0;
	return (uint32_t)((quota + period - 1) / period);
}

static uint32_t count_cpus(bool cores_only)
{
	cpu_set_t set;
	uint32_t n = 0, quota = quota_cpus();

	if (sched_getaffinity(0, sizeof(set), &set) == 0) {
		for (int i = 0; i < CPU_SETSIZE; i++)
			n += CPU_ISSET(i, &set) && !(cores_only && core_is_counted(i, &set));
	} else {
		long online = sysconf(_SC_NPROCESSORS_ONLN);

		n = online > 0 ? (uint32_t)online : 1;
	}
	if (quota && quota < n)
		n = quota;
	return n ? n : 1;
}

uint32_t machine_threads(void)
{
	return count_cpus(true);
}

uint32_t machine_cpus(void)
{
	return count_cpus(false);
}

void machine_memory(uint64_t *total, uint64_t *available)
{
	struct sysinfo si;
	char line[128];
	unsigned long long kib, limit;

	*total = *available = 0;
	if (sysinfo(&si) == 0) {
		*total = (uint64_t)si.totalram * si.mem_unit;
		*available = (uint64_t)si.freeram * si.mem_unit;
	}
	if (first_line("/proc/meminfo", "MemAvailable:", line, sizeof(line)) &&
	    sscanf(line, "MemAvailable: %llu", &kib) == 1)
		*available = (uint64_t)kib * 1024;
	if (first_line("/sys/fs/cgroup/memory.max", NULL, line, sizeof(line)) &&
	    sscanf(line, "%llu", &limit) == 1 && limit < *available)
		*available = limit;
}
