/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/api/openapi.h"

#include "broker/api/handlers.h"
#include "broker/api/headers.h"
#include "broker/api/router.h"

#include <string.h>

static json_t *
make_field(const BerthBodyField *field)
{
    static const char *const types[] = { "string", "string", "integer", "boolean",
                                         "string", "object", "array" };
    json_t *schema = json_pack("{s:s}", "type", types[field->type]);
    if (field->doc != NULL && field->doc[0] != '\0') {
        json_object_set_new(schema, "description", json_string(field->doc));
    }
    if (field->type == BERTH_BODY_TEXT) {
        json_object_set_new(schema, "minLength", json_integer(field->min));
        json_object_set_new(schema, "maxLength", json_integer(field->max));
    } else if (field->type == BERTH_BODY_HEX) {
        g_autofree char *pattern = g_strdup_printf("^[0-9a-f]{%d}$", (int)field->max);
        json_object_set_new(schema, "pattern", json_string(pattern));
    } else if (field->type == BERTH_BODY_INT) {
        json_object_set_new(schema, "minimum", json_integer(field->min));
        json_object_set_new(schema, "maximum", json_integer(field->max));
    } else if (field->type == BERTH_BODY_ENUM) {
        json_t *values = json_array();
        for (size_t i = 0; field->values[i] != NULL; i++) {
            json_array_append_new(values, json_string(field->values[i]));
        }
        json_object_set_new(schema, "enum", values);
    } else if (field->type == BERTH_BODY_ARRAY) {
        json_object_set_new(schema, "items", json_object());
        json_object_set_new(schema, "minItems", json_integer(field->min));
        json_object_set_new(schema, "maxItems", json_integer(field->max));
    }
    return schema;
}

static json_t *
make_body(const BerthRoute *route)
{
    json_t *properties = json_object();
    json_t *required = json_array();
    for (size_t i = 0; i < route->n_fields; i++) {
        json_object_set_new(properties, route->fields[i].key, make_field(&route->fields[i]));
        if (route->fields[i].is_needed) {
            json_array_append_new(required, json_string(route->fields[i].key));
        }
    }
    json_t *schema = json_pack("{s:s, s:o, s:b}", "type", "object", "properties", properties,
                               "additionalProperties", 0);
    if (json_array_size(required) > 0) {
        json_object_set(schema, "required", required);
    }
    json_decref(required);
    return json_pack("{s:b, s:{s:{s:o}}}", "required", 1, "content", "application/json", "schema",
                     schema);
}

static void
add_parameter(json_t *parameters, const char *name, const char *in, bool is_needed, json_t *schema)
{
    json_array_append_new(parameters, json_pack("{s:s, s:s, s:b, s:o}", "name", name, "in", in,
                                                "required", (int)is_needed, "schema", schema));
}

static json_t *
make_parameters(const BerthRoute *route)
{
    json_t *parameters = json_array();
    if (strstr(route->path, "{id}") != NULL) {
        add_parameter(parameters, "id", "path", true,
                      json_pack("{s:s, s:s}", "type", "string", "pattern", "^[0-9a-f]{32}$"));
    }
    if (strstr(route->path, "{part}") != NULL) {
        add_parameter(parameters, "part", "path", true, json_pack("{s:s}", "type", "string"));
    }
    for (size_t i = 0; i < route->n_query; i++) {
        add_parameter(parameters, route->query[i].key, "query", route->query[i].is_needed,
                      make_field(&route->query[i]));
    }
    if (route->needs_match) {
        add_parameter(parameters, "If-Match", "header", true, json_pack("{s:s}", "type", "string"));
    }
    if (route->handling == BERTH_HANDLE_WRITE && !route->has_secret) {
        add_parameter(
            parameters, "Idempotency-Key", "header", false,
            json_pack("{s:s, s:i}", "type", "string", "maxLength", BERTH_HEADER_KEY_MAX_BYTES));
    }
    return parameters;
}

static json_t *
make_responses(const BerthRoute *route, const json_t *schemas)
{
    char status[8];
    json_t *good = json_pack("{s:s}", "description", "as asked");
    g_snprintf(status, sizeof status, "%d", route->status);
    if (route->answer != NULL) {
        g_autofree char *ref = g_strconcat("#/components/schemas/", route->answer, NULL);
        json_t *schema = json_object_get(schemas, route->answer) != NULL
                             ? json_pack("{s:s}", "$ref", ref)
                             : json_pack("{s:s, s:s}", "type", "object", "title", route->answer);
        json_object_set_new(good, "content",
                            json_pack("{s:{s:o}}", "application/json", "schema", schema));
    }
    json_t *responses = json_pack("{s:o, s:{s:s, s:{s:{s:{s:s}}}}}", status, good, "default",
                                  "description", "a problem", "content", "application/problem+json",
                                  "schema", "$ref", "#/components/schemas/Problem");
    if (route->handling == BERTH_HANDLE_READ_SLOW) {
        json_object_set_new(
            responses, "202",
            json_pack("{s:s}", "description", "it takes longer: Location is its operation"));
    }
    return responses;
}

static json_t *
make_operation(const BerthRoute *route, const json_t *schemas)
{
    const char *permission = berth_permission_name(route->permission);
    json_t *operation = json_pack("{s:s, s:s, s:o, s:o}", "summary", route->doc, "x-permission",
                                  permission, "parameters", make_parameters(route), "responses",
                                  make_responses(route, schemas));
    if (route->fields != NULL) {
        json_object_set_new(operation, "requestBody", make_body(route));
    } else if (route->raw_bytes > 0) {
        json_object_set_new(operation, "requestBody",
                            json_pack("{s:{s:{s:{s:s, s:s}}}}", "content",
                                      "application/octet-stream", "schema", "type", "string",
                                      "format", "binary"));
    }
    if (route->permission <= BERTH_PERMIT_INTERNAL) {
        json_object_set_new(operation, "security", json_array());
    }
    return operation;
}

json_t *
berth_openapi_new(void)
{
    const BerthRoute *route = NULL;
    json_t *schemas = berth_schemas_new();
    json_t *paths = json_object();
    for (size_t i = 0; (route = berth_route_get(i)) != NULL; i++) {
        if (route->permission == BERTH_PERMIT_INTERNAL) {
            continue;
        }
        g_autofree char *method = g_ascii_strdown(route->method, -1);
        json_t *path = json_object_get(paths, route->path);
        if (path == NULL) {
            path = json_object();
            json_object_set_new(paths, route->path, path);
        }
        json_object_set_new(path, method, make_operation(route, schemas));
    }
    json_t *components = json_pack("{s:o, s:{s:{s:s, s:s}}}", "schemas", schemas, "securitySchemes",
                                   "login", "type", "http", "scheme", "bearer");
    return json_pack("{s:s, s:{s:s, s:s}, s:[{s:[]}], s:o, s:o}", "openapi", "3.0.3", "info",
                     "title", "Berth", "version", "1", "security", "login", "paths", paths,
                     "components", components);
}

void
berth_handle_openapi(BerthRequest *request)
{
    berth_request_reply(request, 200, berth_openapi_new());
}
