// No libc at all: _start writes and exits. Built with -nostdlib -static.
static long call(long number, long first, long second, long third) {
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(first), "S"(second), "d"(third)
                     : "rcx", "r11", "memory");
    return result;
}

void _start(void) {
    static const char text[] = "no libc\n";
    long written = call(1, 1, (long)text, sizeof text - 1);
    call(231, written == sizeof text - 1 ? 0 : 1, 0, 0);
    __builtin_unreachable();
}
