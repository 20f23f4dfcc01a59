/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/core/broker-http.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/secret.h"
#include "base/worker-pool.h"
#include "berth/limits.h"

#include <curl/curl.h>
#include <glib/gi18n.h>
#include <string.h>

#define CONNECT_TIMEOUT_MS 10000L
/* The broker may hold a connect request for 15 s until the host has answered. */
#define REQUEST_TIMEOUT_MS 40000L
#define MAX_QUEUED 16
#define POLL_MS 1000

struct BerthBrokerHttp {
    BerthBrokerAddress address;
    char *ca_file, *certificate_file, *key_file;
    BerthWorkerPool *workers;
    CURLM *multi;     /* used by the only worker; wakeup is safe from here */
    GList *transfers; /* not done yet */
};

/* One request: the worker has it between run and done, but for is_cancelled. */
typedef struct {
    BerthBrokerHttp *http;
    const char *method;
    char *url;
    char *authorization;
    char *body;
    BerthHttpFunc func;
    void *user_data;
    gint is_cancelled; /* atomic */

    GByteArray *response;
    CURLcode result;
    long status;
    char why[CURL_ERROR_SIZE];
    int64_t tcp_us, tls_us, total_us;
} Transfer;

static void
wipe_and_free(char *text)
{
    if (text != NULL) {
        berth_wipe(text, strlen(text));
        g_free(text);
    }
}

static void
transfer_free(Transfer *transfer)
{
    g_free(transfer->url);
    wipe_and_free(transfer->authorization);
    wipe_and_free(transfer->body);
    if (transfer->response->len > 0) {
        berth_wipe(transfer->response->data, transfer->response->len);
    }
    g_byte_array_unref(transfer->response);
    g_free(transfer);
}

static size_t
on_data(char *data, size_t size, size_t n, void *user_data)
{
    Transfer *transfer = user_data;

    if (size * n > BERTH_LIMIT_HTTP_RESPONSE_BYTES - transfer->response->len) {
        return 0;
    }
    g_byte_array_append(transfer->response, (const guint8 *)data, (guint)(size * n));
    return size * n;
}

static void
set_security(CURL *easy, const Transfer *transfer)
{
    const BerthBrokerHttp *http = transfer->http;

    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "https");
    curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_3);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    if (http->ca_file != NULL) {
        curl_easy_setopt(easy, CURLOPT_CAINFO, http->ca_file);
        curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
    }
    if (http->certificate_file != NULL) {
        curl_easy_setopt(easy, CURLOPT_SSLCERT, http->certificate_file);
        curl_easy_setopt(easy, CURLOPT_SSLKEY,
                         http->key_file != NULL ? http->key_file : http->certificate_file);
    }
    curl_easy_setopt(easy, CURLOPT_MAXFILESIZE, (long)BERTH_LIMIT_HTTP_RESPONSE_BYTES);
}

static struct curl_slist *
make_headers(const Transfer *transfer)
{
    struct curl_slist *headers = curl_slist_append(NULL, "Accept: application/json");

    /* Without this curl waits for "100 Continue" before a long body. */
    headers = curl_slist_append(headers, "Expect:");
    headers = curl_slist_append(headers, "Content-Type: application/json");
    if (transfer->authorization != NULL) {
        headers = curl_slist_append(headers, transfer->authorization);
    }
    return headers;
}

static CURL *
make_easy(Transfer *transfer, struct curl_slist *headers)
{
    CURL *easy = curl_easy_init();

    g_return_val_if_fail(easy != NULL, NULL);
    set_security(easy, transfer);
    curl_easy_setopt(easy, CURLOPT_URL, transfer->url);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_USERAGENT, "berth/" BERTH_VERSION);
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_TIMEOUT_MS);
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, REQUEST_TIMEOUT_MS);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->why);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
    if (strcmp(transfer->method, "POST") == 0) {
        curl_easy_setopt(easy, CURLOPT_POST, 1L);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, transfer->body != NULL ? transfer->body : "");
    }
    return easy;
}

static void
read_times(CURL *easy, Transfer *transfer)
{
    curl_off_t name_us = 0, tcp_us = 0, tls_us = 0;

    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &transfer->status);
    curl_easy_getinfo(easy, CURLINFO_NAMELOOKUP_TIME_T, &name_us);
    curl_easy_getinfo(easy, CURLINFO_CONNECT_TIME_T, &tcp_us);
    curl_easy_getinfo(easy, CURLINFO_APPCONNECT_TIME_T, &tls_us);
    if (tls_us > 0) {
        transfer->tcp_us = MAX(0, tcp_us - name_us);
        transfer->tls_us = MAX(0, tls_us - tcp_us);
    }
}

static void
collect_result(CURLM *multi, Transfer *transfer)
{
    CURLMsg *message;
    int n_left = 0;

    while ((message = curl_multi_info_read(multi, &n_left)) != NULL) {
        if (message->msg == CURLMSG_DONE) {
            transfer->result = message->data.result;
        }
    }
}

/* In the worker thread. */
static void
run_transfer(void *job)
{
    Transfer *transfer = job;
    CURLM *multi = transfer->http->multi;
    struct curl_slist *headers = make_headers(transfer);
    CURL *easy = make_easy(transfer, headers);
    int64_t start_us = berth_monotonic_us();
    int n_running = 1;

    transfer->result = CURLE_ABORTED_BY_CALLBACK;
    curl_multi_add_handle(multi, easy);
    while (g_atomic_int_get(&transfer->is_cancelled) == 0 && n_running > 0) {
        if (curl_multi_perform(multi, &n_running) != CURLM_OK ||
            (n_running > 0 && curl_multi_poll(multi, NULL, 0, POLL_MS, NULL) != CURLM_OK)) {
            transfer->result = CURLE_FAILED_INIT;
            break;
        }
    }
    collect_result(multi, transfer);
    read_times(easy, transfer);
    transfer->total_us = berth_monotonic_us() - start_us;
    curl_multi_remove_handle(multi, easy);
    curl_easy_cleanup(easy);
    curl_slist_free_all(headers);
}

/* What went wrong below HTTP, as a sentence that says what to do. */
static void
describe_failure(const Transfer *transfer, GError **error)
{
    const char *url = transfer->http->address.url;
    const char *why =
        transfer->why[0] != '\0' ? transfer->why : curl_easy_strerror(transfer->result);

    switch (transfer->result) {
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_ISSUER_ERROR:
        berth_set_error(error, BERTH_ERR_UNTRUSTED,
                        _("the broker at %s is not trusted (%s); ask your administrator for the "
                          "right address and CA file"),
                        url, why);
        break;
    case CURLE_SSL_CACERT_BADFILE:
        berth_set_error(error, BERTH_ERR_CONFIG,
                        _("the CA file '%s' cannot be used; give a PEM file that can be read"),
                        transfer->http->ca_file != NULL ? transfer->http->ca_file : "");
        break;
    case CURLE_SSL_CERTPROBLEM:
        berth_set_error(error, BERTH_ERR_CONFIG,
                        _("the certificate '%s' cannot be used (%s); give a PEM file and its key"),
                        transfer->http->certificate_file, why);
        break;
    case CURLE_COULDNT_RESOLVE_HOST:
        berth_set_error(error, BERTH_ERR_NOT_FOUND,
                        _("the name '%s' is not known; check the broker address and the network"),
                        transfer->http->address.host);
        break;
    case CURLE_OPERATION_TIMEDOUT:
        berth_set_error(error, BERTH_ERR_TIMEOUT,
                        _("the broker at %s took too long to answer; try again in a moment"), url);
        break;
    case CURLE_FILESIZE_EXCEEDED:
    case CURLE_WRITE_ERROR:
        berth_set_error(error, BERTH_ERR_TOO_LARGE,
                        _("the answer of %s is too large; is this really a Berth broker?"), url);
        break;
    case CURLE_SSL_CONNECT_ERROR:
        berth_set_error(error, BERTH_ERR_TLS,
                        _("no TLS 1.3 connection to %s is possible (%s); check address and port"),
                        url, why);
        break;
    default:
        berth_set_error(
            error, BERTH_ERR_CLOSED,
            _("the broker at %s does not answer (%s); check the address and the network"), url,
            why);
        break;
    }
}

/* In the main thread. */
static void
finish_transfer(void *job)
{
    Transfer *transfer = job;
    BerthBrokerHttp *self = transfer->http;
    g_autoptr(GError) error = NULL;

    self->transfers = g_list_remove(self->transfers, transfer);
    if (transfer->is_cancelled == 0) {
        BerthHttpAnswer answer = {
            .status = (int)transfer->status,
            .body = (const char *)transfer->response->data,
            .len = transfer->response->len,
            .tcp_us = transfer->tcp_us,
            .tls_us = transfer->tls_us,
            .total_us = transfer->total_us,
        };

        if (transfer->result != CURLE_OK) {
            describe_failure(transfer, &error);
            answer.error = error;
        }
        transfer->func(&answer, transfer->user_data);
    }
    transfer_free(transfer);
}

BerthBrokerHttp *
berth_broker_http_new(const BerthBrokerAddress *address, const BerthBrokerFiles *files)
{
    static gsize is_ready;
    BerthBrokerHttp *self = g_new0(BerthBrokerHttp, 1);

    if (g_once_init_enter(&is_ready)) {
        curl_global_init(CURL_GLOBAL_DEFAULT);
        g_once_init_leave(&is_ready, 1);
    }
    self->address = *address;
    self->ca_file = g_strdup(files->ca_file);
    self->certificate_file = g_strdup(files->certificate_file);
    self->key_file = g_strdup(files->key_file);
    self->multi = curl_multi_init();
    self->workers = berth_worker_pool_new(NULL, 1, MAX_QUEUED);
    return self;
}

void
berth_broker_http_free(BerthBrokerHttp *self)
{
    if (self == NULL) {
        return;
    }
    berth_broker_http_cancel(self);
    berth_worker_pool_free(self->workers);
    curl_multi_cleanup(self->multi);
    g_free(self->ca_file);
    g_free(self->certificate_file);
    g_free(self->key_file);
    g_free(self);
}

int
berth_broker_http_send(BerthBrokerHttp *self, const char *method, const char *path,
                       const char *token, char *body, BerthHttpFunc func, void *user_data)
{
    Transfer *transfer = g_new0(Transfer, 1);
    int code;

    transfer->http = self;
    transfer->method = method;
    transfer->url = g_strconcat(self->address.url, path, NULL);
    transfer->authorization =
        token != NULL ? g_strconcat("Authorization: Bearer ", token, NULL) : NULL;
    transfer->body = body;
    transfer->func = func;
    transfer->user_data = user_data;
    transfer->response = g_byte_array_new();
    code = berth_worker_pool_submit(self->workers, run_transfer, finish_transfer, transfer);
    if (code != BERTH_OK) {
        transfer_free(transfer);
        return code;
    }
    self->transfers = g_list_prepend(self->transfers, transfer);
    return BERTH_OK;
}

void
berth_broker_http_cancel(BerthBrokerHttp *self)
{
    for (GList *at = self->transfers; at != NULL; at = at->next) {
        Transfer *transfer = at->data;

        g_atomic_int_set(&transfer->is_cancelled, 1);
    }
    curl_multi_wakeup(self->multi);
}
