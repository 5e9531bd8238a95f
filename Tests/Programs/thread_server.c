// A server on loopback with four threads, and argv[1] clients in threads of their own that make argv[2] requests each.
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum { workers = 4, most_clients = 64 };
static int listener, requests = 1000;
static struct sockaddr_in address;

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

static int ask(char byte) {
    char answer = 0;
    int connection = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(connection, (const struct sockaddr *)&address, sizeof address)) return -1;
    if (write(connection, &byte, 1) != 1) return -1;
    ssize_t got = read(connection, &answer, 1);
    close(connection);
    return got == 1 ? answer : 0;
}

static void *client(void *argument) {
    for (int request = 0; request < requests; request++) *(int *)argument += ask('a') == 'b';
    return NULL;
}

int main(int count, char **arguments) {
    socklen_t length = sizeof address;
    pthread_t threads[workers], askers[most_clients];
    int clients = count > 1 ? atoi(arguments[1]) : 1, good[most_clients] = {0}, sum = 0;
    if (count > 2) requests = atoi(arguments[2]);
    if (clients < 1 || clients > most_clients) return 4;
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    listener = socket(AF_INET, SOCK_STREAM, 0);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 128)) return 1;
    getsockname(listener, (struct sockaddr *)&address, &length);
    for (int index = 0; index < workers; index++)
        if (pthread_create(&threads[index], NULL, serve, NULL)) return 2;
    for (int index = 0; index < clients; index++)
        if (pthread_create(&askers[index], NULL, client, &good[index])) return 2;
    for (int index = 0; index < clients; index++) {
        pthread_join(askers[index], NULL);
        sum += good[index];
    }
    for (int index = 0; index < workers; index++) ask('q');
    for (int index = 0; index < workers; index++) pthread_join(threads[index], NULL);
    printf("%d answers\n", sum);
    return sum == clients * requests ? 0 : 3;
}
