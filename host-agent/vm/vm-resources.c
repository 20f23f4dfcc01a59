/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/vm/vm-resources.h"

#include <stddef.h>
#include <string.h>

#define WEIGHT_MAX 10000
#define QUOTA_PCT_MIN 1
#define QUOTA_PCT_MAX (100 * 1024)
#define MEMORY_MIN_MIB 64
#define MEMORY_MAX_MIB (2 * 1024 * 1024)
#define MBPS_MAX 1000000
#define IOPS_MAX 100000000

typedef struct {
    const char *key;
    size_t offset;
    int min, max;
} Row;

static const Row rows[] = {
    { "cpu_weight", offsetof(BerthVmResources, cpu_weight), 1, WEIGHT_MAX },
    { "cpu_quota_pct", offsetof(BerthVmResources, cpu_quota_pct), QUOTA_PCT_MIN, QUOTA_PCT_MAX },
    { "memory_max_mib", offsetof(BerthVmResources, memory_max_mib), MEMORY_MIN_MIB,
      MEMORY_MAX_MIB },
    { "io_weight", offsetof(BerthVmResources, io_weight), 1, WEIGHT_MAX },
    { "io_read_mbps", offsetof(BerthVmResources, io_read_mbps), 1, MBPS_MAX },
    { "io_write_mbps", offsetof(BerthVmResources, io_write_mbps), 1, MBPS_MAX },
    { "io_read_iops", offsetof(BerthVmResources, io_read_iops), 1, IOPS_MAX },
    { "io_write_iops", offsetof(BerthVmResources, io_write_iops), 1, IOPS_MAX },
};

static int *
member(BerthVmResources *self, const Row *row)
{
    return (int *)((char *)self + row->offset);
}

void
berth_vm_resources_read(BerthJsonFields *fields, BerthVmResources *ret)
{
    BerthJsonFields inner;
    GError *error = NULL;
    memset(ret, 0, sizeof *ret);
    json_t *object = berth_json_fields_optional_object(fields, "resources");
    if (object == NULL) {
        return;
    }
    berth_json_fields_init(&inner, object, "resources of a machine");
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        *member(ret, &rows[i]) =
            (int)berth_json_fields_optional_int(&inner, rows[i].key, rows[i].min, rows[i].max, 0);
    }
    if (!berth_json_fields_finish(&inner, &error)) {
        berth_json_fields_fail(fields, "resources", error->message);
        g_error_free(error);
    }
}

json_t *
berth_vm_resources_to_json(const BerthVmResources *self)
{
    BerthVmResources copy = *self;
    json_t *object = json_object();
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (*member(&copy, &rows[i]) != 0) {
            json_object_set_new(object, rows[i].key, json_integer(*member(&copy, &rows[i])));
        }
    }
    return object;
}

bool
berth_vm_resources_equal(const BerthVmResources *a, const BerthVmResources *b)
{
    return memcmp(a, b, sizeof *a) == 0;
}
