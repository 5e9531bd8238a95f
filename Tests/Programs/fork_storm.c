// Forks argv[1] children, each of which forks one more, and waits for all.
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int count, char **arguments) {
    int wanted = count > 1 ? atoi(arguments[1]) : 50, good = 0, status = 0;
    for (int index = 0; index < wanted; index++) {
        pid_t child = fork();
        if (child < 0) return 1;
        if (child == 0) {
            pid_t grandchild = fork();
            if (grandchild == 0) _exit(0);
            _exit(grandchild < 0 || waitpid(grandchild, &status, 0) != grandchild || status);
        }
    }
    while (wait(&status) > 0) good += status == 0;
    printf("%d of %d\n", good, wanted);
    return good == wanted ? 0 : 2;
}
