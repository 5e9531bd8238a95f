// Exits with argv[1].
#include <stdio.h>
#include <stdlib.h>

int main(int count, char **arguments) {
    int code = count > 1 ? atoi(arguments[1]) : 0;
    printf("exiting with %d\n", code);
    return code;
}
