/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/input-split.h"

#include <glib.h>
#include <string.h>

static const char *const names[BERTH_N_INPUT_PARTS] = {
    [BERTH_INPUT_NETWORK] = "network", [BERTH_INPUT_GUEST] = "guest",
    [BERTH_INPUT_WAIT] = "wait",       [BERTH_INPUT_ENCODE] = "encode",
    [BERTH_INPUT_DECODE] = "decode",   [BERTH_INPUT_PAINT] = "paint",
};

void
berth_input_split_told(BerthInputSplit *self, const BerthMsgInputTimes *times)
{
    self->told = *times;
}

/* Takes a part out of what is left. */
static uint32_t
take(int64_t *left_us, int64_t wanted_us)
{
    int64_t part_us = CLAMP(wanted_us, 0, *left_us);

    *left_us -= part_us;
    return (uint32_t)part_us;
}

void
berth_input_split_answered(BerthInputSplit *self, const BerthInputAnswer *answer)
{
    uint32_t *parts_us = self->samples_us[self->n_samples % BERTH_INPUT_SPLIT_MAX_SAMPLES];
    int64_t left_us = CLAMP(answer->shown_us - answer->sent_us, 0, UINT32_MAX);

    if (self->told.serial == 0 || self->told.serial != answer->serial) {
        return;
    }
    parts_us[BERTH_INPUT_PAINT] = take(&left_us, answer->shown_us - answer->ready_us);
    parts_us[BERTH_INPUT_DECODE] = take(&left_us, answer->ready_us - answer->received_us);
    parts_us[BERTH_INPUT_ENCODE] = take(&left_us, self->told.encode_us);
    parts_us[BERTH_INPUT_WAIT] = take(&left_us, self->told.wait_us);
    parts_us[BERTH_INPUT_GUEST] = take(&left_us, self->told.guest_us);
    parts_us[BERTH_INPUT_NETWORK] = (uint32_t)left_us;
    self->n_samples++;
    self->told.serial = 0;
}

bool
berth_input_split_get(const BerthInputSplit *self, uint32_t ret_us[BERTH_N_INPUT_PARTS])
{
    uint64_t n = MIN(self->n_samples, BERTH_INPUT_SPLIT_MAX_SAMPLES);

    memset(ret_us, 0, BERTH_N_INPUT_PARTS * sizeof ret_us[0]);
    for (int part = 0; n > 0 && part < BERTH_N_INPUT_PARTS; part++) {
        uint64_t sum_us = 0;

        for (uint64_t i = 0; i < n; i++) {
            sum_us += self->samples_us[i][part];
        }
        ret_us[part] = (uint32_t)(sum_us / n);
    }
    return n > 0;
}

const char *
berth_input_part_name(BerthInputPart part)
{
    return names[part];
}
