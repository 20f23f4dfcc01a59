/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/session/dbus-reader.h"

#include "host-agent/session/dbus-answer.h"
#include "host-agent/session/dbus-listener.h"
#include "host-agent/session/shared-picture.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/log.h"

#include <gio/gunixfdlist.h>

#define SCOPE "capture"
#define IFACE_LISTENER "org.qemu.Display1.Listener"
#define IFACE_MAP "org.qemu.Display1.Listener.Unix.Map"
/* A hostile guest must not fill the log. */
#define MAX_COMPLAINTS 3

struct BerthDbusReader {
    BerthScreen *screen;
    int mode_w, mode_h;         /* of the last good Scanout; 0 before */
    BerthSharedPicture *shared; /* of the last good ScanoutMap; NULL after a Scanout */
    unsigned n_complaints;
};

/* One call of the interface: arguments have been checked against the type. */
typedef struct {
    const char *iface;
    const char *member;
    const char *type;
    int (*handle)(BerthDbusReader *self, GVariant *arguments, GUnixFDList *fds);
    /* Once the caller has its reply; it waits for that. */
    int (*finish)(BerthDbusReader *self);
} ListenerCall;

BerthDbusReader *
berth_dbus_reader_new(BerthScreen *screen)
{
    BerthDbusReader *self = g_new0(BerthDbusReader, 1);

    self->screen = berth_screen_ref(screen);
    return self;
}

void
berth_dbus_reader_free(gpointer reader)
{
    BerthDbusReader *self = reader;

    berth_shared_picture_free(self->shared);
    berth_screen_unref(self->screen);
    g_free(self);
}

/* The bytes of the last argument; ret_owner keeps them alive. */
static const uint8_t *
get_bytes(GVariant *arguments, GVariant **ret_owner, size_t *ret_n_bytes)
{
    *ret_owner = g_variant_get_child_value(arguments, g_variant_n_children(arguments) - 1);
    return g_variant_get_fixed_array(*ret_owner, ret_n_bytes, 1);
}

static int
handle_scanout(BerthDbusReader *self, GVariant *arguments, GUnixFDList *fds)
{
    g_autoptr(GVariant) owner = NULL;
    BerthListenerPicture picture;
    guint32 width, height, stride, format;
    const uint8_t *data;
    size_t n_bytes;
    int r;

    g_variant_get(arguments, "(uuuu@ay)", &width, &height, &stride, &format, NULL);
    data = get_bytes(arguments, &owner, &n_bytes);
    r = berth_dbus_listener_check_scanout(width, height, stride, format, data, n_bytes, &picture);
    if (r < 0) {
        return r;
    }
    r = berth_screen_set_mode(self->screen, picture.rect.w, picture.rect.h);
    if (r < 0) {
        return r;
    }
    g_clear_pointer(&self->shared, berth_shared_picture_free);
    self->mode_w = picture.rect.w;
    self->mode_h = picture.rect.h;
    return berth_screen_write(self->screen, picture.rect, &picture.source);
}

static int
handle_update(BerthDbusReader *self, GVariant *arguments, GUnixFDList *fds)
{
    g_autoptr(GVariant) owner = NULL;
    BerthListenerPicture picture;
    BerthRect rect;
    guint32 stride, format;
    const uint8_t *data;
    size_t n_bytes;
    int r;

    g_variant_get(arguments, "(iiiiuu@ay)", &rect.x, &rect.y, &rect.w, &rect.h, &stride, &format,
                  NULL);
    data = get_bytes(arguments, &owner, &n_bytes);
    r = berth_dbus_listener_check_update(&rect, stride, format, data, n_bytes, self->mode_w,
                                         self->mode_h, &picture);
    return r < 0 ? r : berth_screen_write(self->screen, picture.rect, &picture.source);
}

/* A picture in QEMU's own memory, instead of Scanout; QEMU goes on by copies if it is refused. */
static int
handle_scanout_map(BerthDbusReader *self, GVariant *arguments, GUnixFDList *fds)
{
    BerthSharedLayout layout;
    BerthSharedPicture *shared;
    gint32 handle;
    guint32 offset;
    berth_autofd int fd = -1;
    int r;

    g_variant_get(arguments, "(huuuuu)", &handle, &offset, &layout.w, &layout.h,
                  &layout.stride_bytes, &layout.format);
    layout.offset_bytes = offset;
    if (!fds || handle < 0 || handle >= g_unix_fd_list_get_length(fds)) {
        return BERTH_ERR_PROTOCOL;
    }
    fd = g_unix_fd_list_get(fds, handle, NULL);
    r = berth_shared_picture_new(fd, &layout, &shared);
    if (r < 0) {
        return r;
    }
    r = berth_screen_set_mode(self->screen, (int)layout.w, (int)layout.h);
    if (r < 0) {
        berth_shared_picture_free(shared);
        return r;
    }
    berth_log_debug(SCOPE, "the desktop shares the memory of a picture of %ux%u", layout.w,
                    layout.h);
    berth_shared_picture_free(self->shared);
    self->shared = shared;
    self->mode_w = (int)layout.w;
    self->mode_h = (int)layout.h;
    return BERTH_OK;
}

static int
finish_scanout_map(BerthDbusReader *self)
{
    return berth_shared_picture_read(self->shared, (BerthRect){ 0, 0, self->mode_w, self->mode_h },
                                     self->screen);
}

static int
handle_update_map(BerthDbusReader *self, GVariant *arguments, GUnixFDList *fds)
{
    BerthRect rect;

    g_variant_get(arguments, "(iiii)", &rect.x, &rect.y, &rect.w, &rect.h);
    return self->shared ? berth_shared_picture_read(self->shared, rect, self->screen)
                        : BERTH_ERR_STATE;
}

static int
handle_cursor_define(BerthDbusReader *self, GVariant *arguments, GUnixFDList *fds)
{
    g_autoptr(GVariant) owner = NULL;
    BerthCursorShape shape;
    gint32 width, height, hot_x, hot_y;
    const uint8_t *data;
    size_t n_bytes;
    int r;

    g_variant_get(arguments, "(iiii@ay)", &width, &height, &hot_x, &hot_y, NULL);
    data = get_bytes(arguments, &owner, &n_bytes);
    r = berth_dbus_listener_check_cursor(width, height, hot_x, hot_y, data, n_bytes, &shape);
    if (r == BERTH_OK) {
        g_autofree uint8_t *pixels = g_memdup2(shape.pixels, shape.size_bytes);

        berth_dbus_listener_straighten_cursor(pixels, shape.size_bytes / 4);
        shape.pixels = pixels;
        berth_screen_set_cursor(self->screen, &shape);
    }
    return r;
}

static int
handle_mouse_set(BerthDbusReader *self, GVariant *arguments, GUnixFDList *fds)
{
    gint32 x, y, is_on;

    g_variant_get(arguments, "(iii)", &x, &y, &is_on);
    berth_screen_set_pointer(self->screen, x, y, is_on != 0);
    return BERTH_OK;
}

static int
handle_disable(BerthDbusReader *self, GVariant *arguments, GUnixFDList *fds)
{
    berth_screen_blank(self->screen);
    return BERTH_OK;
}

static const ListenerCall calls[] = {
    { IFACE_LISTENER, "Update", "(iiiiuuay)", handle_update, NULL },
    { IFACE_LISTENER, "Scanout", "(uuuuay)", handle_scanout, NULL },
    { IFACE_LISTENER, "CursorDefine", "(iiiiay)", handle_cursor_define, NULL },
    { IFACE_LISTENER, "MouseSet", "(iii)", handle_mouse_set, NULL },
    { IFACE_LISTENER, "Disable", "()", handle_disable, NULL },
    { IFACE_MAP, "UpdateMap", "(iiii)", handle_update_map, NULL },
    { IFACE_MAP, "ScanoutMap", "(huuuuu)", handle_scanout_map, finish_scanout_map },
};

static const ListenerCall *
find_call(const char *iface, const char *member)
{
    for (size_t i = 0; i < G_N_ELEMENTS(calls); i++) {
        if (g_strcmp0(member, calls[i].member) == 0 && g_strcmp0(iface, calls[i].iface) == 0) {
            return &calls[i];
        }
    }
    return NULL;
}

static void
complain(BerthDbusReader *self, const char *member, int code)
{
    if (code == BERTH_ERR_STATE) {
        /* The firmware's text mode does that at each start; see capture-qemu-dbus.c. */
        berth_log_debug(SCOPE, "a display call %s came before its mode", member);
    } else if (self->n_complaints < MAX_COMPLAINTS) {
        self->n_complaints++;
        berth_log_warning(SCOPE, "a display call %s was dropped: %s", member,
                          berth_error_sentence(code));
    }
}

static void
handle_listener_call(BerthDbusReader *self, const ListenerCall *call, GDBusConnection *connection,
                     GDBusMessage *message)
{
    GVariant *arguments = g_dbus_message_get_body(message);
    bool has_type = arguments ? g_variant_is_of_type(arguments, G_VARIANT_TYPE(call->type))
                              : g_str_equal(call->type, "()");
    int r = has_type ? call->handle(self, arguments, g_dbus_message_get_unix_fd_list(message))
                     : BERTH_ERR_PROTOCOL;

    if (r < 0) {
        berth_dbus_refuse(connection, message, r);
    } else {
        berth_dbus_answer(connection, message, NULL);
        r = call->finish ? call->finish(self) : BERTH_OK;
    }
    if (r < 0) {
        complain(self, call->member, r);
    }
}

GDBusMessage *
berth_dbus_reader_filter(GDBusConnection *connection, GDBusMessage *message, gboolean is_incoming,
                         gpointer reader)
{
    /* QEMU shares memory with listeners that tell of it. */
    static const char *const interfaces[] = { IFACE_MAP, NULL };
    const char *iface = g_dbus_message_get_interface(message);
    const char *member = g_dbus_message_get_member(message);
    const ListenerCall *call;

    if (!is_incoming ||
        g_dbus_message_get_message_type(message) != G_DBUS_MESSAGE_TYPE_METHOD_CALL) {
        return message;
    }
    if (berth_dbus_answer_properties(connection, message, interfaces)) {
        g_object_unref(message);
        return NULL;
    }
    call = find_call(iface, member);
    if (!call) {
        return message; /* GDBus answers with an error */
    }
    handle_listener_call(reader, call, connection, message);
    g_object_unref(message);
    return NULL;
}
