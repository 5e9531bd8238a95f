// Runs what may not run: from memory, through the dynamic loader, through a script's first line.
#include "attack.h"
static int status_of(pid_t child) {
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}
int main(int argc, char **argv) {
    (void)argc;
    begin(argv);
    char program[256], script[256];
    snprintf(program, sizeof program, "%s/open/program", arena);
    snprintf(script, sizeof script, "%s/open/script", arena);
    pid_t child = fork();
    if (child == 0) {
        char *const arguments[] = {program, NULL};
        if (!strcmp(argv[2], "memory")) {
            int memory = syscall(SYS_memfd_create, "x", 0), file = open(program, O_RDONLY);
            char buffer[65536];
            ssize_t got;
            while ((got = read(file, buffer, sizeof buffer)) > 0) (void)!write(memory, buffer, got);
            fexecve(memory, arguments, NULL);
            syscall(SYS_execveat, memory, "", arguments, NULL, AT_EMPTY_PATH);
        } else if (!strcmp(argv[2], "loader")) {
            char loader[] = "/lib64/ld-linux-x86-64.so.2";
            char *const loaded[] = {loader, program, NULL};
            execve(loader, loaded, NULL);
        } else if (!strcmp(argv[2], "script")) {
            FILE *file = fopen(script, "w");
            fprintf(file, "#!%s\n", program);
            fclose(file);
            chmod(script, 0755);
            execve(script, arguments, NULL);
        } else {
            execve(program, arguments, NULL);
        }
        _exit(1);
    }
    return won_if(status_of(child) == 77, argv[2]) ? WON : HELD;
}
