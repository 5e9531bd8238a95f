// Raises the signal argv[1]; ends well without an argument.
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

int main(int count, char **arguments) {
    int number = count > 1 ? atoi(arguments[1]) : 0;
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    printf("raising %d\n", number);
    fflush(stdout);
    if (number) raise(number);
    printf("still here\n");
    return 0;
}
