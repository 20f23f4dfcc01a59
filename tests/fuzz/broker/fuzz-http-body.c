/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * First line: "METHOD /path"; the rest: the body.  Finds the route, then decodes what it takes.
 */
#include "base/error.h"
#include "broker/api/router.h"
#include "policies/policy-decision.h"

#include <stdlib.h>
#include <string.h>

#define MAX_LINE_BYTES 512

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool
has_type(const json_t *value, const BerthBodyField *field)
{
    switch (field->type) {
    case BERTH_BODY_TEXT:
    case BERTH_BODY_HEX:
    case BERTH_BODY_ENUM:
        return json_is_string(value) &&
               json_string_length(value) == strlen(json_string_value(value));
    case BERTH_BODY_INT:
        return json_integer_value(value) >= field->min && json_integer_value(value) <= field->max;
    case BERTH_BODY_BOOL:
        return json_is_boolean(value);
    case BERTH_BODY_OBJECT:
        return json_is_object(value);
    case BERTH_BODY_ARRAY:
        return json_array_size(value) <= (size_t)field->max;
    }
    return false;
}

/* What was taken has the type that its field says. */
static void
check_types(const json_t *body, const BerthRoute *route)
{
    for (size_t i = 0; i < route->n_fields; i++) {
        const json_t *value = berth_body_json(body, route->fields[i].key);
        bool is_good =
            value != NULL ? has_type(value, &route->fields[i]) : !route->fields[i].is_needed;
        if (!is_good) {
            abort();
        }
    }
}

static void
decode(const BerthRoute *route, const char *text, size_t len)
{
    BerthPolicyRule policy;
    g_autoptr(GError) error = NULL;
    json_t *body = berth_body_decode(text, len, route->fields, route->n_fields, &error);
    if ((body == NULL) == (error == NULL)) {
        abort();
    }
    if (body == NULL) {
        return;
    }
    check_types(body, route);
    json_t *object = berth_body_json(body, "policy");
    if (json_is_object(object)) {
        char *policy_text = json_dumps(object, JSON_COMPACT);
        (void)berth_policy_rule_from_text(policy_text, &policy, NULL);
        free(policy_text);
    }
    berth_body_free(body);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char line[MAX_LINE_BYTES];
    BerthRouteHit hit;
    const uint8_t *end = size > 0 ? memchr(data, '\n', MIN(size, sizeof line)) : NULL;
    if (end == NULL) {
        return 0;
    }
    size_t len = (size_t)(end - data);
    memcpy(line, data, len);
    line[len] = '\0';
    char *path = strchr(line, ' ');
    if (path == NULL) {
        return 0;
    }
    *path++ = '\0';
    if (berth_router_find(line, path, true, &hit) == BERTH_OK) {
        decode(hit.route, (const char *)end + 1, size - len - 1);
    }
    return 0;
}
