/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "base/error.h"
#include "base/id.h"
#include "base/log.h"
#include "berth/errors.h"
#include "berth/limits.h"
#include "host-agent/json-fields.h"
#include "host-agent/session-host.h"

#include <string.h>

#define DETAIL_BYTES 1024

static void
read_listening(BerthJsonFields *fields, BerthSessionReport *report)
{
    BerthId session, machine;
    uint8_t key[BERTH_KEY_HASH_BYTES];
    berth_json_fields_id(fields, "session", &session);
    berth_json_fields_id(fields, "machine", &machine);
    int64_t epoch = berth_json_fields_int(fields, "epoch", 0, INT64_MAX);
    const char *hex = berth_json_fields_string(fields, "session_key", 2 * BERTH_KEY_HASH_BYTES);
    if (!berth_id_equal(&session, &report->id) || (uint64_t)epoch != report->epoch) {
        berth_json_fields_fail(fields, "session", "is not the one of this process");
    }
    if (berth_hex_parse(hex, key, sizeof key) != BERTH_OK) {
        berth_json_fields_fail(fields, "session_key", "is no key");
        return;
    }
    g_strlcpy(report->session_key, hex, sizeof report->session_key);
    bool is_connected = berth_json_fields_optional_bool(fields, "connected", false);
    report->connection_epoch =
        (uint64_t)berth_json_fields_optional_int(fields, "connection_epoch", 0, INT64_MAX, 0);
    report->state = is_connected ? BERTH_SESSION_CONNECTED : BERTH_SESSION_LISTENING;
}

static void
read_state(BerthJsonFields *fields, BerthSessionReport *report)
{
    static const char *const counters[] = { "frames", "bytes_out", "width",
                                            "height", "observers", "checks_failed" };
    bool is_connected = berth_json_fields_optional_bool(fields, "connected", false);
    report->connection_epoch =
        (uint64_t)berth_json_fields_optional_int(fields, "connection_epoch", 0, INT64_MAX, 0);
    for (size_t i = 0; i < G_N_ELEMENTS(counters); i++) {
        berth_json_fields_optional_int(fields, counters[i], 0, INT64_MAX, 0);
    }
    int64_t first_frame_us =
        berth_json_fields_optional_int(fields, "first_frame_us", 0, INT64_MAX, 0);
    if (report->first_frame_us == 0) {
        report->first_frame_us = first_frame_us;
    }
    report->input_us = berth_json_fields_optional_int(fields, "input_us", 0, INT64_MAX, 0);
    report->state = is_connected ? BERTH_SESSION_CONNECTED : BERTH_SESSION_LISTENING;
}

static void
read_failed(BerthJsonFields *fields, BerthSessionReport *report)
{
    const char *code = berth_json_fields_string(fields, "code", BERTH_LIMIT_NAME_BYTES);
    const char *detail = berth_json_fields_optional_string(fields, "detail", DETAIL_BYTES);
    report->code = berth_error_from_name(code);
    berth_log_warning("session", "the session process gives up (%s): %s", code,
                      detail != NULL ? detail : "");
}

static BerthSessionAsks
read_lost_port(BerthJsonFields *fields)
{
    const char *port = berth_json_fields_string(fields, "port", BERTH_LIMIT_NAME_BYTES);
    bool is_berth = strcmp(port, berth_guest_port_name(BERTH_GUEST_PORT_BERTH)) == 0;
    if (!is_berth && strcmp(port, berth_guest_port_name(BERTH_GUEST_PORT_SPICE)) != 0) {
        berth_json_fields_fail(fields, "port", "is not known");
    }
    return is_berth ? BERTH_SESSION_LOST_BERTH : BERTH_SESSION_LOST_SPICE;
}

int
berth_session_message_read(const char *text, size_t len, BerthSessionReport *report,
                           BerthSessionAsks *ret_asks)
{
    BerthSessionAsks asks = BERTH_SESSION_ASKS_NOTHING;
    BerthJsonFields fields;
    BerthSessionReport next = *report;
    GError *error = NULL;
    json_t *root = berth_json_parse_object(text, len, "session message", NULL);
    if (root == NULL) {
        return BERTH_ERR_PROTOCOL;
    }
    berth_json_fields_init(&fields, root, "session message");
    const char *op = berth_json_fields_string(&fields, "op", BERTH_LIMIT_NAME_BYTES);
    if (strcmp(op, "listening") == 0) {
        read_listening(&fields, &next);
    } else if (strcmp(op, "state") == 0) {
        read_state(&fields, &next);
    } else if (strcmp(op, "failed") == 0) {
        read_failed(&fields, &next);
        asks = BERTH_SESSION_GIVES_UP;
    } else if (strcmp(op, "guest-lost") == 0) {
        asks = read_lost_port(&fields);
    } else {
        berth_json_fields_fail(&fields, "op", "is not known");
    }
    bool is_good = berth_json_fields_finish(&fields, &error);
    if (is_good) {
        *report = next;
        *ret_asks = asks;
    } else {
        berth_log_warning("session", "a session process broke the protocol: %s", error->message);
        g_error_free(error);
    }
    json_decref(root);
    return is_good ? BERTH_OK : BERTH_ERR_PROTOCOL;
}
