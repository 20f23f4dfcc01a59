/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/metrics.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

typedef enum {
    KIND_COUNTER,
    KIND_GAUGE,
    KIND_HISTOGRAM,
} Kind;

static const struct {
    const char *name;
    const char *labels;
    const char *help;
    Kind kind;
} metrics[] = {

#define METRIC_ROW(id, kind, name, labels, help) \
    [BERTH_METRIC_##id] = { (name), (labels), (help), KIND_##kind },
    BERTH_METRIC_TABLE(METRIC_ROW)
#undef METRIC_ROW
};

/* Upper bounds of the buckets; what is longer counts in the last one. */
static const struct {
    int64_t us;
    const char *seconds;
} buckets[] = {
    { 100, "0.0001" },  { 250, "0.00025" }, { 500, "0.0005" },  { 1000, "0.001" },
    { 2500, "0.0025" }, { 5000, "0.005" },  { 10000, "0.01" },  { 25000, "0.025" },
    { 50000, "0.05" },  { 100000, "0.1" },  { 250000, "0.25" }, { 500000, "0.5" },
    { 1000000, "1" },   { 2500000, "2.5" }, { 5000000, "5" },   { 10000000, "10" },
    { 30000000, "30" },
};

#define N_BUCKETS G_N_ELEMENTS(buckets)

static struct {
    _Atomic int64_t value; /* count of a histogram */
    _Atomic int64_t sum_us;
    _Atomic int64_t in_bucket[N_BUCKETS];
} values[BERTH_N_METRICS];

void
berth_metric_add(BerthMetric metric, int64_t n)
{
    atomic_fetch_add_explicit(&values[metric].value, n, memory_order_relaxed);
}

void
berth_metric_set(BerthMetric gauge, int64_t value)
{
    atomic_store_explicit(&values[gauge].value, value, memory_order_relaxed);
}

void
berth_metric_observe_us(BerthMetric histogram, int64_t us)
{
    us = MAX(us, 0);
    atomic_fetch_add_explicit(&values[histogram].sum_us, us, memory_order_relaxed);
    for (size_t i = 0; i < N_BUCKETS; i++) {
        if (us <= buckets[i].us) {
            atomic_fetch_add_explicit(&values[histogram].in_bucket[i], 1, memory_order_relaxed);
            break;
        }
    }
    atomic_fetch_add_explicit(&values[histogram].value, 1, memory_order_relaxed);
}

int64_t
berth_metric_get(BerthMetric metric)
{
    return atomic_load_explicit(&values[metric].value, memory_order_relaxed);
}

static void
format_histogram(GString *text, BerthMetric metric)
{
    const char *name = metrics[metric].name;
    int64_t n = 0;
    for (size_t i = 0; i < N_BUCKETS; i++) {
        n += atomic_load_explicit(&values[metric].in_bucket[i], memory_order_relaxed);
        g_string_append_printf(text, "%s_bucket{le=\"%s\"} %" PRId64 "\n", name, buckets[i].seconds,
                               n);
    }
    /* Read last: never less than the sum of the buckets. */
    int64_t count = MAX(n, berth_metric_get(metric));
    int64_t sum_us = atomic_load_explicit(&values[metric].sum_us, memory_order_relaxed);
    g_string_append_printf(text, "%s_bucket{le=\"+Inf\"} %" PRId64 "\n", name, count);
    g_string_append_printf(text, "%s_sum %" PRId64 ".%06" PRId64 "\n", name, sum_us / 1000000,
                           sum_us % 1000000);
    g_string_append_printf(text, "%s_count %" PRId64 "\n", name, count);
}

void
berth_metrics_format(GString *text)
{
    static const char *const kinds[] = { "counter", "gauge", "histogram" };
    for (size_t i = 0; i < BERTH_N_METRICS; i++) {
        const char *name = metrics[i].name;
        if (i == 0 || strcmp(name, metrics[i - 1].name) != 0) {
            g_string_append_printf(text, "# HELP %s %s\n# TYPE %s %s\n", name, metrics[i].help,
                                   name, kinds[metrics[i].kind]);
        }
        if (metrics[i].kind == KIND_HISTOGRAM) {
            format_histogram(text, (BerthMetric)i);
        } else if (metrics[i].labels[0] != '\0') {
            g_string_append_printf(text, "%s{%s} %" PRId64 "\n", name, metrics[i].labels,
                                   berth_metric_get((BerthMetric)i));
        } else {
            g_string_append_printf(text, "%s %" PRId64 "\n", name,
                                   berth_metric_get((BerthMetric)i));
        }
    }
}

static int64_t
read_resident_bytes(void)
{
    int64_t n_pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file != NULL) {
        if (fscanf(file, "%*d %" SCNd64, &n_pages) != 1) {
            n_pages = 0;
        }
        fclose(file);
    }
    return n_pages * sysconf(_SC_PAGESIZE);
}

static int
count_descriptors(void)
{
    int n = 0;
    DIR *folder = opendir("/proc/self/fd");
    while (folder != NULL && readdir(folder) != NULL) {
        n++;
    }
    if (folder != NULL) {
        closedir(folder);
    }
    /* Without ".", ".." and the folder itself. */
    return MAX(n - 3, 0);
}

void
berth_metrics_format_process(GString *text)
{
    struct rusage use;
    memset(&use, 0, sizeof use);
    getrusage(RUSAGE_SELF, &use);
    int64_t cpu_us = (use.ru_utime.tv_sec + use.ru_stime.tv_sec) * INT64_C(1000000) +
                     use.ru_utime.tv_usec + use.ru_stime.tv_usec;
    g_string_append_printf(text,
                           "# HELP process_resident_memory_bytes resident memory\n"
                           "# TYPE process_resident_memory_bytes gauge\n"
                           "process_resident_memory_bytes %" PRId64 "\n"
                           "# HELP process_open_fds open descriptors\n"
                           "# TYPE process_open_fds gauge\n"
                           "process_open_fds %d\n"
                           "# HELP process_cpu_seconds_total processor time\n"
                           "# TYPE process_cpu_seconds_total counter\n"
                           "process_cpu_seconds_total %" PRId64 ".%06" PRId64 "\n",
                           read_resident_bytes(), count_descriptors(), cpu_us / 1000000,
                           cpu_us % 1000000);
}
