/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Capture from an RFB (VNC) server over an inherited, connected socket.
 *
 * libvncclient blocks, so it has a thread of its own that waits for the server and for our input
 * at the same time.  Input is queued under a lock: bounded, and only the newest pointer position
 * of several is kept.
 *
 * libvncclient 0.9.14 offers ExtendedDesktopSize but ignores screens with the id 0, which is the
 * only screen that QEMU has; the next rectangle then ends the connection.  So the library offers
 * nothing and we offer our own list of encodings without it: the server falls back to DesktopSize,
 * which works everywhere.
 *
 * QEMU says with a rectangle of its whole screen, rounded up to 16 columns, that it takes key
 * codes. The library ends the connection if that is larger than the screen it knows.  So key codes
 * are offered in a second list: after the first one QEMU tells each new size before anything else.
 *
 * The library would also ask for pixels after every message, and twice after a new size.  QEMU (7.2
 * at least) sends no pixels ever again if the guest's screen is replaced while one request is being
 * answered by its encoder thread and another waits: the aborted answer stays "in progress".  So we
 * ask ourselves, and QEMU never has two requests of ours: a message that it sends unasked (size,
 * cursor, keyboard) is no answer.  For other servers every message is one, as RFB has it.
 */
#include "host-agent/session/capture.h"
#include "host-agent/session/keymap.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"
#include "berth/limits.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/input-event-codes.h>
#include <poll.h>
#include <rfb/rfbclient.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define SCOPE "capture"
/* Input events that wait for the thread; beyond it presses are refused. */
#define MAX_EVENTS 512
#define MAX_NOTCHES 8
/* Buttons of RFB: bits 0 to 2, wheel up and down 3 and 4, wheel left and right 5 and 6. */
#define WHEEL_UP 3
#define WHEEL_DOWN 4
#define WHEEL_LEFT 5
#define WHEEL_RIGHT 6

/* What an update message held. */
enum {
    HAS_PIXELS = 1u << 0,
    HAS_SIZE = 1u << 1,
    HAS_OTHER = 1u << 2, /* cursor or keyboard */
};

typedef enum {
    EVENT_KEY,
    EVENT_POINTER, /* position and all buttons */
    EVENT_RESIZE,
} RfbEventKind;

typedef struct {
    RfbEventKind kind;
    uint16_t evdev;
    bool is_down;
    int x, y; /* position or size */
    int buttons;
} RfbEvent;

typedef struct {
    BerthCapture base;
    BerthScreen *screen;
    int fd;      /* the rfb client closes a duplicate of it */
    int wake_fd; /* eventfd: there is input, or it is over */
    GThread *thread;
    int x, y, buttons; /* main's: what the server was told last */

    bool is_qemu;           /* the thread's: so the server says */
    bool has_extended_keys; /* the thread's: the server has said that it takes them */
    unsigned message;       /* the thread's: HAS_* of the message that is being read */
    unsigned modifiers;     /* the thread's: BERTH_KEYMAP_* as the server must see them */
    uint16_t pressed[BERTH_KEYMAP_MAX_EVDEV + 1]; /* the thread's: keysym of each key held */

    GMutex lock;
    GQueue events; /* of RfbEvent */
    bool is_closing;
    bool is_ended; /* the thread is at its end */
} RfbCapture;

static char client_tag; /* its address is the key of our data in an rfbClient */

/* QEMU's rectangles may have columns beyond the screen, up to a multiple of this. */
#define QEMU_COLUMNS 16

/* What the server may send, the last one in a second list; see the top of the file. */
static const uint32_t encodings[] = {
    rfbEncodingCopyRect,         rfbEncodingHextile,    rfbEncodingRaw,
    rfbEncodingNewFBSize,        rfbEncodingRichCursor, rfbEncodingPointerPos,
    rfbEncodingKeyboardLedState, rfbEncodingLastRect,   rfbEncodingQemuExtendedKeyEvent,
};

static RfbCapture *
get_capture(rfbClient *client)
{
    return rfbClientGetClientData(client, &client_tag);
}

/* From now on the library sends no messages of this type. */
static void
forbid_message(rfbClient *client, unsigned type)
{
    client->supportedMessages.client2server[type / 8] &= (uint8_t) ~(1u << type % 8);
}

/* Asks for pixels: those that change, or all. */
static rfbBool
ask(rfbClient *client, bool is_incremental)
{
    rfbFramebufferUpdateRequestMsg message = {
        .type = rfbFramebufferUpdateRequest,
        .incremental = is_incremental,
        .w = GUINT16_TO_BE(client->width),
        .h = GUINT16_TO_BE(client->height),
    };

    return WriteToRFBServer(client, (char *)&message, sz_rfbFramebufferUpdateRequestMsg);
}

/* Also called in the handshake, before the library's first message of a type that we send. */
static rfbBool
on_new_size(rfbClient *client)
{
    RfbCapture *self = get_capture(client);
    size_t size;

    forbid_message(client, rfbSetEncodings);
    forbid_message(client, rfbFramebufferUpdateRequest);
    self->message |= HAS_SIZE;
    if (!berth_frame_size_is_allowed(client->width, client->height) ||
        berth_screen_set_mode(self->screen, client->width, client->height) < 0) {
        return FALSE;
    }
    self->is_qemu = g_str_has_prefix(client->desktopName, "QEMU");
    if (self->is_qemu) {
        client->width = (client->width + QEMU_COLUMNS - 1) / QEMU_COLUMNS * QEMU_COLUMNS;
    }
    size = (size_t)client->width * (size_t)client->height * BERTH_PIXEL_BYTES;
    free(client->frameBuffer);
    client->frameBuffer = calloc(1, size);
    return client->frameBuffer != NULL;
}

static void
on_update(rfbClient *client, int x, int y, int w, int h)
{
    RfbCapture *self = get_capture(client);
    BerthRect rect = { x, y, w, h };
    size_t stride = (size_t)client->width * BERTH_PIXEL_BYTES;
    const BerthPixelSource whole = { client->frameBuffer, stride * (size_t)client->height, stride,
                                     berth_pixel_format_bgrx };
    BerthPixelSource source;

    if (!self->has_extended_keys && SupportsClient2Server(client, rfbQemuEvent)) {
        self->has_extended_keys = true;
        self->message |= HAS_OTHER;
        return; /* to the library this answer is a rectangle of pixels */
    }
    self->message |= HAS_PIXELS;
    if (berth_pixel_source_crop(&whole, client->width, client->height, rect, &source) == BERTH_OK) {
        berth_screen_write(self->screen, rect, &source);
    }
}

static bool
is_cursor_sane(int w, int h, int n_pixel_bytes)
{
    return w > 0 && h > 0 && (uint32_t)w <= BERTH_LIMIT_CURSOR_SIDE_PX &&
           (uint32_t)h <= BERTH_LIMIT_CURSOR_SIDE_PX && n_pixel_bytes == BERTH_PIXEL_BYTES;
}

static void
on_cursor(rfbClient *client, int hot_x, int hot_y, int w, int h, int n_pixel_bytes)
{
    RfbCapture *self = get_capture(client);
    uint8_t *pixels = client->rcSource;

    self->message |= HAS_OTHER;
    if (is_cursor_sane(w, h, n_pixel_bytes)) {
        size_t n_px = (size_t)w * (size_t)h;
        BerthCursorShape shape = { w, h, hot_x, hot_y, pixels, n_px * BERTH_PIXEL_BYTES };

        for (size_t i = 0; i < n_px; i++) {
            pixels[i * BERTH_PIXEL_BYTES + 3] = client->rcMask[i] ? 0xff : 0;
        }
        berth_screen_set_cursor(self->screen, &shape);
    }
    /* The library would lose the mask at the next shape. */
    g_clear_pointer(&client->rcMask, free);
}

static rfbBool
on_cursor_position(rfbClient *client, int x, int y)
{
    RfbCapture *self = get_capture(client);

    self->message |= HAS_OTHER;
    berth_screen_set_pointer(self->screen, x, y, true);
    return TRUE;
}

static void
on_leds(rfbClient *client, int value, int pad)
{
    RfbCapture *self = get_capture(client);

    self->message |= HAS_OTHER;
    berth_screen_set_leds(self->screen, (uint8_t)(value & 7));
}

static void
on_message_end(rfbClient *client)
{
    RfbCapture *self = get_capture(client);
    bool is_answer = !self->is_qemu || (self->message & HAS_PIXELS) || self->message == 0;

    /* A write that fails is a read that fails: the end of the connection is found there. */
    if (is_answer) {
        ask(client, !(self->message & HAS_SIZE));
    }
    self->message = 0;
}

static char *
get_no_password(rfbClient *client)
{
    return NULL; /* the socket is ours; a server that asks for more is refused */
}

static rfbBool
send_encodings(rfbClient *client, size_t n)
{
    struct {
        rfbSetEncodingsMsg head;
        uint32_t list[G_N_ELEMENTS(encodings)];
    } message = {
        .head = { .type = rfbSetEncodings, .nEncodings = GUINT16_TO_BE(n) },
    };

    G_STATIC_ASSERT(sizeof(rfbSetEncodingsMsg) == 4);
    for (size_t i = 0; i < n; i++) {
        message.list[i] = GUINT32_TO_BE(encodings[i]);
    }
    return WriteToRFBServer(client, (char *)&message,
                            (unsigned)(sizeof(message.head) + n * sizeof(message.list[0])));
}

/* Both lists, and the first request. */
static rfbBool
begin(rfbClient *client)
{
    return send_encodings(client, G_N_ELEMENTS(encodings) - 1) &&
           send_encodings(client, G_N_ELEMENTS(encodings)) && ask(client, false);
}

static void
note_modifier(RfbCapture *self, uint16_t evdev, bool is_down)
{
    if (evdev == KEY_LEFTSHIFT || evdev == KEY_RIGHTSHIFT) {
        self->modifiers = is_down ? self->modifiers | BERTH_KEYMAP_SHIFT
                                  : self->modifiers & ~(unsigned)BERTH_KEYMAP_SHIFT;
    } else if (is_down && evdev == KEY_CAPSLOCK) {
        self->modifiers ^= BERTH_KEYMAP_CAPS;
    } else if (is_down && evdev == KEY_NUMLOCK) {
        self->modifiers ^= BERTH_KEYMAP_NUM;
    }
}

/* The keysym of a press is that of its release too, whatever the modifiers are by then. */
static uint32_t
find_keysym(RfbCapture *self, const RfbEvent *event)
{
    if (event->evdev > BERTH_KEYMAP_MAX_EVDEV) {
        return 0;
    }
    if (event->is_down) {
        self->pressed[event->evdev] = (uint16_t)berth_keymap_keysym(event->evdev, self->modifiers);
    }
    return self->pressed[event->evdev];
}

static rfbBool
send_key(RfbCapture *self, rfbClient *client, const RfbEvent *event)
{
    uint32_t keysym = find_keysym(self, event);
    uint8_t qnum = berth_keymap_qnum(event->evdev);

    note_modifier(self, event->evdev, event->is_down);
    if (qnum && SendExtendedKeyEvent(client, keysym, qnum, event->is_down)) {
        return TRUE;
    }
    return keysym == 0 || SendKeyEvent(client, keysym, event->is_down);
}

/*
 * SetDesktopSize with one screen.  Only a server that told itself a QEMU is known to take it; for
 * others it would be the end of the connection.
 */
static rfbBool
send_size(rfbClient *client, int w_px, int h_px)
{
    struct {
        rfbSetDesktopSizeMsg head;
        rfbExtDesktopScreen screen;
    } message = {
        .head = { .type = rfbSetDesktopSize,
                  .width = GUINT16_TO_BE(w_px),
                  .height = GUINT16_TO_BE(h_px),
                  .numberOfScreens = 1 },
        .screen = { .width = GUINT16_TO_BE(w_px), .height = GUINT16_TO_BE(h_px) },
    };

    G_STATIC_ASSERT(sizeof(message) == sz_rfbSetDesktopSizeMsg + sz_rfbExtDesktopScreen);
    if (!SupportsClient2Server(client, rfbQemuEvent)) {
        return TRUE;
    }
    return WriteToRFBServer(client, (char *)&message, sizeof(message));
}

static rfbBool
send_event(RfbCapture *self, rfbClient *client, const RfbEvent *event)
{
    switch (event->kind) {
    case EVENT_KEY:
        return send_key(self, client, event);
    case EVENT_POINTER:
        return SendPointerEvent(client, event->x, event->y, event->buttons);
    case EVENT_RESIZE:
        return send_size(client, event->x, event->y);
    }
    return TRUE;
}

/* Takes one event from the queue; NULL if there is none. */
static RfbEvent *
pop_event(RfbCapture *self, bool *ret_is_closing)
{
    RfbEvent *event;

    g_mutex_lock(&self->lock);
    event = g_queue_pop_head(&self->events);
    *ret_is_closing = self->is_closing;
    g_mutex_unlock(&self->lock);
    return event;
}

static bool
send_events(RfbCapture *self, rfbClient *client)
{
    eventfd_t count;
    RfbEvent *event;
    bool is_closing;
    bool is_good = true;

    eventfd_read(self->wake_fd, &count);
    while ((event = pop_event(self, &is_closing))) {
        is_good = is_good && send_event(self, client, event);
        g_free(event);
    }
    return is_good && !is_closing;
}

static bool
wait_and_handle(RfbCapture *self, rfbClient *client)
{
    struct pollfd fds[2] = { { self->fd, POLLIN, 0 }, { self->wake_fd, POLLIN, 0 } };

    if (client->buffered == 0 && poll(fds, 2, -1) < 0 && errno != EINTR) {
        return false;
    }
    if ((fds[1].revents & POLLIN) && !send_events(self, client)) {
        return false;
    }
    if (client->buffered > 0 || fds[0].revents) {
        return HandleRFBServerMessage(client);
    }
    return true;
}

static rfbClient *
new_client(RfbCapture *self)
{
    rfbClient *client = rfbGetClient(8, 3, BERTH_PIXEL_BYTES);

    rfbClientSetClientData(client, &client_tag, self);
    client->format.redShift = 16;
    client->format.greenShift = 8;
    client->format.blueShift = 0;
    client->appData.encodingsString = "copyrect hextile raw";
    client->appData.useRemoteCursor = TRUE;
    client->canHandleNewFBSize = TRUE;
    client->MallocFrameBuffer = on_new_size;
    client->GotFrameBufferUpdate = on_update;
    client->FinishedFrameBufferUpdate = on_message_end;
    client->GotCursorShape = on_cursor;
    client->HandleCursorPos = on_cursor_position;
    client->HandleKeyboardLedState = on_leds;
    client->GetPassword = get_no_password;
    client->sock = fcntl(self->fd, F_DUPFD_CLOEXEC, 3);
    client->listenSpecified = TRUE; /* connected already: no connect() by the library */
    client->serverPort = 0;
    return client;
}

static gpointer
run_thread(gpointer user_data)
{
    RfbCapture *self = user_data;
    rfbClient *client = new_client(self);

    /* It frees the client when it fails. */
    if (rfbInitClient(client, NULL, NULL)) {
        berth_screen_set_absolute(self->screen, true);
        self->message = 0;
        if (begin(client)) {
            while (wait_and_handle(self, client)) {
            }
        }
        g_clear_pointer(&client->frameBuffer, free);
        g_clear_pointer(&client->rcSource, free);
        rfbClientCleanup(client);
    }
    g_mutex_lock(&self->lock);
    self->is_ended = true;
    if (!self->is_closing) {
        berth_screen_end(self->screen, BERTH_ERR_DESKTOP_GONE,
                         "the desktop closed its display connection");
    }
    g_mutex_unlock(&self->lock);
    return NULL;
}

/* Queues an event; a position without a click replaces the one before. */
static int
push_event(RfbCapture *self, const RfbEvent *event, bool is_release)
{
    RfbEvent *last;
    int r = BERTH_OK;

    g_mutex_lock(&self->lock);
    last = g_queue_peek_tail(&self->events);
    if (self->is_ended) {
        r = BERTH_ERR_CLOSED;
    } else if (last && last->kind == EVENT_POINTER && event->kind == EVENT_POINTER &&
               last->buttons == event->buttons) {
        *last = *event;
    } else if (self->events.length >= MAX_EVENTS && !is_release) {
        r = BERTH_ERR_BUSY;
    } else {
        g_queue_push_tail(&self->events, g_memdup2(event, sizeof(*event)));
    }
    g_mutex_unlock(&self->lock);
    eventfd_write(self->wake_fd, 1);
    return r;
}

static int
rfb_key(BerthCapture *base, uint16_t evdev, bool is_down)
{
    RfbCapture *self = (RfbCapture *)base;
    RfbEvent event = { .kind = EVENT_KEY, .evdev = evdev, .is_down = is_down };

    if (!berth_keymap_qnum(evdev) && !berth_keymap_keysym(evdev, 0)) {
        return BERTH_ERR_UNSUPPORTED;
    }
    return push_event(self, &event, !is_down);
}

static int
push_pointer(RfbCapture *self, bool is_release)
{
    RfbEvent event = {
        .kind = EVENT_POINTER,
        .x = self->x,
        .y = self->y,
        .buttons = self->buttons,
    };

    return push_event(self, &event, is_release);
}

static int
rfb_pointer_abs(BerthCapture *base, int head, int x_px, int y_px)
{
    RfbCapture *self = (RfbCapture *)base;

    self->x = x_px;
    self->y = y_px;
    return push_pointer(self, false);
}

static int
rfb_pointer_rel(BerthCapture *base, int dx_px, int dy_px)
{
    return BERTH_ERR_UNSUPPORTED; /* RFB knows places only */
}

static int
rfb_button(BerthCapture *base, BerthButton button, bool is_down)
{
    RfbCapture *self = (RfbCapture *)base;
    int bit = 1 << button;

    if (button > BERTH_BUTTON_RIGHT) {
        return BERTH_ERR_UNSUPPORTED;
    }
    self->buttons = is_down ? self->buttons | bit : self->buttons & ~bit;
    return push_pointer(self, !is_down);
}

static int
turn_wheel(RfbCapture *self, int n, int negative, int positive)
{
    int bit = 1 << (n < 0 ? negative : positive);
    int r = BERTH_OK;

    n = MIN(ABS(n), MAX_NOTCHES);
    for (int i = 0; i < n && r == BERTH_OK; i++) {
        self->buttons |= bit;
        r = push_pointer(self, false);
        self->buttons &= ~bit;
        push_pointer(self, true);
    }
    return r;
}

static int
rfb_wheel(BerthCapture *base, int n_right, int n_down)
{
    RfbCapture *self = (RfbCapture *)base;
    int r = turn_wheel(self, n_down, WHEEL_UP, WHEEL_DOWN);

    return r == BERTH_OK ? turn_wheel(self, n_right, WHEEL_LEFT, WHEEL_RIGHT) : r;
}

static int
rfb_resize(BerthCapture *base, int head, int w_px, int h_px, int w_mm, int h_mm)
{
    RfbEvent event = { .kind = EVENT_RESIZE, .x = w_px, .y = h_px };

    if (head != 0) {
        return BERTH_ERR_UNSUPPORTED;
    }
    return push_event((RfbCapture *)base, &event, false);
}

/* libvncclient talks to stderr by default, without a bound. */
static void
log_nothing(const char *format, ...)
{
}

static BerthCapture *
rfb_open(int fd, BerthHeads *heads, GError **error)
{
    RfbCapture *self = g_new0(RfbCapture, 1);

    rfbClientLog = log_nothing;
    rfbClientErr = log_nothing;
    self->base.ops = &berth_capture_rfb;
    self->screen = berth_screen_ref(berth_heads_get(heads, 0));
    self->fd = fd;
    self->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    g_mutex_init(&self->lock);
    g_queue_init(&self->events);
    self->thread = g_thread_try_new("rfb", run_thread, self, error);
    if (!self->thread) {
        berth_clear_fd(&self->fd);
        berth_clear_fd(&self->wake_fd);
        berth_screen_unref(self->screen);
        g_free(self);
        return NULL;
    }
    return &self->base;
}

static void
rfb_close(BerthCapture *base)
{
    RfbCapture *self = (RfbCapture *)base;

    g_mutex_lock(&self->lock);
    self->is_closing = true;
    g_mutex_unlock(&self->lock);
    shutdown(self->fd, SHUT_RDWR); /* wakes a read in the middle of a message */
    eventfd_write(self->wake_fd, 1);
    g_thread_join(self->thread);
    g_queue_clear_full(&self->events, g_free);
    g_mutex_clear(&self->lock);
    berth_clear_fd(&self->fd);
    berth_clear_fd(&self->wake_fd);
    berth_screen_unref(self->screen);
    g_free(self);
}

const BerthCaptureOps berth_capture_rfb = {
    .name = "rfb",
    .open = rfb_open,
    .close = rfb_close,
    .key = rfb_key,
    .pointer_abs = rfb_pointer_abs,
    .pointer_rel = rfb_pointer_rel,
    .button = rfb_button,
    .wheel = rfb_wheel,
    .resize = rfb_resize,
};
