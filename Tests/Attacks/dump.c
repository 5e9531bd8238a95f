// The kernel writes the dump of a program that crashes into the directory that it stands in: here one that it may only read.
#include "attack.h"
#include <dirent.h>
#include <sys/prctl.h>
#include <sys/resource.h>
static void crash(int by_other_call) {
    struct rlimit limit = {RLIM_INFINITY, RLIM_INFINITY};
    getrlimit(RLIMIT_CORE, &limit);
    // An ordinary user raises it as far as it goes.
    if (geteuid() == 0) limit.rlim_max = RLIM_INFINITY;
    limit.rlim_cur = limit.rlim_max;
    if (by_other_call) syscall(SYS_setrlimit, RLIMIT_CORE, &limit);
    else setrlimit(RLIMIT_CORE, &limit);
    prctl(PR_SET_DUMPABLE, 1);
    raise(SIGQUIT);
    _exit(1);
}
int main(int argc, char **argv) {
    (void)argc;
    begin(argv);
    char folder[256];
    snprintf(folder, sizeof folder, "%s/fixed", arena);
    if (chdir(folder) < 0) return 9;
    int dumps = 0;
    for (int i = 0; i < 2; i++) {
        pid_t child = fork();
        if (child == 0) crash(i);
        waitpid(child, NULL, 0);
    }
    DIR *list = opendir(".");
    for (struct dirent *entry; list && (entry = readdir(list));) dumps += strncmp(entry->d_name, "core", 4) == 0;
    return won_if(dumps, "a dump") ? WON : HELD;
}
