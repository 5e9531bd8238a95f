// Says who it is: real, effective and saved user, and whether its memory is its own.
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(void) {
    uid_t real, effective, saved;
    gid_t real_group, effective_group, saved_group;
    if (getresuid(&real, &effective, &saved) || getresgid(&real_group, &effective_group, &saved_group)) return 1;
    printf("user %u %u %u group %u %u %u dumpable %d\n", real, effective, saved, real_group, effective_group,
           saved_group, prctl(PR_GET_DUMPABLE, 0, 0, 0, 0));
    return 0;
}
