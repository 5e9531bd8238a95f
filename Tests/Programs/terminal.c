/* Asks and sets what terminals know, through a pseudo terminal of its own. */
#include <asm/termios.h>
#include <asm/ioctls.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>



static long control(int descriptor, unsigned long request, void *argument) {
    return syscall(SYS_ioctl, descriptor, request, argument);
}

int main(void) {
    int master = open("/dev/ptmx", O_RDWR | O_NOCTTY);
    int number = 0, unlock = 0;
    control(master, TIOCSPTLCK, &unlock);
    control(master, TIOCGPTLCK, &number);
    long slave = control(master, TIOCGPTPEER, (void *)(O_RDWR | O_NOCTTY));
    struct termios settings;
    control(slave, TCGETS, &settings);
    settings.c_lflag &= ~(ICANON | ECHO);
    settings.c_oflag = 0;
    control(slave, TCSETS, &settings);
    settings.c_iflag = 0;
    settings.c_cflag = B115200 | CS7;
    control(slave, TCSETSW, &settings);
    struct termios2 more;
    control(slave, TCGETS2, &more);
    control(slave, TCSETSF2, &more);
    struct winsize size = {24, 80, 0, 0};
    control(slave, TIOCSWINSZ, &size);
    control(slave, TIOCGWINSZ, &size);
    control(slave, TIOCGSID, &number);
    control(slave, TIOCGETD, &number);
    control(slave, FIONREAD, &number);
    control(slave, TIOCOUTQ, &number);
    control(slave, TCFLSH, (void *)TCIOFLUSH);
    control(slave, TCXONC, (void *)TCOON);
    control(slave, TCSBRK, (void *)1);
    control(slave, TIOCEXCL, 0);
    control(slave, TIOCGEXCL, &number);
    control(slave, TIOCNXCL, 0);
    int modem = TIOCM_DTR;
    control(slave, TIOCMGET, &modem);
    control(slave, TIOCMBIS, &modem);
    control(slave, TIOCSTI, "x");
    control(slave, TCGETS, (void *)1);
    control(slave, 0x80085799, &number);
    control(slave, 0x5799, &number);
    return 0;
}
