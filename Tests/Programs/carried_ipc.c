// System V IPC through i386's ipc; on x86-64 the calls that it stands for.
#define _GNU_SOURCE
#include <stdio.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef __i386__
static long ipc(unsigned call, long first, long second, long third, const void *pointer, long fifth) {
    return syscall(117, call, first, second, third, pointer, fifth);
}

#define SEMGET(key, number, flags) ipc(2, key, number, flags, 0, 0)
#define SEMOP(id, operations, number) ipc(1, id, number, 0, operations, 0)
#define MSGGET(key, flags) ipc(13, key, flags, 0, 0, 0)
#define MSGSND(id, message, size, flags) ipc(11, id, size, flags, message, 0)
#define MSGRCV(id, message, size, type, flags) ipc(12, id, size, flags, (const void *[]){message, (void *)(type)}, 0)
#define MSGRM(id) ipc(14, id, IPC_RMID, 0, 0, 0)
#define SEMRM(id) ipc(3, id, 0, IPC_RMID, (long[]){0}, 0)
#define SHMGET(key, size, flags) ipc(23, key, size, flags, 0, 0)
#define SHMRM(id) ipc(24, id, IPC_RMID, 0, 0, 0)
#define SHMSTAT(id) ipc(24, id, IPC_STAT, 0, (void *)8, 0)
#define MSGSTAT(id) ipc(14, id, IPC_STAT, 0, (void *)8, 0)
#else
#define SEMGET(key, number, flags) syscall(SYS_semget, key, number, flags)
#define SEMOP(id, operations, number) syscall(SYS_semop, id, operations, number)
#define MSGGET(key, flags) syscall(SYS_msgget, key, flags)
#define MSGSND(id, message, size, flags) syscall(SYS_msgsnd, id, message, size, flags)
#define MSGRCV(id, message, size, type, flags) syscall(SYS_msgrcv, id, message, size, type, flags)
#define MSGRM(id) syscall(SYS_msgctl, id, IPC_RMID, 0)
#define SEMRM(id) syscall(SYS_semctl, id, 0, IPC_RMID, 0)
#define SHMGET(key, size, flags) syscall(SYS_shmget, key, size, flags)
#define SHMRM(id) syscall(SYS_shmctl, id, IPC_RMID, 0)
#define SHMSTAT(id) syscall(SYS_shmctl, id, IPC_STAT, 8L)
#define MSGSTAT(id) syscall(SYS_msgctl, id, IPC_STAT, 8L)
#endif

int main(void) {
    struct sembuf operation = {0, 1, IPC_NOWAIT};
    int sem = SEMGET(IPC_PRIVATE, 1, IPC_CREAT | 0600);
    SEMOP(sem, &operation, 1);
    SEMRM(sem);
    struct {
        long type;
        char text[8];
    } letter = {1, "letter"};
    int queue = MSGGET(IPC_PRIVATE, IPC_CREAT | 0600);
    MSGSND(queue, &letter, 7, IPC_NOWAIT);
    MSGRCV(queue, &letter, 8, 1, IPC_NOWAIT);
    // A command that is not zero: its place is not taken for the pointer's.
    MSGSTAT(queue);
    MSGRM(queue);
    int memory = SHMGET(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
    SHMSTAT(memory);
    SHMRM(memory);
    puts(!strcmp(letter.text, "letter") ? "carried" : "not carried");
    return 0;
}
