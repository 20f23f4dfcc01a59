/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tg-agent.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/reboot.h>
#include <time.h>
#include <unistd.h>

#define PORT_NAME "org.qemu.guest_agent.0"
#define PORTS_DIR "/sys/class/virtio-ports"

typedef struct Command {
    const char *name;
    void (*answer)(TgAgent *agent, const char *request);
} Command;

static void
send_text(TgAgent *agent, const char *text, size_t n)
{
    while (n > 0) {
        ssize_t sent = write(agent->fd, text, n);
        if (sent < 0 && errno != EINTR) {
            return;
        }
        if (sent > 0) {
            text += sent;
            n -= (size_t)sent;
        }
    }
}

/* The number after "key": in a request, 0 without one. */
static long long
number_of(const char *request, const char *key)
{
    const char *at = strstr(request, key);

    if (at == NULL) {
        return 0;
    }
    at = strchr(at, ':');
    return at == NULL ? 0 : strtoll(at + 1, NULL, 10);
}

static void
answer_sync(TgAgent *agent, const char *request)
{
    char text[64];
    int n = snprintf(text, sizeof(text), "{\"return\": %lld}\n", number_of(request, "\"id\""));

    send_text(agent, text, (size_t)n);
}

static void
answer_sync_delimited(TgAgent *agent, const char *request)
{
    send_text(agent, "\xff", 1);
    answer_sync(agent, request);
}

static void
answer_empty(TgAgent *agent, const char *request)
{
    (void)request;
    send_text(agent, "{\"return\": {}}\n", 15);
}

static void
answer_set_time(TgAgent *agent, const char *request)
{
    long long time_ns = number_of(request, "\"time\"");
    struct timespec now = { .tv_sec = time_ns / 1000000000, .tv_nsec = time_ns % 1000000000 };

    if (time_ns > 0) {
        clock_settime(CLOCK_REALTIME, &now);
    }
    answer_empty(agent, request);
}

static void
answer_get_time(TgAgent *agent, const char *request)
{
    struct timespec now;
    char text[64];

    (void)request;
    clock_gettime(CLOCK_REALTIME, &now);

    int n = snprintf(text, sizeof(text), "{\"return\": %lld%09ld}\n", (long long)now.tv_sec,
                     now.tv_nsec);

    send_text(agent, text, (size_t)n);
}

/* Not of qemu-ga: how many frames of the video were painted. */
static void
answer_get_paints(TgAgent *agent, const char *request)
{
    char text[64];
    int n = snprintf(text, sizeof(text), "{\"return\": %lu}\n", agent->n_paints);

    (void)request;
    send_text(agent, text, (size_t)n);
}

static void
answer_shutdown(TgAgent *agent, const char *request)
{
    (void)agent;
    reboot(strstr(request, "reboot") != NULL ? RB_AUTOBOOT : RB_POWER_OFF);
}

static void answer_info(TgAgent *agent, const char *request);

static const Command commands[] = {
    { "guest-sync-delimited", answer_sync_delimited },
    { "guest-sync", answer_sync },
    { "guest-ping", answer_empty },
    { "guest-info", answer_info },
    { "guest-set-time", answer_set_time },
    { "guest-get-time", answer_get_time },
    { "guest-shutdown", answer_shutdown },
    { "tg-get-paints", answer_get_paints },
};

enum {
    N_COMMANDS = sizeof(commands) / sizeof(commands[0]),
};

static void
answer_info(TgAgent *agent, const char *request)
{
    char text[1024];
    size_t used = (size_t)snprintf(
        text, sizeof(text), "{\"return\": {\"version\": \"tg-1\", \"supported_commands\": [");

    (void)request;
    for (unsigned i = 0; i < N_COMMANDS; i++) {
        used += (size_t)snprintf(text + used, sizeof(text) - used,
                                 "%s{\"name\": \"%s\", \"enabled\": true, "
                                 "\"success-response\": true}",
                                 i == 0 ? "" : ", ", commands[i].name);
    }
    used += (size_t)snprintf(text + used, sizeof(text) - used, "]}}\n");
    send_text(agent, text, used);
}

/* Copies the value of "execute" to name; false if the request has none. */
static bool
command_of(const char *request, char *name, size_t n_name)
{
    const char *at = strstr(request, "\"execute\"");

    at = at == NULL ? NULL : strchr(at + 9, ':');
    at = at == NULL ? NULL : strchr(at, '"');

    const char *end = at == NULL ? NULL : strchr(at + 1, '"');

    if (end == NULL || (size_t)(end - at) > n_name) {
        return false;
    }
    memcpy(name, at + 1, (size_t)(end - at - 1));
    name[end - at - 1] = '\0';
    return true;
}

static void
answer_request(TgAgent *agent, const char *request)
{
    char name[64];
    char text[256];

    if (!command_of(request, name, sizeof(name))) {
        const char *error =
            "{\"error\": {\"class\": \"GenericError\", \"desc\": \"no command\"}}\n";
        send_text(agent, error, strlen(error));
        return;
    }
    for (unsigned i = 0; i < N_COMMANDS; i++) {
        if (strcmp(commands[i].name, name) == 0) {
            commands[i].answer(agent, request);
            return;
        }
    }

    int n = snprintf(text, sizeof(text),
                     "{\"error\": {\"class\": \"CommandNotFound\", \"desc\": "
                     "\"The command %s has not been found\"}}\n",
                     name);

    send_text(agent, text, (size_t)n);
}

/* A line ends at its newline; 0xff drops what came before it, as in qemu-ga. */
static void
take_byte(TgAgent *agent, char byte)
{
    if ((unsigned char)byte == 0xff || agent->n_line == sizeof(agent->line) - 1) {
        agent->n_line = 0;
        return;
    }
    if (byte != '\n') {
        agent->line[agent->n_line++] = byte;
        return;
    }
    agent->line[agent->n_line] = '\0';
    if (agent->n_line > 0) {
        answer_request(agent, agent->line);
    }
    agent->n_line = 0;
}

bool
tg_agent_serve(TgAgent *agent)
{
    char bytes[512];
    ssize_t n = read(agent->fd, bytes, sizeof(bytes));

    if (n <= 0) {
        return n < 0 && (errno == EAGAIN || errno == EINTR);
    }
    for (ssize_t i = 0; i < n; i++) {
        take_byte(agent, bytes[i]);
    }
    return true;
}

static bool
port_has_name(const char *port)
{
    char path[256];
    char name[64] = "";
    FILE *file;

    snprintf(path, sizeof(path), PORTS_DIR "/%.64s/name", port);
    file = fopen(path, "re");
    if (file == NULL) {
        return false;
    }

    bool is_ours = fgets(name, sizeof(name), file) != NULL &&
                   strncmp(name, PORT_NAME "\n", sizeof(PORT_NAME)) == 0;

    fclose(file);
    return is_ours;
}

void
tg_agent_open(TgAgent *agent)
{
    DIR *ports = opendir(PORTS_DIR);
    struct dirent *entry;

    *agent = (TgAgent){ .fd = -1 };
    while (ports != NULL && agent->fd < 0 && (entry = readdir(ports)) != NULL) {
        char path[256];

        if (entry->d_name[0] != '.' && port_has_name(entry->d_name)) {
            snprintf(path, sizeof(path), "/dev/%.64s", entry->d_name);
            agent->fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
        }
    }
    if (ports != NULL) {
        closedir(ports);
    }
}
