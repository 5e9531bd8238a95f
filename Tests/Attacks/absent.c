// Whether a hidden file is there: each way asks a call that fails bare, and by its errno tells.
#include "attack.h"
#include <sys/socket.h>
#include <sys/un.h>
static int tells(int answer, int error) { return answer < 0 && errno == error; }
static int attempt(const char *way) {
    char folder[256], name[300], buffer[256];
    struct stat status;
    snprintf(folder, sizeof folder, "%s/closed", arena);
    snprintf(name, sizeof name, "%s/below", secret);
    if (!strcmp(way, "below")) return tells(stat(name, &status), ENOTDIR);
    if (!strcmp(way, "made below")) return tells(mkdir(name, 0700), ENOTDIR);
    if (!strcmp(way, "how below")) {
        unsigned long how[3] = {O_RDONLY, 0, 1 /* RESOLVE_NO_XDEV */};
        return tells(syscall(437, AT_FDCWD, name, how, sizeof how), ENOTDIR);
    }
    snprintf(name, sizeof name, "%s/", secret);
    if (!strcmp(way, "slash")) return tells(stat(name, &status), ENOTDIR);
    if (!strcmp(way, "exclusive")) return tells(open(secret, O_CREAT | O_EXCL | O_WRONLY, 0600), EEXIST);
    if (!strcmp(way, "create folder")) return tells(open(folder, O_CREAT | O_WRONLY, 0600), EISDIR);
    if (!strcmp(way, "folder")) return tells(open(secret, O_RDONLY | O_DIRECTORY), ENOTDIR);
    if (!strcmp(way, "name folder")) return tells(open(secret, O_PATH | O_DIRECTORY), ENOTDIR);
    if (!strcmp(way, "unnamed")) return tells(open(secret, O_TMPFILE | O_RDWR, 0600), ENOTDIR);
    if (!strcmp(way, "mkdir")) return tells(mkdir(secret, 0700), EEXIST);
    if (!strcmp(way, "symlink")) return tells(symlink("x", secret), EEXIST);
    if (!strcmp(way, "link")) return tells(link(open_file, secret), EEXIST);
    if (!strcmp(way, "rmdir")) return tells(rmdir(secret), ENOTDIR);
    if (!strcmp(way, "unlink")) return tells(unlink(folder), EISDIR);
    if (!strcmp(way, "rename")) return tells(syscall(SYS_renameat2, AT_FDCWD, open_file, AT_FDCWD, secret, 1), EEXIST);
    if (!strcmp(way, "readlink")) return tells(readlink(secret, buffer, sizeof buffer), EINVAL);
    if (!strcmp(way, "chdir")) return tells(chdir(secret), ENOTDIR);
    if (!strcmp(way, "truncate")) return tells(truncate(folder, 0), EISDIR);
    if (!strcmp(way, "exec")) return tells(execl(secret, "x", NULL), EACCES);
    if (!strcmp(way, "exec folder")) return tells(execl(folder, "x", NULL), EACCES);
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    strncpy(address.sun_path, secret, sizeof address.sun_path - 1);
    int own = socket(AF_UNIX, SOCK_STREAM, 0);
    if (own < 0) return 0;
    if (!strcmp(way, "bind")) return tells(bind(own, (void *)&address, sizeof address), EADDRINUSE);
    if (!strcmp(way, "connect")) {
        // Under a policy its own word for what may not be reached tells as much.
        int answer = connect(own, (void *)&address, sizeof address);
        return tells(answer, ECONNREFUSED) || tells(answer, EACCES);
    }
    _exit(9);
}
int main(int argc, char **argv) {
    (void)argc;
    begin(argv);
    return each_way(argv, attempt);
}
