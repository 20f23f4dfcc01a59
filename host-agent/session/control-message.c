/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/session/control-message.h"

#include "host-agent/json-fields.h"

#include "base/error.h"
#include "base/id.h"

#include <string.h>

#define MAX_REASON_BYTES 64

typedef struct {
    const char *name;
    int n_fds;
    void (*read)(BerthJsonFields *fields, BerthControlRequest *ret);
} ControlOpRow;

/* Of a display that its owner shares directly: who knows it is let in. */
static void
read_share_token(BerthJsonFields *fields, BerthAdmissionConfig *ret)
{
    const char *hex =
        berth_json_fields_optional_string(fields, "share_token", 2 * sizeof(ret->share_token));

    if (!hex) {
        return;
    }
    if (berth_hex_parse(hex, ret->share_token, sizeof(ret->share_token)) < 0) {
        berth_json_fields_fail(fields, "share_token", "is not 64 hexadecimal digits");
        return;
    }
    ret->has_share_token = true;
}

static void
take_guest_policy(const BerthPolicy *policy, BerthGuestPolicy *ret)
{
    ret->clipboard = (BerthClipboardPolicy){
        .to_guest = berth_policy_allows(policy, BERTH_POLICY_CLIPBOARD_TO_GUEST),
        .from_guest = berth_policy_allows(policy, BERTH_POLICY_CLIPBOARD_FROM_GUEST),
        /* The names of the set stand in the order of the types. */
        .types = (uint8_t)berth_policy_number(policy, BERTH_POLICY_CLIPBOARD_TYPES),
        .max_kib = (uint32_t)berth_policy_number(policy, BERTH_POLICY_CLIPBOARD_MAX_KIB),
    };
    ret->files = (BerthFilesPolicy){
        .to_guest = berth_policy_allows(policy, BERTH_POLICY_FILES_TO_GUEST),
        .max_mib = (uint32_t)berth_policy_number(policy, BERTH_POLICY_FILES_MAX_MIB),
    };
    ret->has_files_from_guest = berth_policy_allows(policy, BERTH_POLICY_FILES_FROM_GUEST);
}

static void
read_policy(BerthJsonFields *fields, BerthControlRequest *request)
{
    BerthAdmissionConfig *ret = &request->admission;
    json_t *object = berth_json_fields_object(fields, "policy");
    BerthPolicy policy;
    g_autoptr(GError) error = NULL;

    if (!object) {
        return;
    }
    if (!berth_policy_from_json(object, &policy, &error)) {
        berth_json_fields_fail(fields, "policy", error->message);
        return;
    }
    ret->resume_window_us =
        berth_policy_number(&policy, BERTH_POLICY_RESUME_WINDOW_S) * G_USEC_PER_SEC;
    ret->rights = berth_policy_rights(&policy);
    request->sound.may_play = berth_policy_allows(&policy, BERTH_POLICY_AUDIO_OUT);
    request->sound.may_record = berth_policy_allows(&policy, BERTH_POLICY_AUDIO_IN);
    ret->observe = (BerthPolicyObserve)berth_policy_number(&policy, BERTH_POLICY_OBSERVE);
    take_guest_policy(&policy, &request->guest);
    g_strlcpy(request->watermark, policy.texts[BERTH_POLICY_WATERMARK], sizeof(request->watermark));
}

static void
read_ticket_keys(BerthJsonFields *fields, BerthAdmissionConfig *ret)
{
    json_t *array = berth_json_fields_array(fields, "ticket_keys", BERTH_ADMISSION_MAX_KEYS);
    size_t i;
    json_t *item;

    json_array_foreach (array, i, item) {
        const char *hex = json_string_value(item);

        if (!hex || berth_ticket_key_parse(hex, &ret->keys[i]) < 0) {
            berth_json_fields_fail(fields, "ticket_keys", "is not a list of 64 hexadecimal digits");
            return;
        }
        ret->n_keys = i + 1;
    }
    if (ret->n_keys == 0 && !ret->has_share_token) {
        berth_json_fields_fail(fields, "ticket_keys", "must hold a key");
    }
}

static void
read_start(BerthJsonFields *fields, BerthControlRequest *ret)
{
    BerthAdmissionConfig *admission = &ret->admission;

    berth_json_fields_id(fields, "session", &admission->session);
    berth_json_fields_id(fields, "machine", &admission->machine);
    berth_json_fields_id(fields, "user", &admission->user);
    berth_json_fields_id(fields, "host", &admission->host);
    g_strlcpy(ret->user_name, berth_json_fields_string(fields, "user_name", BERTH_LIMIT_NAME_BYTES),
              sizeof(ret->user_name));
    admission->machine_epoch = (uint64_t)berth_json_fields_int(fields, "epoch", 0, INT64_MAX);
    read_policy(fields, ret);
    read_share_token(fields, admission);
    read_ticket_keys(fields, admission);
    g_strlcpy(ret->capture, berth_json_fields_string(fields, "capture", sizeof(ret->capture) - 1),
              sizeof(ret->capture));
}

static void
read_nothing(BerthJsonFields *fields, BerthControlRequest *ret)
{
}

static void
read_reason(BerthJsonFields *fields, BerthControlRequest *ret)
{
    const char *reason = berth_json_fields_string(fields, "reason", MAX_REASON_BYTES);

    ret->reason = berth_error_from_name(reason);
    if (ret->reason == BERTH_ERR_INTERNAL) {
        /* A reason of a newer agent still has to end the connection with a good word. */
        ret->reason = ret->op == BERTH_CONTROL_END ? BERTH_ERR_LOGGED_OFF : BERTH_ERR_DISCONNECTED;
    }
}

static void
read_disconnect(BerthJsonFields *fields, BerthControlRequest *ret)
{
    read_reason(fields, ret);
    ret->connection_epoch =
        (uint64_t)berth_json_fields_int(fields, "connection_epoch", 0, INT64_MAX);
}

static void
read_new_policy(BerthJsonFields *fields, BerthControlRequest *ret)
{
    read_policy(fields, ret);
}

static void
read_notice(BerthJsonFields *fields, BerthControlRequest *ret)
{
    ret->number = (uint32_t)berth_json_fields_int(fields, "number", 0, UINT32_MAX);
    g_strlcpy(ret->text, berth_json_fields_string(fields, "text", BERTH_LIMIT_NOTICE_BYTES),
              sizeof(ret->text));
}

static void
read_guest(BerthJsonFields *fields, BerthControlRequest *ret)
{
    const char *port = berth_json_fields_string(fields, "port", MAX_REASON_BYTES);

    ret->port = strcmp(port, berth_guest_port_name(BERTH_GUEST_PORT_BERTH)) == 0
                    ? BERTH_GUEST_PORT_BERTH
                    : BERTH_GUEST_PORT_SPICE;
    if (strcmp(port, berth_guest_port_name(ret->port)) != 0) {
        berth_json_fields_fail(fields, "port", "must be spice or berth");
    }
}

static const ControlOpRow ops[] = {
    [BERTH_CONTROL_START] = { "start", 1, read_start },
    [BERTH_CONTROL_CLIENT] = { "client", 1, read_nothing },
    [BERTH_CONTROL_DISPLAY] = { "display", 1, read_nothing },
    [BERTH_CONTROL_DISCONNECT] = { "disconnect", 0, read_disconnect },
    [BERTH_CONTROL_END] = { "end", 0, read_reason },
    [BERTH_CONTROL_RECORD] = { "record", 1, read_nothing },
    [BERTH_CONTROL_POLICY] = { "policy", 0, read_new_policy },
    [BERTH_CONTROL_NOTICE] = { "notice", 0, read_notice },
    [BERTH_CONTROL_GUEST] = { "guest", 1, read_guest },
};

int
berth_control_op_n_fds(BerthControlOp op)
{
    return ops[op].n_fds;
}

static int
find_op(const char *name)
{
    for (size_t i = 0; i < G_N_ELEMENTS(ops); i++) {
        if (strcmp(ops[i].name, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

bool
berth_control_request_parse(const char *text, size_t len, BerthControlRequest *ret, GError **error)
{
    const char *what = "a control packet";
    BerthControlRequest request = { 0 };
    BerthJsonFields fields;
    json_t *object;
    bool is_good;
    int op;

    if (len > BERTH_LIMIT_SESSION_CONTROL_BYTES) {
        return berth_set_error(error, BERTH_ERR_TOO_LARGE, "a control packet has %zu bytes", len);
    }
    object = berth_json_parse_object(text, len, what, error);
    if (!object) {
        return false;
    }
    berth_json_fields_init(&fields, object, what);
    op = find_op(berth_json_fields_string(&fields, "op", MAX_REASON_BYTES));
    if (op < 0) {
        berth_json_fields_fail(&fields, "op", "names no operation");
    } else {
        request.op = (BerthControlOp)op;
        ops[op].read(&fields, &request);
    }
    is_good = berth_json_fields_finish(&fields, error);
    json_decref(object);
    if (is_good) {
        *ret = request;
    }
    return is_good;
}

/* Takes the object. */
static char *
dump(json_t *object)
{
    char *text = json_dumps(object, JSON_COMPACT);
    char *copy = g_strdup(text);

    json_decref(object);
    free(text);
    return copy;
}

static void
set_state(json_t *object, const BerthControlState *state)
{
    json_object_set_new(object, "connected", json_boolean(state->is_connected));
    json_object_set_new(object, "connection_epoch",
                        json_integer((json_int_t)state->connection_epoch));
}

char *
berth_control_format_listening(const BerthAdmissionConfig *config, const BerthControlState *state)
{
    json_t *object = json_object();
    char key[2 * BERTH_KEY_HASH_BYTES + 1];

    berth_hex_format(config->session_key_hash, BERTH_KEY_HASH_BYTES, key);
    json_object_set_new(object, "op", json_string("listening"));
    berth_json_set_id(object, "session", &config->session);
    berth_json_set_id(object, "machine", &config->machine);
    json_object_set_new(object, "epoch", json_integer((json_int_t)config->machine_epoch));
    json_object_set_new(object, "session_key", json_string(key));
    set_state(object, state);
    return dump(object);
}

char *
berth_control_format_state(const BerthControlState *state)
{
    json_t *object = json_object();

    json_object_set_new(object, "op", json_string("state"));
    set_state(object, state);
    json_object_set_new(object, "frames", json_integer((json_int_t)state->n_frames));
    json_object_set_new(object, "bytes_out", json_integer((json_int_t)state->bytes_out));
    json_object_set_new(object, "width", json_integer(state->width_px));
    json_object_set_new(object, "height", json_integer(state->height_px));
    json_object_set_new(object, "observers", json_integer(state->n_observers));
    json_object_set_new(object, "checks_failed", json_integer((json_int_t)state->n_checks_failed));
    json_object_set_new(object, "input_us", json_integer(state->input_us));
    json_object_set_new(object, "first_frame_us", json_integer(state->first_frame_us));
    return dump(object);
}

char *
berth_control_format_guest_lost(BerthGuestPortKind port)
{
    json_t *object = json_object();

    json_object_set_new(object, "op", json_string("guest-lost"));
    json_object_set_new(object, "port", json_string(berth_guest_port_name(port)));
    return dump(object);
}

char *
berth_control_format_failed(int code, const char *detail)
{
    json_t *object = json_object();

    json_object_set_new(object, "op", json_string("failed"));
    json_object_set_new(object, "code", json_string(berth_error_name(code)));
    json_object_set_new(object, "detail", json_string(detail));
    return dump(object);
}
