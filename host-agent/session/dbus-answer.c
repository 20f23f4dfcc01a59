/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/session/dbus-answer.h"

#include "base/error.h"

#define IFACE_PROPERTIES "org.freedesktop.DBus.Properties"

/* reply: taken */
static void
send_wanted(GDBusConnection *connection, GDBusMessage *message, GDBusMessage *reply)
{
    if (!(g_dbus_message_get_flags(message) & G_DBUS_MESSAGE_FLAGS_NO_REPLY_EXPECTED)) {
        g_dbus_connection_send_message(connection, reply, G_DBUS_SEND_MESSAGE_FLAGS_NONE, NULL,
                                       NULL);
    }
    g_object_unref(reply);
}

void
berth_dbus_answer(GDBusConnection *connection, GDBusMessage *message, GVariant *body)
{
    GDBusMessage *reply = g_dbus_message_new_method_reply(message);

    if (body) {
        g_dbus_message_set_body(reply, body);
    }
    send_wanted(connection, message, reply);
}

void
berth_dbus_refuse(GDBusConnection *connection, GDBusMessage *message, int code)
{
    send_wanted(connection, message,
                g_dbus_message_new_method_error_literal(
                    message, "org.freedesktop.DBus.Error.InvalidArgs", berth_error_sentence(code)));
}

bool
berth_dbus_answer_properties(GDBusConnection *connection, GDBusMessage *message,
                             const char *const *interfaces)
{
    GVariantBuilder builder;

    if (g_strcmp0(g_dbus_message_get_interface(message), IFACE_PROPERTIES) != 0 ||
        g_strcmp0(g_dbus_message_get_member(message), "GetAll") != 0) {
        return false;
    }
    g_variant_builder_init(&builder, G_VARIANT_TYPE("a{sv}"));
    g_variant_builder_add(&builder, "{sv}", "Interfaces", g_variant_new_strv(interfaces, -1));
    berth_dbus_answer(connection, message, g_variant_new("(a{sv})", &builder));
    return true;
}
