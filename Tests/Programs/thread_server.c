// A server on loopback with four threads that answers a thousand requests of its own client.
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

enum { workers = 4, requests = 1000 };
static int listener;

static void *serve(void *argument) {
    (void)argument;
    for (;;) {
        char byte;
        int connection = accept(listener, NULL, NULL);
        if (connection < 0) return NULL;
        if (read(connection, &byte, 1) == 1 && byte != 'q') {
            byte++;
            if (write(connection, &byte, 1) != 1) byte = 'q';
        }
        close(connection);
        if (byte == 'q') return NULL;
    }
}

static int ask(const struct sockaddr_in *address, char byte) {
    char answer = 0;
    int connection = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(connection, (const struct sockaddr *)address, sizeof *address)) return -1;
    if (write(connection, &byte, 1) != 1) return -1;
    ssize_t got = read(connection, &answer, 1);
    close(connection);
    return got == 1 ? answer : 0;
}

int main(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    pthread_t threads[workers];
    int good = 0;
    listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 128)) return 1;
    getsockname(listener, (struct sockaddr *)&address, &length);
    for (int index = 0; index < workers; index++)
        if (pthread_create(&threads[index], NULL, serve, NULL)) return 2;
    for (int request = 0; request < requests; request++) good += ask(&address, 'a') == 'b';
    for (int index = 0; index < workers; index++) ask(&address, 'q');
    for (int index = 0; index < workers; index++) pthread_join(threads[index], NULL);
    printf("%d answers\n", good);
    return good == requests ? 0 : 3;
}
