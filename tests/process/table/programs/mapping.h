/* What /proc/self/smaps says of one mapping. */
#include "stage.h"

/* smaps_line finds the line of the mapping at p that begins with name. */
static inline void smaps_line(const void *p, const char *name, char *line, int size)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	unsigned long start, end;
	int inside = 0;

	CHECK(f);
	while (fgets(line, size, f)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			inside = (unsigned long)p >= start && (unsigned long)p < end;
		else if (inside && !strncmp(line, name, strlen(name))) {
			fclose(f);
			return;
		}
	}
	failed("no line %s for %p in smaps", name, p);
}

static inline int has_flag(const void *p, const char *flag)
{
	char line[512], word[8];

	smaps_line(p, "VmFlags:", line, sizeof line);
	snprintf(word, sizeof word, " %s ", flag);
	return strstr(line, word) != NULL;
}
