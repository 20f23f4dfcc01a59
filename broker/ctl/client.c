/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/ctl/client.h"

#include "base/error.h"
#include "base/secret.h"
#include "berth/limits.h"

#include <curl/curl.h>
#include <string.h>

#define CONNECT_TIMEOUT_S 10L
#define REQUEST_TIMEOUT_S 60L
#define MAX_ETAG_BYTES 64

struct BerthCtlClient {
    CURL *curl;
    char *base_url;
    char *authorization; /* whole header line, NULL before a login */
    char etag[MAX_ETAG_BYTES + 1];
    const volatile sig_atomic_t *interrupt;
};

BerthCtlClient *
berth_ctl_client_new(const char *url, const char *ca_file, const char *socket_path, GError **error)
{
    if (socket_path == NULL && (url == NULL || !g_str_has_prefix(url, "https://"))) {
        berth_set_error(error, BERTH_ERR_CONFIG, "\"%s\" is not an https:// address",
                        url != NULL ? url : "");
        return NULL;
    }
    BerthCtlClient *client = g_new0(BerthCtlClient, 1);
    curl_global_init(CURL_GLOBAL_DEFAULT);
    client->curl = curl_easy_init();
    client->base_url = g_strdup(socket_path != NULL ? "http://localhost" : url);
    curl_easy_setopt(client->curl, CURLOPT_PROTOCOLS_STR, socket_path != NULL ? "http" : "https");
    curl_easy_setopt(client->curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_3);
    curl_easy_setopt(client->curl, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_S);
    curl_easy_setopt(client->curl, CURLOPT_TIMEOUT, REQUEST_TIMEOUT_S);
    curl_easy_setopt(client->curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(client->curl, CURLOPT_PROXY, "");
    if (ca_file != NULL) {
        curl_easy_setopt(client->curl, CURLOPT_CAINFO, ca_file);
        curl_easy_setopt(client->curl, CURLOPT_CAPATH, NULL);
    }
    if (socket_path != NULL) {
        curl_easy_setopt(client->curl, CURLOPT_UNIX_SOCKET_PATH, socket_path);
    }
    return client;
}

static void
clear_token(BerthCtlClient *client)
{
    if (client->authorization != NULL) {
        berth_wipe(client->authorization, strlen(client->authorization));
        g_clear_pointer(&client->authorization, g_free);
    }
}

void
berth_ctl_client_free(BerthCtlClient *client)
{
    if (client != NULL) {
        clear_token(client);
        curl_easy_cleanup(client->curl);
        g_free(client->base_url);
        g_free(client);
    }
}

void
berth_ctl_client_set_token(BerthCtlClient *client, const char *token)
{
    clear_token(client);
    client->authorization = g_strdup_printf("Authorization: Bearer %s", token);
}

static int
on_progress(void *user_data, curl_off_t n_down_all, curl_off_t n_down, curl_off_t n_up_all,
            curl_off_t n_up)
{
    const BerthCtlClient *client = user_data;
    return client->interrupt != NULL && *client->interrupt ? 1 : 0;
}

void
berth_ctl_client_set_interrupt(BerthCtlClient *client, const volatile sig_atomic_t *flag)
{
    client->interrupt = flag;
    curl_easy_setopt(client->curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(client->curl, CURLOPT_XFERINFODATA, client);
    curl_easy_setopt(client->curl, CURLOPT_NOPROGRESS, flag != NULL ? 0L : 1L);
}

static size_t
on_data(char *data, size_t size, size_t n, void *user_data)
{
    GByteArray *answer = user_data;
    if (answer->len + size * n > BERTH_LIMIT_HTTP_RESPONSE_BYTES) {
        return 0;
    }
    g_byte_array_append(answer, (const guint8 *)data, (guint)(size * n));
    return size * n;
}

static bool
read_problem(long status, const json_t *reply, GError **error)
{
    const char *code = json_string_value(json_object_get(reply, "code"));
    const char *title = json_string_value(json_object_get(reply, "title"));
    const char *detail = json_string_value(json_object_get(reply, "detail"));
    bool has_detail = detail != NULL && detail[0] != '\0';
    return berth_set_error(error, berth_error_from_name(code), "%s%s%s%s",
                           title != NULL ? title : "the server refuses", has_detail ? " (" : "",
                           has_detail ? detail : "", has_detail ? ")" : "");
}

static bool
perform(BerthCtlClient *client, GByteArray *answer, long *ret_status, GError **error)
{
    char why[CURL_ERROR_SIZE] = "";
    curl_easy_setopt(client->curl, CURLOPT_ERRORBUFFER, why);
    curl_easy_setopt(client->curl, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(client->curl, CURLOPT_WRITEDATA, answer);
    CURLcode result = curl_easy_perform(client->curl);
    curl_easy_setopt(client->curl, CURLOPT_ERRORBUFFER, NULL);
    if (result == CURLE_ABORTED_BY_CALLBACK) {
        return berth_set_error(error, BERTH_ERR_CLOSED, "interrupted");
    }
    if (result != CURLE_OK) {
        bool is_trust = result == CURLE_PEER_FAILED_VERIFICATION;
        return berth_set_error(error, is_trust ? BERTH_ERR_UNTRUSTED : BERTH_ERR_IO, "%s: %s",
                               client->base_url, why[0] != '\0' ? why : curl_easy_strerror(result));
    }
    curl_easy_getinfo(client->curl, CURLINFO_RESPONSE_CODE, ret_status);
    return true;
}

static bool
read_answer(const GByteArray *answer, long status, json_t **ret_reply, GError **error)
{
    json_error_t why;
    json_auto_t *reply = NULL;
    if (answer->len > 0) {
        reply = json_loadb((const char *)answer->data, answer->len, JSON_REJECT_DUPLICATES, &why);
        if (reply == NULL) {
            return berth_set_error(error, BERTH_ERR_PROTOCOL, "the answer %ld is not JSON: %s",
                                   status, why.text);
        }
    }
    if (status < 200 || status > 299) {
        return read_problem(status, reply, error);
    }
    *ret_reply = json_incref(reply);
    return true;
}

static size_t
on_header(char *data, size_t size, size_t n, void *user_data)
{
    BerthCtlClient *client = user_data;
    static const char name[] = "etag:";
    size_t len = size * n;
    if (len > strlen(name) && g_ascii_strncasecmp(data, name, strlen(name)) == 0) {
        g_autofree char *value = g_strndup(data + strlen(name), len - strlen(name));
        g_strlcpy(client->etag, g_strstrip(value), sizeof client->etag);
    }
    return len;
}

/* Answers with secrets are not kept for a second time. */
static bool
takes_key(const char *method, const char *path)
{
    return strcmp(method, "POST") == 0 && !g_str_has_prefix(path, "/v1/auth/") &&
           !g_str_has_prefix(path, "/v1/me/");
}

static struct curl_slist *
make_headers(const BerthCtlClient *client, bool has_key, const char *if_match)
{
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    if (client->authorization != NULL) {
        headers = curl_slist_append(headers, client->authorization);
    }
    if (if_match != NULL) {
        g_autofree char *line = g_strconcat("If-Match: ", if_match, NULL);
        headers = curl_slist_append(headers, line);
    }
    if (has_key) {
        g_autofree char *key = g_uuid_string_random();
        g_autofree char *line = g_strconcat("Idempotency-Key: ", key, NULL);
        headers = curl_slist_append(headers, line);
    }
    return headers;
}

static void
set_request(BerthCtlClient *client, const char *method, const char *text)
{
    CURL *curl = client->curl;
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, NULL);
    if (strcmp(method, "GET") == 0) {
        curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
        return;
    }
    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, text != NULL ? (long)strlen(text) : 0L);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, text != NULL ? text : "");
    if (strcmp(method, "POST") != 0) {
        curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    }
}

/* Twice if the connection broke: reading is harmless, and what writes has its key or its ETag. */
static bool
perform_safely(BerthCtlClient *client, bool may_repeat, GByteArray *answer, long *ret_status,
               GError **error)
{
    g_autoptr(GError) first = NULL;
    client->etag[0] = '\0';
    if (perform(client, answer, ret_status, &first)) {
        return true;
    }
    if (first->code != BERTH_ERR_IO || !may_repeat) {
        g_propagate_error(error, g_steal_pointer(&first));
        return false;
    }
    g_byte_array_set_size(answer, 0);
    return perform(client, answer, ret_status, error);
}

bool
berth_ctl_client_call(BerthCtlClient *client, const char *method, const char *path,
                      const json_t *body, const char *if_match, json_t **ret_reply, GError **error)
{
    g_autofree char *url = g_strconcat(client->base_url, path, NULL);
    g_autoptr(GByteArray) answer = g_byte_array_new();
    char *text = body != NULL ? json_dumps(body, JSON_COMPACT) : NULL;
    bool has_key = takes_key(method, path);
    bool may_repeat = has_key || strcmp(method, "POST") != 0;
    struct curl_slist *headers = make_headers(client, has_key, if_match);
    long status = 0;
    curl_easy_setopt(client->curl, CURLOPT_URL, url);
    curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(client->curl, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(client->curl, CURLOPT_HEADERDATA, client);
    set_request(client, method, text);
    bool is_good = perform_safely(client, may_repeat, answer, &status, error) &&
                   read_answer(answer, status, ret_reply, error);
    curl_easy_setopt(client->curl, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(headers);
    if (text != NULL) {
        berth_wipe(text, strlen(text));
        free(text);
    }
    return is_good;
}

bool
berth_ctl_client_put(BerthCtlClient *client, const char *path, const void *bytes, size_t n,
                     json_t **ret_reply, GError **error)
{
    CURL *curl = client->curl;
    g_autofree char *url = g_strconcat(client->base_url, path, NULL);
    g_autoptr(GByteArray) answer = g_byte_array_new();
    long status = 0;
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/octet-stream");
    headers = curl_slist_append(headers, "Expect:"); /* the body follows at once */
    if (client->authorization != NULL) {
        headers = curl_slist_append(headers, client->authorization);
    }
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)n);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, bytes);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, "PUT");
    bool is_good =
        perform(client, answer, &status, error) && read_answer(answer, status, ret_reply, error);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)-1);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, NULL);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, NULL);
    curl_slist_free_all(headers);
    return is_good;
}

const char *
berth_ctl_client_get_etag(const BerthCtlClient *client)
{
    return client->etag;
}
