/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Prints docs/POLICIES.md from the table of keys and the presets.
 */
#include "policies/policy-decision.h"

#include <stdio.h>

static const char head[] =
    "<!-- SPDX-License-Identifier: GPL-3.0-or-later -->\n"
    "<!-- Printed by policies/print-table.c; a test compares. -->\n"
    "# Policies\n\n"
    "What a user may do in a session. There is one policy for the site, and one for each pool, group,\n"
    "user and device that wants its own. Of those that set a key the nearest to the user wins: device,\n"
    "user, group, pool, site; of several groups the narrowest value. A policy may name keys in\n"
    "`\"strict\"` (`true`: all that it sets): no other policy then allows more than it does.\n\n"
    "`berthctl policy explain USER POOL` shows what applies to somebody, and which policy said so.\n"
    "What is in force is enforced by the host and the broker; the client only shows it. The other keys\n"
    "can be set and are explained, and **nothing acts on them yet**: they are about channels and limits\n"
    "that this version does not have. The three times begin to count anew at their next event: a change\n"
    "does not shorten one that runs.\n\n"
    "| key | values | default | narrower is | in force | what it says |\n|---|---|---|---|---|---|\n";

static char *
format_values(const BerthPolicyField *field)
{
    switch (field->type) {
    case BERTH_POLICY_TYPE_TEXT:
        return g_strdup("text");
    case BERTH_POLICY_TYPE_FLAG:
        return g_strdup("true, false");
    case BERTH_POLICY_TYPE_NUMBER:
        return g_strdup_printf("%" G_GINT64_FORMAT " to %" G_GINT64_FORMAT, field->min, field->max);
    case BERTH_POLICY_TYPE_CHOICE:
    case BERTH_POLICY_TYPE_SET:
        return g_strjoinv(", ", (char **)field->names);
    }
    return NULL;
}

int
main(void)
{
    static const char *const orders[] = {
        [BERTH_POLICY_LESS_IS_NARROWER] = "less",
        [BERTH_POLICY_MORE_IS_NARROWER] = "more",
        [BERTH_POLICY_SOONER_IS_NARROWER] = "sooner",
        [BERTH_POLICY_FEWER_IS_NARROWER] = "what all have",
        [BERTH_POLICY_TEXT_IS_NARROWER] = "the wider level's",
    };
    BerthPolicy defaults = berth_policy_default();
    fputs(head, stdout);
    for (int key = 0; key < BERTH_N_POLICY_KEYS; key++) {
        const BerthPolicyField *field = &berth_policy_fields[key];
        g_autofree char *values = format_values(field);
        json_auto_t *value = berth_policy_value_to_json(&defaults, (BerthPolicyKey)key);
        char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
        printf("| %s | %s | `%s` | %s | %s | %s |\n", field->name, values, text,
               orders[field->order], field->is_in_force ? "yes" : "no", field->doc);
        free(text);
    }
    fputs("\n## Presets\n\nReady policies to start from: `berthctl policy preset NAME`.\n", stdout);
    for (size_t i = 0; berth_policy_presets[i] != NULL; i++) {
        json_auto_t *preset =
            json_loads(berth_policy_preset(berth_policy_presets[i]), JSON_REJECT_DUPLICATES, NULL);
        char *text = json_dumps(preset, JSON_INDENT(2));
        printf("\n### %s\n\n```json\n%s\n```\n", berth_policy_presets[i], text);
        free(text);
    }
    return 0;
}
