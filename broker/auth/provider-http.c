/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/auth/provider-http.h"

#include "base/error.h"
#include "base/secret.h"
#include "berth/limits.h"

#include <curl/curl.h>

static size_t
take(char *data, size_t size, size_t n, void *user_data)
{
    GByteArray *answer = user_data;
    if (answer->len + size * n > BERTH_LIMIT_PROVIDER_ANSWER_BYTES) {
        return 0;
    }
    g_byte_array_append(answer, (const guint8 *)data, (guint)(size * n));
    return size * n;
}

static void
set_options(CURL *curl, const BerthProviderRequest *request, struct curl_slist *headers,
            GByteArray *answer)
{
    curl_easy_setopt(curl, CURLOPT_URL, request->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)request->timeout_s);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, answer);
    if (request->ca_file[0] != '\0') {
        curl_easy_setopt(curl, CURLOPT_CAINFO, request->ca_file);
    }
    if (request->form != NULL) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->form);
    }
    if (request->user != NULL) {
        curl_easy_setopt(curl, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
        curl_easy_setopt(curl, CURLOPT_USERNAME, request->user);
        curl_easy_setopt(curl, CURLOPT_PASSWORD, request->password);
    }
}

json_t *
berth_provider_ask(const BerthProviderRequest *request, long *ret_status, GError **error)
{
    char text[CURL_ERROR_SIZE] = "";
    json_t *json = NULL;
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = curl_slist_append(NULL, "Accept: application/json");
    GByteArray *answer = g_byte_array_new();
    set_options(curl, request, headers, answer);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, text);
    CURLcode result = curl_easy_perform(curl);
    if (result != CURLE_OK) {
        berth_set_error(error, BERTH_ERR_SOURCE_DOWN, "%s: %s", request->url,
                        text[0] != '\0' ? text : curl_easy_strerror(result));
    } else {
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, ret_status);
        json = json_loadb((const char *)answer->data, answer->len, JSON_REJECT_DUPLICATES, NULL);
    }
    if (result == CURLE_OK && !json_is_object(json)) {
        json_decref(json);
        json = NULL;
        berth_set_error(error, BERTH_ERR_SOURCE_DOWN, "%s: no JSON object, status %ld",
                        request->url, *ret_status);
    }
    berth_wipe(answer->data, answer->len);
    g_byte_array_unref(answer);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return json;
}
