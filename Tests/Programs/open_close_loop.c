// Opens and closes a file argv[1] times: the cost of a call with a path.
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int count, char **arguments) {
    long rounds = count > 1 ? atol(arguments[1]) : 1000;
    for (long round = 0; round < rounds; round++) {
        int descriptor = open("/dev/null", O_RDONLY);
        if (descriptor < 0) return 1;
        close(descriptor);
    }
    printf("%ld rounds\n", rounds);
    return 0;
}
