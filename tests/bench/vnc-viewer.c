/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A VNC viewer without a window, for comparisons: libvncclient on a unix socket, driven by lines.
 *
 *   vnc-viewer SOCKET
 *
 * Commands on standard input, one answer as a JSON line each:
 *   text STRING       types ASCII, one key at a time, each after the update the last one caused
 *   key KEYSYM        presses and releases one key (hexadecimal X11 keysym)
 *   settle MS         reads updates until none has come for MS milliseconds
 *   quit
 *
 * Answer: {"updates": frames with changed pixels, "rects": ..., "pixels": ..., "us": ...} since the
 * last answer.  Bytes are counted by the caller, who puts a relay between viewer and server.
 */
#include <rfb/rfbclient.h>

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    KEY_ECHO_TIMEOUT_MS = 1500,
    COMMAND_BYTES = 4096
};

typedef struct {
    unsigned long n_updates, n_rects, n_pixels;
    unsigned long rects_before_update;
} Counters;

static Counters counters;

static long long
now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

static void
on_rect(rfbClient *client, int x, int y, int w, int h)
{
    counters.n_rects++;
    counters.n_pixels += (unsigned long)w * (unsigned long)h;
}

static void
on_update_end(rfbClient *client)
{
    if (counters.n_rects != counters.rects_before_update) {
        counters.n_updates++;
    }
    counters.rects_before_update = counters.n_rects;
}

static rfbBool
on_size(rfbClient *client)
{
    free(client->frameBuffer);
    client->frameBuffer = calloc((size_t)client->width * (size_t)client->height, 4);
    return client->frameBuffer != NULL;
}

/* Handles what the server sends until an update with pixels came or the time is over. */
static int
wait_update(rfbClient *client, int timeout_ms)
{
    unsigned long before = counters.n_updates;
    long long deadline = now_us() + timeout_ms * 1000LL;
    while (counters.n_updates == before) {
        long long left_us = deadline - now_us();
        if (left_us <= 0) {
            return 0;
        }
        int n = WaitForMessage(client, left_us > 1000000 ? 1000000U : (unsigned)left_us);
        if (n < 0 || (n > 0 && !HandleRFBServerMessage(client))) {
            return -1;
        }
    }
    return 1;
}

static int
press(rfbClient *client, uint32_t keysym)
{
    SendKeyEvent(client, keysym, TRUE);
    SendKeyEvent(client, keysym, FALSE);
    return wait_update(client, KEY_ECHO_TIMEOUT_MS);
}

static int
type_text(rfbClient *client, const char *text)
{
    for (; *text != '\0'; text++) {
        if (press(client, (uint32_t)(unsigned char)*text) < 0) {
            return -1;
        }
    }
    return 0;
}

static int
settle(rfbClient *client, int quiet_ms)
{
    int n;
    do {
        n = wait_update(client, quiet_ms);
    } while (n > 0);
    return n;
}

static int
run_command(rfbClient *client, char *line)
{
    line[strcspn(line, "\n")] = '\0';
    if (strncmp(line, "text ", 5) == 0) {
        return type_text(client, line + 5);
    }
    if (strncmp(line, "key ", 4) == 0) {
        return press(client, (uint32_t)strtoul(line + 4, NULL, 16)) < 0 ? -1 : 0;
    }
    if (strncmp(line, "settle ", 7) == 0) {
        return settle(client, (int)strtol(line + 7, NULL, 10));
    }
    fprintf(stderr, "vnc-viewer: unknown command '%s'\n", line);
    return -1;
}

int
main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: vnc-viewer SOCKET\n");
        return 2;
    }
    rfbClient *client = rfbGetClient(8, 3, 4);
    client->GotFrameBufferUpdate = on_rect;
    client->FinishedFrameBufferUpdate = on_update_end;
    client->MallocFrameBuffer = on_size;
    client->canHandleNewFBSize = TRUE;
    client->appData.encodingsString = "zrle tight hextile raw";
    client->serverHost = strdup(argv[1]);
    client->serverPort = 0;
    if (!rfbInitClient(client, NULL, NULL)) {
        fprintf(stderr, "vnc-viewer: no RFB server answers on %s\n", argv[1]);
        return 1;
    }
    char line[COMMAND_BYTES];
    while (fgets(line, sizeof line, stdin) != NULL && strcmp(line, "quit\n") != 0) {
        Counters before = counters;
        long long start_us = now_us();
        if (run_command(client, line) < 0) {
            return 1;
        }
        printf("{\"updates\": %lu, \"rects\": %lu, \"pixels\": %lu, \"us\": %lld}\n",
               counters.n_updates - before.n_updates, counters.n_rects - before.n_rects,
               counters.n_pixels - before.n_pixels, now_us() - start_us);
        fflush(stdout);
    }
    return 0;
}
