// Enters the 32-bit table from 64-bit code: number 20 is getpid there and writev in the 64-bit table.
#include <stdio.h>
#include <unistd.h>

int main(void) {
    long result = 20;
    __asm__ volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
    printf("int 0x80 %s\n", result == getpid() ? "is getpid" : result == -38 ? "is not there" : "is something else");
    return result == getpid() || result == -38 ? 0 : 1;
}
