/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/rollout-settings.h"

#include "base/error.h"
#include "berth/limits.h"

#include <stddef.h>
#include <string.h>

#define SECOND_US (1000LL * 1000)
#define DEFAULT_FORCE_AFTER_S 300
#define MAX_FORCE_AFTER_S (7 * 24 * 3600)
#define MAX_FACTOR 100.0
#define DEFAULT_MESSAGE "Your desktop is updated. Please save your work and log off."

typedef struct {
    const char *key;
    size_t offset;
    bool is_real;
    double max;
} GateField;

#define COUNT(key, max)                                    \
    {                                                      \
#key, offsetof(BerthGateLimits, key), false, (max) \
    }
#define REAL(key, max)                                    \
    {                                                     \
#key, offsetof(BerthGateLimits, key), true, (max) \
    }

static const GateField gate_fields[] = {
    COUNT(min_boots, 10000),
    COUNT(min_sessions, 10000),
    COUNT(max_crashes, 10000),
    REAL(boot_success_pct, 100),
    REAL(ready_p95_factor, MAX_FACTOR),
    REAL(logon_p95_factor, MAX_FACTOR),
    REAL(first_frame_factor, MAX_FACTOR),
};

static bool
set_gate(BerthGateLimits *gates, const char *key, const json_t *value, GError **error)
{
    for (size_t i = 0; i < G_N_ELEMENTS(gate_fields); i++) {
        const GateField *field = &gate_fields[i];
        if (strcmp(field->key, key) != 0) {
            continue;
        }
        double number = json_number_value(value);
        bool is_good = field->is_real ? json_is_number(value) : json_is_integer(value);
        if (!is_good || number < 0 || number > field->max) {
            return berth_set_error(error, BERTH_ERR_INVALID, "\"gates\": \"%s\" is %s of 0 to %g",
                                   key, field->is_real ? "a number" : "a whole number", field->max);
        }
        void *place = (char *)gates + field->offset;
        if (field->is_real) {
            *(double *)place = number;
        } else {
            *(int64_t *)place = json_integer_value(value);
        }
        return true;
    }
    return berth_set_error(error, BERTH_ERR_INVALID, "\"gates\" knows no \"%.64s\"", key);
}

static bool
read_gates(const json_t *json, int64_t n_canary, BerthGateLimits *gates, GError **error)
{
    const char *key = NULL;
    json_t *value = NULL;
    *gates = berth_gate_defaults;
    json_object_foreach ((json_t *)json, key, value) {
        if (!set_gate(gates, key, value, error)) {
            return false;
        }
    }
    gates->min_boots = gates->min_boots > 0 ? gates->min_boots : n_canary;
    return true;
}

static bool
read_text(const json_t *json, const char *key, const char *otherwise, char **ret, GError **error)
{
    const json_t *value = json_object_get(json, key);
    if (value != NULL &&
        (!json_is_string(value) || json_string_length(value) > BERTH_LIMIT_ROLLOUT_TEXT_BYTES)) {
        return berth_set_error(error, BERTH_ERR_INVALID, "\"%s\" is a text of at most %u bytes",
                               key, BERTH_LIMIT_ROLLOUT_TEXT_BYTES);
    }
    g_free(*ret);
    *ret = g_strdup(value != NULL ? json_string_value(value) : otherwise);
    return true;
}

static bool
read_failure(const json_t *json, bool *ret_is_pausing, GError **error)
{
    const char *text = json_string_value(json_object_get(json, "on_failure"));
    *ret_is_pausing = g_strcmp0(text, "pause") == 0;
    return text == NULL || *ret_is_pausing || strcmp(text, "rollback") == 0 ||
           berth_set_error(error, BERTH_ERR_INVALID,
                           "\"on_failure\" is \"rollback\" or \"pause\", not \"%.64s\"", text);
}

static bool
read_force(const json_t *json, int64_t *ret_us, GError **error)
{
    const json_t *value = json_object_get(json, "force_after_s");
    json_int_t after_s = value != NULL ? json_integer_value(value) : DEFAULT_FORCE_AFTER_S;
    *ret_us = (int64_t)after_s * SECOND_US;
    return (value == NULL || json_is_integer(value)) && after_s >= 0 && after_s <= MAX_FORCE_AFTER_S
               ? true
               : berth_set_error(error, BERTH_ERR_INVALID, "\"force_after_s\" is 0 to %d",
                                 MAX_FORCE_AFTER_S);
}

bool
berth_rollout_settings_read(const json_t *json, int64_t n_canary, BerthRolloutSettings *ret,
                            GError **error)
{
    g_auto(BerthRolloutSettings) self = { 0 };
    if (!read_gates(json_object_get(json, "gates"), n_canary, &self.gates, error) ||
        !read_text(json, "message", DEFAULT_MESSAGE, &self.message, error) ||
        !read_text(json, "schedule", "", &self.schedule, error) ||
        !read_failure(json, &self.is_pausing, error) ||
        !read_force(json, &self.force_after_us, error)) {
        return false;
    }
    *ret = self;
    self = (BerthRolloutSettings){ 0 };
    return true;
}

void
berth_rollout_settings_load(const char *text, int64_t n_canary, BerthRolloutSettings *ret)
{
    json_auto_t *json = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    if (!berth_rollout_settings_read(json, n_canary, ret, NULL)) {
        (void)berth_rollout_settings_read(NULL, n_canary, ret, NULL);
    }
}

void
berth_rollout_settings_clear(BerthRolloutSettings *settings)
{
    g_clear_pointer(&settings->message, g_free);
    g_clear_pointer(&settings->schedule, g_free);
}
