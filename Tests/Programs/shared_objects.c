// System V segments, semaphores and queues, and POSIX message queues; in a namespace of their own where that is
// allowed.
#define _GNU_SOURCE
#include <fcntl.h>
#include <mqueue.h>
#include <sched.h>
#include <signal.h>
#include <sys/ipc.h>
#include <sys/msg.h>
#include <sys/sem.h>
#include <sys/shm.h>
#include <unistd.h>

static void segments(void) {
    int id = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
    struct shmid_ds about;
    struct shminfo limits;
    char *place = shmat(id, 0, SHM_RDONLY);
    shmctl(id, IPC_STAT, &about);
    about.shm_perm.mode = 0640;
    shmctl(id, IPC_SET, &about);
    shmctl(0, IPC_INFO, (void *)&limits);
    shmctl(id, SHM_LOCK, 0);
    shmdt(place);
    shmctl(id, IPC_RMID, 0);
    shmctl(id, 77, 0);
    shmget(0x1234, 1, SHM_HUGETLB | 0600);
}

static void semaphores(void) {
    int id = semget(IPC_PRIVATE, 2, IPC_CREAT | IPC_EXCL | 0600);
    struct semid_ds about;
    struct seminfo limits;
    unsigned short values[2] = {3, 4};
    semctl(id, 0, SETALL, values);
    semctl(id, 0, GETALL, values);
    semctl(id, 1, GETVAL);
    semctl(id, 1, SETVAL, 9);
    semctl(id, 0, IPC_STAT, &about);
    about.sem_perm.mode = 0640;
    semctl(id, 0, IPC_SET, &about);
    semctl(0, 0, IPC_INFO, &limits);
    struct sembuf operations[2] = {{0, -1, IPC_NOWAIT}, {1, 2, SEM_UNDO}};
    semop(id, operations, 2);
    struct timespec time = {1, 5};
    semtimedop(id, operations, 1, &time);
    semctl(id, 0, GETNCNT);
    semctl(id, 0, IPC_RMID);
    semop(-1, 0, 3);
}

static void queues(void) {
    int id = msgget(IPC_PRIVATE, IPC_CREAT | 0600);
    struct {
        long type;
        char text[16];
    } letter = {5, "hello"}, answer;
    struct msqid_ds about;
    struct msginfo limits;
    msgsnd(id, &letter, 5, IPC_NOWAIT);
    msgctl(id, IPC_STAT, &about);
    about.msg_qbytes = 1000;
    msgctl(id, IPC_SET, &about);
    msgctl(0, IPC_INFO, (void *)&limits);
    msgrcv(id, &answer, 16, -5, MSG_NOERROR);
    msgrcv(id, &answer, 16, 0, IPC_NOWAIT);
    msgctl(id, IPC_RMID, 0);
    msgsnd(-1, &letter, 9, 0);
}

static void named_queues(void) {
    struct mq_attr attributes = {.mq_maxmsg = 4, .mq_msgsize = 64}, old;
    mq_unlink("/abitrace-queue");
    mqd_t queue = mq_open("/abitrace-queue", O_RDWR | O_CREAT | O_NONBLOCK, 0600, &attributes);
    mq_getattr(queue, &old);
    old.mq_flags = 0;
    mq_setattr(queue, &old, &attributes);
    mq_send(queue, "hi", 2, 3);
    char text[64];
    unsigned priority;
    struct timespec time = {1, 2};
    mq_timedreceive(queue, text, 64, &priority, &time);
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 7};
    mq_notify(queue, &event);
    mq_notify(queue, 0);
    event.sigev_notify = SIGEV_NONE;
    mq_notify(queue, &event);
    mq_open("/none", O_RDONLY);
    mq_close(queue);
    mq_unlink("/abitrace-queue");
}

int main(void) {
    unshare(CLONE_NEWIPC);
    segments();
    semaphores();
    queues();
    named_queues();
    return 0;
}
