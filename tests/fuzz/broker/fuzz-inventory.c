/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A message of an agent: decoded as hello and as inventory, and reconciled with a few rows.
 */
#include "broker/host-sync.h"
#include "broker/reconcile.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
reconcile_all(const BerthInventory *inventory)
{
    BerthMachineRow machines[BERTH_N_MACHINE_STATES] = { 0 };
    BerthSessionRow sessions[BERTH_N_SESSION_STATES] = { 0 };
    for (int i = 0; i < BERTH_N_MACHINE_STATES; i++) {
        machines[i].state = (BerthMachineState)i;
        machines[i].epoch = 1;
        machines[i].is_kept = i % 2 == 0;
        g_strlcpy(machines[i].overlay, "a", sizeof machines[i].overlay);
        g_snprintf(machines[i].id, sizeof machines[i].id, "%032d", i);
    }
    for (int i = 0; i < BERTH_N_SESSION_STATES; i++) {
        sessions[i].state = (BerthSessionState)i;
        sessions[i].epoch = 1;
        g_snprintf(sessions[i].id, sizeof sessions[i].id, "%032d", i);
    }
    g_auto(BerthReconcilePlan) plan = berth_reconcile(
        machines, BERTH_N_MACHINE_STATES, sessions, BERTH_N_SESSION_STATES, inventory, NULL, 1000);
    GArray *steps = plan.steps;
    if (plan.n_strangers < 0 || !berth_inventory_is_same(inventory, inventory) ||
        !berth_inventory_parts_equal(&inventory->parts, &inventory->parts)) {
        abort();
    }
    for (guint i = 0; i < steps->len; i++) {
        if (g_array_index(steps, BerthReconcileStep, i).id == NULL) {
            abort();
        }
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    BerthHello hello;
    json_auto_t *message = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
    if (message == NULL) {
        return 0;
    }
    (void)berth_hello_from_json(message, &hello, NULL);
    g_autoptr(BerthInventory) inventory = berth_inventory_new_from_json(message, NULL);
    if (inventory != NULL) {
        reconcile_all(inventory);
    }
    return 0;
}
