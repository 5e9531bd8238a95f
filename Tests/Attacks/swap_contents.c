// A program that is named with what is in it is written over, or another is put in its place, while it is run.
#include "attack.h"
static char program[256], good[256], other[256], spare[300];
static volatile int stop;
static void copy(const char *from, const char *to) {
    char buffer[4096];
    ssize_t got;
    int source = open(from, O_RDONLY), target = open(to, O_WRONLY | O_CREAT | O_TRUNC, 0755);
    while (source >= 0 && target >= 0 && (got = read(source, buffer, sizeof buffer)) > 0) (void)!write(target, buffer, got);
    close(source), close(target);
}
static void *write_over(void *argument) {
    // What is written can be run only while nobody has it open.
    while (!stop) copy(other, program), usleep(300), copy(good, program), usleep(300);
    return argument;
}
static void *put_in_place(void *argument) {
    while (!stop) {
        copy(other, spare), rename(spare, program);
        copy(good, spare), rename(spare, program);
    }
    return argument;
}
static int attempt(const char *way) {
    pthread_t thread;
    copy(good, program);
    int won = 0;
    for (int i = 0; i < racers(); i++) pthread_create(&thread, NULL, !strcmp(way, "write") ? write_over : put_in_place, NULL);
    for (int i = 0; i < tries() / 10 && !won; i++) {
        pid_t child = fork();
        if (child == 0) {
            execl(program, program, NULL);
            _exit(1);
        }
        int status;
        waitpid(child, &status, 0);
        won = WIFEXITED(status) && WEXITSTATUS(status) == 77;
    }
    stop = 1;
    return won;
}
int main(int argc, char **argv) {
    (void)argc;
    begin(argv);
    snprintf(program, sizeof program, "%s/open/chosen", arena);
    snprintf(spare, sizeof spare, "%s/open/spare", arena);
    snprintf(good, sizeof good, "%s/fixed/good", arena);
    snprintf(other, sizeof other, "%s/fixed/other", arena);
    return each_way(argv, attempt);
}
