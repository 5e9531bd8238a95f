// keyctl's commands, most of them about keys that are not there.
#define _GNU_SOURCE
#include <linux/keyctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static char room[256];

static long control(long command, long a, long b, long c, long d) { return syscall(SYS_keyctl, command, a, b, c, d); }

static void rings(void) {
    control(KEYCTL_JOIN_SESSION_KEYRING, 0, 0, 0, 0);
    control(KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 1, 0, 0);
    syscall(SYS_add_key, "user", "abitrace", "payload", 7, KEY_SPEC_PROCESS_KEYRING);
    syscall(SYS_request_key, "user", "nokey", "info", KEY_SPEC_THREAD_KEYRING);
    syscall(SYS_request_key, "user", "nokey", 0, 0);
    control(KEYCTL_DESCRIBE, -2, (long)room, 256, 0);
    control(KEYCTL_SEARCH, -2, (long)"user", (long)"abitrace", 0);
    control(KEYCTL_CLEAR, -2, 0, 0, 0);
    control(KEYCTL_SET_REQKEY_KEYRING, 1, 0, 0, 0);
    control(KEYCTL_ASSUME_AUTHORITY, 0, 0, 0, 0);
    control(KEYCTL_CAPABILITIES, (long)room, 2, 0, 0);
}

static void absent(void) {
    control(KEYCTL_READ, 9, (long)room, 256, 0);
    control(KEYCTL_UPDATE, -99, (long)"new", 3, 0);
    control(KEYCTL_SETPERM, -99, 0x3f3f0000, 0, 0);
    control(KEYCTL_CHOWN, -99, 0, -1, 0);
    control(KEYCTL_LINK, -99, -2, 0, 0);
    control(KEYCTL_UNLINK, -99, -2, 0, 0);
    control(KEYCTL_SET_TIMEOUT, -99, 50, 0, 0);
    control(KEYCTL_GET_SECURITY, -99, (long)room, 256, 0);
    control(KEYCTL_INSTANTIATE, -99, (long)"abc", 3, -2);
    control(KEYCTL_NEGATE, -99, 5, -2, 0);
    control(KEYCTL_REJECT, -99, 5, 126, -2);
    control(KEYCTL_REVOKE, -99, 0, 0, 0);
    control(KEYCTL_INVALIDATE, -99, 0, 0, 0);
    control(KEYCTL_GET_PERSISTENT, -1, -99, 0, 0);
    control(KEYCTL_RESTRICT_KEYRING, -99, (long)"user", (long)"x", 0);
    control(KEYCTL_MOVE, -99, -98, -97, 1);
    control(99, 1, 2, 3, 4);
}

static void computations(void) {
    struct keyctl_dh_params secret = {{1}, 2, 3};
    struct keyctl_pkey_params public = {.key_id = 5, .in_len = 3, .out_len = 9};
    control(KEYCTL_DH_COMPUTE, (long)&secret, (long)room, 10, 0);
    control(KEYCTL_PKEY_QUERY, -99, 0, (long)"enc=x", (long)room);
    control(KEYCTL_PKEY_SIGN, (long)&public, (long)"i", (long)"abc", (long)room);
    control(KEYCTL_WATCH_KEY, -2, 3, 4, 0);
}

int main(void) {
    rings();
    absent();
    computations();
    return 0;
}
