// Makes every system call of a range with arguments that mean nothing, each number in a child of its own.
// Usage: garbage [FROM TO ROUNDS]. For use where it can do no harm: as nobody, in namespaces of its own.
#define _GNU_SOURCE
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROOM 65536

static unsigned long state = 88172645463325252ul;
static char *memory;

static unsigned long draw(void) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

// Numbers, descriptors, pointers into memory full of noise, pointers to its end, and anything at all.
static unsigned long argument(void) {
    switch (draw() % 7) {
    case 0: return 0;
    case 1: return draw() % 64;
    case 2: return (unsigned long)memory + (draw() & 0xFFF8);
    case 3: return -1ul;
    case 4: return (unsigned long)memory + ROOM - draw() % 16;
    case 5: return draw() & 0xFFFFFFFF;
    default: return draw();
    }
}

static void attempt(long number, int rounds) {
    // What makes processes or rewrites registers would make the run another one each time.
    switch (number) {
    case SYS_clone: case SYS_fork: case SYS_vfork: case SYS_clone3: case SYS_pause: case SYS_rt_sigreturn: return;
    }
    for (int index = 0; index < ROOM; index++) memory[index] = (char)draw();
    for (int round = 0; round < rounds; round++)
        syscall(number, argument(), argument(), argument(), argument(), argument(), argument());
}

static void limit(int resource, rlim_t value) { setrlimit(resource, &(struct rlimit){value, value}); }

int main(int count, char **arguments) {
    if (count < 4) return 0;
    limit(RLIMIT_AS, 512 << 20);
    limit(RLIMIT_FSIZE, 16 << 20);
    limit(RLIMIT_CORE, 0);
    memory = mmap(NULL, ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (long number = atol(arguments[1]); number < atol(arguments[2]); number++) {
        draw();
        if (fork() == 0) {
            alarm(1);
            attempt(number, atoi(arguments[3]));
            _exit(0);
        }
        while (wait(NULL) > 0) {}
    }
    return 0;
}
