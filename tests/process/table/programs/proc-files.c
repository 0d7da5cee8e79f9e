/* What /proc/self shows of the process and lets it set. */
#include "stage.h"
#include <sys/auxv.h>
#include <sys/prctl.h>

extern char **environ;

static int read_proc(const char *name, char *b, int size)
{
	char file[64];
	int fd, n, got = 0;

	snprintf(file, sizeof file, "/proc/self/%s", name);
	CHECK((fd = open(file, O_RDONLY)) >= 0);
	while ((n = read(fd, b + got, size - 1 - got)) > 0)
		got += n;
	close(fd);
	b[got] = 0;
	return got;
}

static void write_proc(const char *name, const char *text)
{
	char file[64];
	int fd;

	snprintf(file, sizeof file, "/proc/self/%s", name);
	CHECK((fd = open(file, O_WRONLY)) >= 0);
	EQUAL(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void link_is(const char *name, const char *want)
{
	char file[64], got[512] = "";

	snprintf(file, sizeof file, "/proc/self/%s", name);
	CHECK(readlink(file, got, sizeof got - 1) > 0);
	if (strcmp(got, want))
		failed("%s leads to %s, not %s", name, got, want);
}

int main(void)
{
	static char b[1 << 16], cmdline[4096], environment[1 << 16], auxv[4096];
	char exe[512] = "", other[512];
	int cmdline_size, environment_size, auxv_size;

	CHECK(readlink("/proc/self/exe", exe, sizeof exe - 1) > 0);
	CHECK(!mkdir(path("elsewhere"), 0755));
	CHECK(!chdir(path("elsewhere")));
	CHECK(getcwd(other, sizeof other));
	umask(0157);
	write_proc("oom_score_adj", "321");
	write_proc("coredump_filter", "0x7b");
	prctl(PR_SET_NAME, "odd) (name");
	cmdline_size = read_proc("cmdline", cmdline, sizeof cmdline);
	environment_size = read_proc("environ", environment, sizeof environment);
	auxv_size = read_proc("auxv", auxv, sizeof auxv);
	ready();
	EQUAL(read_proc("cmdline", b, sizeof b), cmdline_size);
	CHECK(!memcmp(b, cmdline, cmdline_size));
	EQUAL(read_proc("environ", b, sizeof b), environment_size);
	CHECK(!memcmp(b, environment, environment_size));
	EQUAL(read_proc("auxv", b, sizeof b), auxv_size);
	CHECK(!memcmp(b, auxv, auxv_size));
	read_proc("comm", b, sizeof b);
	CHECK(!strcmp(b, "odd) (name\n"));
	read_proc("oom_score_adj", b, sizeof b);
	EQUAL(atoi(b), 321);
	read_proc("coredump_filter", b, sizeof b);
	EQUAL(strtol(b, NULL, 16), 0x7b);
	link_is("exe", exe);
	link_is("cwd", other);
	link_is("root", "/");
	EQUAL(umask(0), 0157);
	CHECK(strstr((char *)getauxval(AT_EXECFN), "proc-files"));
	CHECK(getenv("PATH") != NULL);
	return passed();
}
