// Calls getppid argv[1] times: the cost of a call that does next to nothing.
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int count, char **arguments) {
    long rounds = count > 1 ? atol(arguments[1]) : 1000;
    for (long round = 0; round < rounds; round++) syscall(SYS_getppid);
    printf("%ld calls\n", rounds);
    return 0;
}
