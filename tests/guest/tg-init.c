/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The test guest "tg": the only process of a small virtual machine with a real kernel and real
 * virtio drivers.  It draws tg-picture.h on every head, answers keys and pointer with pixels, takes
 * a new size when the host asks for one, and answers the guest agent protocol once it has drawn.
 */
#include "tg-agent.h"
#include "tg-cursor.h"
#include "tg-picture.h"
#include "tg-screen.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/input.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define DISK "/dev/vda"

enum {
    MAX_INPUTS = 16,
    TICK_NS = 16666667,
    AGENT_RETRY_MS = 100,
    ABS_MAX_VALUE = 32767,
};

typedef struct Guest {
    TgScreen screen;
    TgAgent agent;
    int uevents;
    int ticks;
    int inputs[MAX_INPUTS];
    char input_names[MAX_INPUTS][16];
    unsigned n_inputs;
    uint32_t x, y;
    bool has_moved;
    bool is_agent_closed;
    bool is_video_on;
    bool is_greedy; /* the video is painted as fast as the screen takes it */
    unsigned n_steps_left;
} Guest;

static void
say(const char *what)
{
    fprintf(stderr, "tg: %s: %s\n", what, strerror(errno));
}

static void
mount_all(void)
{
    mkdir("/proc", 0755);
    mkdir("/sys", 0755);
    mkdir("/dev", 0755);
    mount("proc", "/proc", "proc", 0, NULL);
    mount("sysfs", "/sys", "sysfs", 0, NULL);
    mount("devtmpfs", "/dev", "devtmpfs", 0, NULL);

    int log = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);

    if (log >= 0) {
        dup2(log, STDERR_FILENO);
    }
}

/* Loads what /modules.list names, in its order.  A machine without the device is no error. */
static void
load_modules(void)
{
    char path[256];
    FILE *list = fopen("/modules.list", "re");

    while (list != NULL && fgets(path, sizeof(path), list) != NULL) {
        path[strcspn(path, "\n")] = '\0';

        int module = open(path, O_RDONLY | O_CLOEXEC);

        if (module < 0 || (syscall(SYS_finit_module, module, "", 0) != 0 && errno != EEXIST)) {
            say(path);
        }
        close(module);
    }
    if (list != NULL) {
        fclose(list);
    }
}

static TgPicture *
picture_of(Guest *guest)
{
    return &guest->screen.heads[0].picture;
}

static void
flush_input(Guest *guest, const TgDamage *damage)
{
    tg_screen_flush(&guest->screen, &guest->screen.heads[0], damage);
}

/* Opens input devices that are new; the console gets none of their keys. */
static void
open_inputs(Guest *guest)
{
    DIR *folder = opendir("/dev/input");
    struct dirent *entry;

    while (folder != NULL && guest->n_inputs < MAX_INPUTS && (entry = readdir(folder)) != NULL) {
        char path[300];
        bool is_known = strncmp(entry->d_name, "event", 5) != 0;

        for (unsigned i = 0; i < guest->n_inputs; i++) {
            is_known |= strcmp(guest->input_names[i], entry->d_name) == 0;
        }
        if (is_known) {
            continue;
        }
        snprintf(path, sizeof(path), "/dev/input/%s", entry->d_name);

        int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

        if (fd >= 0) {
            ioctl(fd, EVIOCGRAB, 1);
            snprintf(guest->input_names[guest->n_inputs], sizeof(guest->input_names[0]), "%.15s",
                     entry->d_name);
            guest->inputs[guest->n_inputs++] = fd;
        }
    }
    if (folder != NULL) {
        closedir(folder);
    }
}

static void
drop_input(Guest *guest, unsigned index)
{
    close(guest->inputs[index]);
    guest->n_inputs--;
    guest->inputs[index] = guest->inputs[guest->n_inputs];
    memcpy(guest->input_names[index], guest->input_names[guest->n_inputs],
           sizeof(guest->input_names[0]));
}

static void
read_disk(Guest *guest)
{
    uint32_t mark = 0;
    int disk = open(DISK, O_RDONLY | O_CLOEXEC);

    if (disk >= 0 && read(disk, &mark, sizeof(mark)) == sizeof(mark)) {
        picture_of(guest)->disk_mark = mark;
    }
    close(disk);
}

static void
write_disk(Guest *guest, uint32_t mark)
{
    TgDamage damage;
    int disk = open(DISK, O_WRONLY | O_SYNC | O_CLOEXEC);

    if (disk >= 0 && write(disk, &mark, sizeof(mark)) == sizeof(mark)) {
        tg_picture_disk(picture_of(guest), mark, &damage);
        flush_input(guest, &damage);
    }
    close(disk);
}

static void
set_ticking(Guest *guest)
{
    long interval_ns = guest->is_video_on || guest->n_steps_left > 0 ? TICK_NS : 0;
    struct itimerspec timer = { { 0, interval_ns }, { 0, interval_ns } };

    timerfd_settime(guest->ticks, 0, &timer, NULL);
}

static void
press_key(Guest *guest, uint32_t code)
{
    TgDamage damage;

    tg_picture_key(picture_of(guest), code, &damage);
    flush_input(guest, &damage);
    switch (code) {
    case KEY_F6:
        guest->n_steps_left += TG_STEPS;
        set_ticking(guest);
        break;
    case KEY_F7:
        guest->is_video_on = !guest->is_video_on;
        set_ticking(guest);
        break;
    case KEY_F8:
        tg_screen_set_cursor(&guest->screen, (guest->screen.cursor_shape + 1) % TG_CURSOR_SHAPES);
        break;
    case KEY_F9:
        write_disk(guest, picture_of(guest)->n_presses);
        break;
    case KEY_F12:
        guest->is_greedy = !guest->is_greedy;
        break;
    case KEY_POWER:
        reboot(RB_POWER_OFF);
        break;
    default:
        break;
    }
}

static void
show_pointer(Guest *guest)
{
    TgDamage damage;

    if (guest->has_moved) {
        tg_picture_pointer(picture_of(guest), guest->x, guest->y, &damage);
        guest->x = picture_of(guest)->pointer_x;
        guest->y = picture_of(guest)->pointer_y;
        tg_screen_move_cursor(&guest->screen, guest->x, guest->y);
        flush_input(guest, &damage);
        guest->has_moved = false;
    }
}

static uint32_t
moved_by(uint32_t at, int32_t by)
{
    return by < 0 && (uint32_t)-by > at ? 0 : at + (uint32_t)by;
}

static void
take_relative(Guest *guest, const struct input_event *event)
{
    TgDamage damage;

    if (event->code == REL_X) {
        guest->x = moved_by(guest->x, event->value);
        guest->has_moved = true;
    } else if (event->code == REL_Y) {
        guest->y = moved_by(guest->y, event->value);
        guest->has_moved = true;
    } else if (event->code == REL_WHEEL) {
        tg_picture_scroll(picture_of(guest), -event->value * TG_SCROLL_ROWS, &damage);
        flush_input(guest, &damage);
    }
}

/* QEMU scales x to x*32767/W rounded down: rounding up here gives exactly x again. */
static uint32_t
pixel_of_axis(int32_t value, uint32_t size)
{
    return ((uint32_t)value * size + ABS_MAX_VALUE - 1) / ABS_MAX_VALUE;
}

static void
take_absolute(Guest *guest, const struct input_event *event)
{
    bool is_x = event->code == ABS_X;

    if (event->code <= ABS_Y && event->value >= 0 && event->value <= ABS_MAX_VALUE) {
        uint32_t size = is_x ? picture_of(guest)->width : picture_of(guest)->height;
        *(is_x ? &guest->x : &guest->y) = pixel_of_axis(event->value, size);
        guest->has_moved = true;
    }
}

static void
take_event(Guest *guest, const struct input_event *event)
{
    TgDamage damage;

    if (event->type == EV_ABS) {
        take_absolute(guest, event);
    } else if (event->type == EV_REL) {
        take_relative(guest, event);
    } else if (event->type == EV_SYN) {
        show_pointer(guest);
    } else if (event->type == EV_KEY && event->value == 1) {
        if (event->code >= BTN_MISC && event->code < KEY_OK) {
            show_pointer(guest);
            tg_picture_button(picture_of(guest), event->code, &damage);
            flush_input(guest, &damage);
        } else {
            press_key(guest, event->code);
        }
    }
}

static void
read_input(Guest *guest, unsigned index)
{
    struct input_event events[64];
    ssize_t n = read(guest->inputs[index], events, sizeof(events));

    if (n < 0 && errno != EAGAIN && errno != EINTR) {
        drop_input(guest, index);
    }
    for (ssize_t i = 0; i < n / (ssize_t)sizeof(events[0]); i++) {
        take_event(guest, &events[i]);
    }
}

static void
paint_video(Guest *guest)
{
    TgDamage damage;

    tg_picture_video(picture_of(guest), &damage);
    flush_input(guest, &damage);
    guest->agent.n_paints++;
}

static bool
has_line(const char *message, size_t n, const char *line)
{
    for (size_t at = 0; at < n; at += strlen(message + at) + 1) {
        if (strcmp(message + at, line) == 0) {
            return true;
        }
    }
    return false;
}

static void
read_uevent(Guest *guest)
{
    char message[8192];
    ssize_t n = recv(guest->uevents, message, sizeof(message) - 1, 0);

    if (n <= 0) {
        return;
    }
    message[n] = '\0';
    if (has_line(message, (size_t)n, "SUBSYSTEM=drm") &&
        has_line(message, (size_t)n, "ACTION=change")) {
        tg_screen_probe(&guest->screen);
        tg_screen_set_cursor(&guest->screen, guest->screen.cursor_shape);
    } else if (has_line(message, (size_t)n, "SUBSYSTEM=input")) {
        open_inputs(guest);
    } else if (has_line(message, (size_t)n, "SUBSYSTEM=virtio-ports") && guest->agent.fd < 0) {
        tg_agent_open(&guest->agent);
    }
}

static void
take_tick(Guest *guest)
{
    TgDamage damage;
    uint64_t n_ticks;

    if (read(guest->ticks, &n_ticks, sizeof(n_ticks)) != sizeof(n_ticks)) {
        return;
    }
    if (guest->n_steps_left > 0) {
        guest->n_steps_left--;
        tg_picture_scroll(picture_of(guest), TG_STEP_ROWS, &damage);
        flush_input(guest, &damage);
    }
    if (guest->is_video_on) {
        paint_video(guest);
    } else if (guest->n_steps_left == 0) {
        set_ticking(guest);
    }
}

static int
wait_limit_ms(const Guest *guest)
{
    if (guest->is_greedy) {
        return 0;
    }
    return guest->is_agent_closed ? AGENT_RETRY_MS : -1;
}

/* One round of the loop.  A port whose host end is closed is left alone for a while. */
static void
wait_and_serve(Guest *guest)
{
    struct pollfd polled[MAX_INPUTS + 3];
    unsigned n_inputs = guest->n_inputs;

    polled[0] = (struct pollfd){ .fd = guest->uevents, .events = POLLIN };
    polled[1] = (struct pollfd){ .fd = guest->ticks, .events = POLLIN };
    polled[2] =
        (struct pollfd){ .fd = guest->is_agent_closed ? -1 : guest->agent.fd, .events = POLLIN };
    for (unsigned i = 0; i < n_inputs; i++) {
        polled[3 + i] = (struct pollfd){ .fd = guest->inputs[i], .events = POLLIN };
    }
    if (poll(polled, 3 + n_inputs, wait_limit_ms(guest)) < 0) {
        return;
    }
    if (guest->is_greedy) {
        paint_video(guest);
    }
    for (unsigned i = n_inputs; i-- > 0;) {
        if (polled[3 + i].revents != 0) {
            read_input(guest, i);
        }
    }
    if (polled[1].revents != 0) {
        take_tick(guest);
    }
    if (polled[0].revents != 0) {
        read_uevent(guest);
    }
    if (guest->is_agent_closed) {
        guest->is_agent_closed = false;
    } else if (polled[2].revents != 0) {
        guest->is_agent_closed = !tg_agent_serve(&guest->agent);
    }
}

static int
open_uevents(void)
{
    struct sockaddr_nl address = { .nl_family = AF_NETLINK, .nl_groups = 1 };
    int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_KOBJECT_UEVENT);

    if (fd >= 0) {
        bind(fd, (struct sockaddr *)&address, sizeof(address));
    }
    return fd;
}

int
main(void)
{
    static Guest guest;

    mount_all();
    reboot(RB_DISABLE_CAD);
    guest.uevents = open_uevents();
    guest.ticks = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    load_modules();
    if (!tg_screen_open(&guest.screen) || !tg_screen_probe(&guest.screen)) {
        say("cannot light the screen");
        return 1;
    }
    read_disk(&guest);
    tg_picture_draw(picture_of(&guest));
    tg_screen_flush(
        &guest.screen, &guest.screen.heads[0],
        &(TgDamage){ .rects = { { 0, 0, picture_of(&guest)->width, picture_of(&guest)->height } },
                     .n_rects = 1 });
    tg_screen_set_cursor(&guest.screen, 0);
    open_inputs(&guest);
    tg_agent_open(&guest.agent);
    fprintf(stderr, "tg: ready\n");
    for (;;) {
        wait_and_serve(&guest);
    }
}
