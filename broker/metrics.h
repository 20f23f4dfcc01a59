/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Numbers of this process for Prometheus: counters, gauges and histograms from one const table.
 *
 * No label ever holds a name or an id of a user, pool, host or session.  Thread: any; every number
 * is an atomic of its own, so one reading is not a snapshot of all.
 */
#pragma once

#include <glib.h>
#include <stdint.h>

/* X(NAME, kind, "name", "labels", "help") */
#define BERTH_METRIC_TABLE(X)                                                                  \
    X(LOGIN_HASH, HISTOGRAM, "berth_login_hash_seconds", "", "hashing of one password")        \
    X(LOGIN_TOTAL, HISTOGRAM, "berth_login_seconds", "", "login from request to answer")       \
    X(LOGINS_OK, COUNTER, "berth_logins_total", "result=\"ok\"", "logins by result")           \
    X(LOGINS_FAILED, COUNTER, "berth_logins_total", "result=\"failed\"", "")                   \
    X(LOGINS_THROTTLED, COUNTER, "berth_logins_total", "result=\"throttled\"", "")             \
    X(CONNECT_CLAIM, HISTOGRAM, "berth_connect_claim_seconds", "",                             \
      "transaction that picks a desktop")                                                      \
    X(CONNECT_WAIT_HOST, HISTOGRAM, "berth_connect_wait_host_seconds", "",                     \
      "from the claim until the host has the session")                                         \
    X(CONNECT_TOTAL, HISTOGRAM, "berth_connect_seconds", "", "connect from request to ticket") \
    X(CONNECTS_OK, COUNTER, "berth_connects_total", "result=\"ok\"", "connects by result")     \
    X(CONNECTS_FAILED, COUNTER, "berth_connects_total", "result=\"failed\"", "")               \
    X(STORE_QUEUE, HISTOGRAM, "berth_store_queue_seconds", "", "a write waits for its turn")   \
    X(STORE_WRITE, HISTOGRAM, "berth_store_write_seconds", "", "a write from queue to commit") \
    X(STORE_READ, HISTOGRAM, "berth_store_read_seconds", "", "one read")                       \
    X(STORE_ERRORS, COUNTER, "berth_store_errors_total", "", "writes that the store refused")  \
    X(STORE_QUEUED, GAUGE, "berth_store_queued", "", "writes that wait for their turn")        \
    X(AUDIT_UNSIGNED, GAUGE, "berth_audit_unsigned", "",                                       \
      "records of this broker's audit chain since its last signed head")                       \
    X(AGENT_INVENTORY, HISTOGRAM, "berth_agent_inventory_seconds", "",                         \
      "an inventory from arrival to commit")                                                   \
    X(HOSTS_SILENT, GAUGE, "berth_hosts_silent_alarm", "", "1 while most hosts are silent")    \
    X(HTTP_REQUEST, HISTOGRAM, "berth_http_request_seconds", "",                               \
      "API requests from headers to answer, but for connects and watches")                     \
    X(HTTP_2XX, COUNTER, "berth_http_requests_total", "class=\"2xx\"", "API answers by class") \
    X(HTTP_3XX, COUNTER, "berth_http_requests_total", "class=\"3xx\"", "")                     \
    X(HTTP_4XX, COUNTER, "berth_http_requests_total", "class=\"4xx\"", "")                     \
    X(HTTP_5XX, COUNTER, "berth_http_requests_total", "class=\"5xx\"", "")                     \
    X(HTTP_THROTTLED, COUNTER, "berth_http_throttled_total", "", "requests over a rate limit") \
    X(AGENT_LINKS, GAUGE, "berth_agent_links", "", "hosts that are connected to this broker")  \
    X(SLOW_READS, GAUGE, "berth_slow_reads", "", "long reads that wait or run")                \
    X(ROLLOUT_RECYCLES, COUNTER, "berth_rollout_recycles_total", "",                           \
      "desktops that rollouts sent to another version")                                        \
    X(ROLLOUT_GATES_FAILED, COUNTER, "berth_rollout_gates_failed_total", "",                   \
      "rollouts that were stopped by what was measured")                                       \
    X(WATCHERS, GAUGE, "berth_watchers", "", "open event streams")                             \
    X(WATCHERS_CUT, COUNTER, "berth_watchers_cut_total", "", "event streams cut off as slow")

typedef enum {
#define BERTH_METRIC_ENUM(name, kind, text, labels, help) BERTH_METRIC_##name,
    BERTH_METRIC_TABLE(BERTH_METRIC_ENUM)
#undef BERTH_METRIC_ENUM
    BERTH_N_METRICS
} BerthMetric;

/* Adds n to a counter, or to a gauge (where n may be negative). */
void berth_metric_add(BerthMetric metric, int64_t n);

/* Sets a gauge. */
void berth_metric_set(BerthMetric gauge, int64_t value);

/* Puts one measurement into a histogram; a negative one counts as 0.  Units: microseconds. */
void berth_metric_observe_us(BerthMetric histogram, int64_t us);

/* Value of a counter or gauge, number of measurements of a histogram. */
int64_t berth_metric_get(BerthMetric metric);

/* Appends all metrics of the table as Prometheus text (version 0.0.4). */
void berth_metrics_format(GString *text);

/*
 * Appends what the kernel says of this process: resident memory, open descriptors, CPU time, start.
 */
void berth_metrics_format_process(GString *text);
