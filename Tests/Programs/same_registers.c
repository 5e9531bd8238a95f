// Opens names in turn, there and not there, from one place in memory: the registers of all these calls are the same.
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

int main(void) {
    char name[64];
    for (int round = 0; round < 100; round++) {
        strcpy(name, round % 3 ? "/nowhere/to/be/found" : "/etc/passwd");
        int file = open(name, O_RDONLY);
        if ((file < 0) != (round % 3 != 0)) return 1;
        if (file >= 0) close(file);
    }
    return 0;
}
