// Becomes a daemon (fork, setsid, fork) that writes a file; the first process waits for the file's text.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void daemon_main(const char *path, int ready) {
    int descriptor = open(path, O_WRONLY | O_TRUNC);
    if (descriptor < 0 || write(descriptor, "daemon was here", 15) != 15) _exit(1);
    close(descriptor);
    if (write(ready, "!", 1) != 1) _exit(2);
    _exit(0);
}

int main(void) {
    char path[] = "/tmp/abitrace-daemon-XXXXXX", text[32] = "", mark;
    int ends[2], made = mkstemp(path);
    if (made < 0 || pipe(ends)) return 1;
    pid_t child = fork();
    if (child == 0) {
        if (setsid() < 0) _exit(1);
        pid_t grandchild = fork();
        if (grandchild == 0) daemon_main(path, ends[1]);
        _exit(grandchild < 0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    close(ends[1]);
    if (status || read(ends[0], &mark, 1) != 1) return 2;
    if (read(made, text, sizeof text - 1) != 15) return 3;
    unlink(path);
    printf("%s\n", text);
    return strcmp(text, "daemon was here") != 0;
}
