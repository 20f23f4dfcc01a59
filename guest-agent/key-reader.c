/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "guest-agent/key-reader.h"

#include "guest-agent/stillness.h"

#include <X11/Xatom.h>
#include <gdk/gdkx.h>
#include <string.h>
#include <unistd.h>

/* Who has not read a key after this time hangs, or is of another machine and slow. */
#define STRANGER_US (2LL * 1000 * 1000)
/* A program that works all the time, as one that shows a film, reads keys meanwhile. */
#define BUSY_US (4LL * 1000 * 1000)
/* Windows between one with the keyboard and its toplevel. */
#define MAX_DEPTH 16
#define MAX_NAME 256

struct BerthKeyReader {
    Display *display;
    int64_t typed_us, settled_us;
    unsigned long pid; /* 0: not of this machine, or it does not say */
    BerthStillness stillness;
};

BerthKeyReader *
berth_key_reader_new(Display *display)
{
    BerthKeyReader *self = g_new0(BerthKeyReader, 1);

    self->display = display;
    return self;
}

void
berth_key_reader_free(BerthKeyReader *self)
{
    g_free(self);
}

/* A property of 8 or 32 bits; to be freed by XFree(). */
static void *
get_property(Display *display, Window window, const char *name, Atom type, unsigned long *ret_n)
{
    Atom found = None;
    int format = 0;
    unsigned long n_left = 0;
    unsigned char *data = NULL;

    XGetWindowProperty(display, window, XInternAtom(display, name, False), 0, MAX_NAME / 4, False,
                       type, &found, &format, ret_n, &n_left, &data);
    if (found != type || *ret_n == 0) {
        XFree(data);
        return NULL;
    }
    return data;
}

static bool
is_of_this_machine(Display *display, Window window)
{
    char own[MAX_NAME] = "";
    unsigned long n = 0;
    char *name = get_property(display, window, "WM_CLIENT_MACHINE", XA_STRING, &n);
    bool is_own;

    gethostname(own, sizeof(own) - 1);
    is_own = name && n == strlen(own) && memcmp(name, own, n) == 0;
    XFree(name);
    return is_own;
}

static unsigned long
read_pid(Display *display, Window window)
{
    unsigned long n = 0;
    unsigned long *value = get_property(display, window, "_NET_WM_PID", XA_CARDINAL, &n);
    unsigned long pid = value ? *value : 0;

    XFree(value);
    return pid != 0 && is_of_this_machine(display, window) ? pid : 0;
}

/* The process of the window with the keyboard, or of one around it. */
static unsigned long
find_pid(Display *display)
{
    Window window = None;
    unsigned long pid = 0;
    int revert = 0;

    XGetInputFocus(display, &window, &revert);
    for (unsigned i = 0; i < MAX_DEPTH && window > PointerRoot && pid == 0; i++) {
        Window root = None, parent = None, *children = NULL;
        unsigned n_children = 0;

        pid = read_pid(display, window);
        if (!XQueryTree(display, window, &root, &parent, &children, &n_children)) {
            break;
        }
        XFree(children);
        window = parent;
    }
    return pid;
}

static char *
read_about(const BerthKeyReader *self, const char *what)
{
    g_autofree char *path = g_strdup_printf("/proc/%lu/%s", self->pid, what);
    char *content = NULL;

    g_file_get_contents(path, &content, NULL, NULL);
    return content;
}

int64_t
berth_key_reader_look(BerthKeyReader *self, int64_t now_us)
{
    int64_t patience_us = self->pid != 0 ? BUSY_US : STRANGER_US;
    g_autofree char *stat = NULL;
    g_autofree char *schedstat = NULL;

    self->settled_us = MAX(self->settled_us, now_us - patience_us);
    if (self->pid == 0 || self->settled_us > self->typed_us) {
        return self->settled_us;
    }
    /* A program that waits for the X server has its answer when we have ours. */
    XSync(self->display, False);
    stat = read_about(self, "stat");
    schedstat = read_about(self, "schedstat");
    if (berth_stillness_note(&self->stillness, stat, schedstat)) {
        self->settled_us = self->typed_us + 1;
    }
    return self->settled_us;
}

void
berth_key_reader_note_typed(BerthKeyReader *self, int64_t now_us)
{
    GdkDisplay *display = gdk_x11_lookup_xdisplay(self->display);
    bool has_read = self->typed_us == 0 || berth_key_reader_look(self, now_us) > self->typed_us;
    unsigned long pid;

    /* Windows come and go. */
    gdk_x11_display_error_trap_push(display);
    pid = find_pid(self->display);
    gdk_x11_display_error_trap_pop_ignored(display);
    /* Of two programs that have not read all yet, only time tells. */
    self->pid = has_read || pid == self->pid ? pid : 0;
    self->stillness = (BerthStillness){ 0 };
    self->typed_us = now_us;
}
