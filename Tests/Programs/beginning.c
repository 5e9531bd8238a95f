// Reads the clock a thousand times, and prints the auxiliary vector and the thread pointer that it began with.
#define _GNU_SOURCE
#include <asm/prctl.h>
#include <elf.h>
#include <link.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

int main(int count, char **arguments, char **environment) {
    struct timespec now;
    for (int index = 0; index < 1000; index++) clock_gettime(CLOCK_MONOTONIC, &now);
    while (*environment) environment++;
    if (count < 2) return 0;
    for (ElfW(auxv_t) *entry = (void *)(environment + 1); entry->a_type; entry++)
        printf("%lu %lu\n", (unsigned long)entry->a_type, (unsigned long)entry->a_un.a_val);
#ifdef __x86_64__
    unsigned long base = 0;
    syscall(SYS_arch_prctl, ARCH_GET_FS, &base);
    printf("tls %lu\n", base);
#endif
    return 0;
}
