/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/vm/qmp-message.h"

#include "berth/errors.h"

#include <stdbool.h>
#include <string.h>

/* The command id of an answer; false if it is something that we never sent. */
static bool
read_id(BerthQmpMessage *message)
{
    json_t *id = json_object_get(message->root, "id");
    message->id = id != NULL ? json_integer_value(id) : -1;
    return id == NULL || (json_is_integer(id) && message->id >= 0);
}

static bool
classify(BerthQmpMessage *message)
{
    json_t *event = json_object_get(message->root, "event");
    json_t *result = json_object_get(message->root, "return");
    json_t *error = json_object_get(message->root, "error");

    if (event != NULL) {
        message->kind = BERTH_QMP_EVENT;
        message->text = json_string_value(event);
        message->body = json_object_get(message->root, "data");
        return message->text != NULL && (message->body == NULL || json_is_object(message->body));
    }
    if (result != NULL) {
        message->kind = BERTH_QMP_RETURN;
        message->body = result;
        return error == NULL && read_id(message);
    }
    if (error != NULL) {
        message->kind = BERTH_QMP_ERROR;
        message->text = json_string_value(json_object_get(error, "desc"));
        return message->text != NULL && read_id(message);
    }
    message->kind = BERTH_QMP_GREETING;
    message->body = json_object_get(message->root, "QMP");
    return json_is_object(message->body);
}

int
berth_qmp_message_parse(const char *line, size_t len, BerthQmpMessage *ret)
{
    BerthQmpMessage message = { .id = -1 };

    message.root = json_loadb(line, len, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(message.root) || !classify(&message)) {
        json_decref(message.root);
        return BERTH_ERR_PROTOCOL;
    }
    *ret = message;
    return BERTH_OK;
}

void
berth_qmp_message_clear(BerthQmpMessage *self)
{
    json_decref(self->root);
    memset(self, 0, sizeof *self);
}
