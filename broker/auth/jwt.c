/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/auth/jwt.h"

#include "base/error.h"
#include "berth/limits.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <string.h>

#define RSA_MIN_BITS 2048
#define RSA_MAX_BITS 8192
#define P256_BYTES 32
#define MAX_KEY_TEXT 2048

typedef enum {
    KEY_RS256,
    KEY_ES256,
} KeyKind;

static const char *const algorithms[] = { [KEY_RS256] = "RS256", [KEY_ES256] = "ES256" };

typedef struct {
    KeyKind kind;
    char *id; /* NULL if it has none */
    EVP_PKEY *pkey;
} Key;

struct BerthKeySet {
    GPtrArray *keys; /* of Key */
};

static int
digit_of(char c)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const char *found = c != '\0' ? strchr(alphabet, c) : NULL;
    return found != NULL ? (int)(found - alphabet) : -1;
}

/* base64url without padding, strictly: one spelling a value (RFC 7515, section 2). */
static GBytes *
decode64(const char *text, size_t len)
{
    g_autoptr(GByteArray) bytes = g_byte_array_new();
    uint32_t bits = 0;
    int n_bits = 0;
    if (len % 4 == 1) {
        return NULL;
    }
    for (size_t i = 0; i < len; i++) {
        int digit = digit_of(text[i]);
        if (digit < 0) {
            return NULL;
        }
        bits = bits << 6 | (uint32_t)digit;
        n_bits += 6;
        if (n_bits >= 8) {
            n_bits -= 8;
            uint8_t byte = (uint8_t)(bits >> n_bits);
            g_byte_array_append(bytes, &byte, 1);
        }
    }
    bool is_exact = (bits & ((1u << n_bits) - 1)) == 0;
    return is_exact ? g_byte_array_free_to_bytes(g_steal_pointer(&bytes)) : NULL;
}

/* A number of a JWK as bytes; NULL if it is missing or no base64url. */
static GBytes *
decode_member(const json_t *jwk, const char *name)
{
    const char *text = json_string_value(json_object_get(jwk, name));
    size_t len = text != NULL ? strlen(text) : 0;
    return len > 0 && len <= MAX_KEY_TEXT ? decode64(text, len) : NULL;
}

static EVP_PKEY *
make_key(const char *type, OSSL_PARAM_BLD *builder)
{
    EVP_PKEY *pkey = NULL;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
    if (ctx == NULL || params == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1) {
        pkey = NULL;
    }
    OSSL_PARAM_free(params);
    EVP_PKEY_CTX_free(ctx);
    return pkey;
}

static BIGNUM *
number_of(GBytes *bytes)
{
    gsize len = 0;
    const uint8_t *data = g_bytes_get_data(bytes, &len);
    return BN_bin2bn(data, (int)len, NULL);
}

static EVP_PKEY *
read_rsa(const json_t *jwk)
{
    g_autoptr(GBytes) n = decode_member(jwk, "n");
    g_autoptr(GBytes) e = decode_member(jwk, "e");
    if (n == NULL || e == NULL || g_bytes_get_size(n) > RSA_MAX_BITS / 8 + 1 ||
        g_bytes_get_size(e) > 8) {
        return NULL;
    }
    BIGNUM *modulus = number_of(n);
    BIGNUM *exponent = number_of(e);
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    EVP_PKEY *pkey = NULL;
    if (BN_num_bits(modulus) >= RSA_MIN_BITS && BN_is_odd(exponent) && !BN_is_one(exponent) &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus) == 1 &&
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, exponent) == 1) {
        pkey = make_key("RSA", builder);
    }
    OSSL_PARAM_BLD_free(builder);
    BN_free(modulus);
    BN_free(exponent);
    return pkey;
}

static EVP_PKEY *
read_p256(const json_t *jwk)
{
    uint8_t point[1 + 2 * P256_BYTES] = { 4 };
    g_autoptr(GBytes) x = decode_member(jwk, "x");
    g_autoptr(GBytes) y = decode_member(jwk, "y");
    const char *curve = json_string_value(json_object_get(jwk, "crv"));
    if (x == NULL || y == NULL || g_bytes_get_size(x) != P256_BYTES ||
        g_bytes_get_size(y) != P256_BYTES || g_strcmp0(curve, "P-256") != 0) {
        return NULL;
    }
    memcpy(point + 1, g_bytes_get_data(x, NULL), P256_BYTES);
    memcpy(point + 1 + P256_BYTES, g_bytes_get_data(y, NULL), P256_BYTES);
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    EVP_PKEY *pkey = NULL;
    if (OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, "prime256v1", 0) ==
            1 &&
        OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof point) ==
            1) {
        pkey = make_key("EC", builder);
    }
    OSSL_PARAM_BLD_free(builder);
    return pkey;
}

static void
key_free(gpointer data)
{
    Key *key = data;
    EVP_PKEY_free(key->pkey);
    g_free(key->id);
    g_free(key);
}

/* NULL for a key that is not for signatures, or of a kind that is not taken. */
static Key *
read_key(const json_t *jwk)
{
    const char *type = json_string_value(json_object_get(jwk, "kty"));
    const char *use = json_string_value(json_object_get(jwk, "use"));
    const char *algorithm = json_string_value(json_object_get(jwk, "alg"));
    bool is_rsa = g_strcmp0(type, "RSA") == 0;
    KeyKind kind = is_rsa ? KEY_RS256 : KEY_ES256;
    if ((!is_rsa && g_strcmp0(type, "EC") != 0) || (use != NULL && strcmp(use, "sig") != 0) ||
        (algorithm != NULL && strcmp(algorithm, algorithms[kind]) != 0)) {
        return NULL;
    }
    EVP_PKEY *pkey = is_rsa ? read_rsa(jwk) : read_p256(jwk);
    if (pkey == NULL) {
        return NULL;
    }
    Key *key = g_new0(Key, 1);
    key->kind = kind;
    key->pkey = pkey;
    key->id = g_strdup(json_string_value(json_object_get(jwk, "kid")));
    return key;
}

BerthKeySet *
berth_key_set_new(const json_t *set, GError **error)
{
    const json_t *array = json_object_get(set, "keys");
    size_t i = 0;
    json_t *jwk = NULL;
    if (json_array_size(array) > BERTH_LIMIT_PROVIDER_KEYS) {
        berth_set_error(error, BERTH_ERR_INVALID, "the provider has over %u keys",
                        BERTH_LIMIT_PROVIDER_KEYS);
        return NULL;
    }
    BerthKeySet *self = g_new0(BerthKeySet, 1);
    self->keys = g_ptr_array_new_with_free_func(key_free);
    json_array_foreach ((json_t *)array, i, jwk) {
        Key *key = read_key(jwk);
        if (key != NULL) {
            g_ptr_array_add(self->keys, key);
        }
    }
    if (self->keys->len == 0) {
        berth_set_error(error, BERTH_ERR_INVALID, "the provider has no RSA or P-256 key to sign");
        berth_key_set_free(self);
        return NULL;
    }
    return self;
}

void
berth_key_set_free(BerthKeySet *set)
{
    if (set != NULL) {
        g_ptr_array_unref(set->keys);
        g_free(set);
    }
}

/* A token without a key id can only be checked if there is no choice. */
static const Key *
find_key(const BerthKeySet *set, const char *id, KeyKind kind)
{
    const Key *found = NULL;
    for (guint i = 0; i < set->keys->len; i++) {
        const Key *key = g_ptr_array_index(set->keys, i);
        if (key->kind != kind || (id != NULL && g_strcmp0(key->id, id) != 0)) {
            continue;
        }
        if (found != NULL) {
            return NULL;
        }
        found = key;
    }
    return found;
}

/* A signature of ES256 is r and s; OpenSSL wants them as DER. */
static GBytes *
ecdsa_to_der(GBytes *raw)
{
    gsize len = 0;
    const uint8_t *data = g_bytes_get_data(raw, &len);
    if (len != 2 * P256_BYTES) {
        return NULL;
    }
    ECDSA_SIG *signature = ECDSA_SIG_new();
    unsigned char *der = NULL;
    ECDSA_SIG_set0(signature, BN_bin2bn(data, P256_BYTES, NULL),
                   BN_bin2bn(data + P256_BYTES, P256_BYTES, NULL));
    int n = i2d_ECDSA_SIG(signature, &der);
    ECDSA_SIG_free(signature);
    GBytes *bytes = n > 0 ? g_bytes_new(der, (gsize)n) : NULL;
    OPENSSL_free(der);
    return bytes;
}

static bool
is_signed(const Key *key, const char *data, size_t len, GBytes *raw)
{
    gsize n = 0;
    g_autoptr(GBytes) signature = key->kind == KEY_ES256 ? ecdsa_to_der(raw) : g_bytes_ref(raw);
    if (signature == NULL) {
        return false;
    }
    const uint8_t *bytes = g_bytes_get_data(signature, &n);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool is_good = EVP_DigestVerifyInit_ex(ctx, NULL, "SHA256", NULL, NULL, key->pkey, NULL) == 1 &&
                   EVP_DigestVerify(ctx, bytes, n, (const uint8_t *)data, len) == 1;
    EVP_MD_CTX_free(ctx);
    return is_good;
}

static json_t *
decode_json(const char *text, size_t len)
{
    g_autoptr(GBytes) bytes = decode64(text, len);
    gsize n = 0;
    const char *data = bytes != NULL ? g_bytes_get_data(bytes, &n) : NULL;
    json_t *json = data != NULL ? json_loadb(data, n, JSON_REJECT_DUPLICATES, NULL) : NULL;
    if (!json_is_object(json)) {
        json_decref(json);
        return NULL;
    }
    return json;
}

static const Key *
choose_key(const json_t *header, const BerthKeySet *keys, GError **error)
{
    const char *algorithm = json_string_value(json_object_get(header, "alg"));
    const char *id = json_string_value(json_object_get(header, "kid"));
    if (json_object_get(header, "crit") != NULL) {
        berth_set_error(error, BERTH_ERR_UNTRUSTED, "the ID token needs extensions");
        return NULL;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(algorithms); i++) {
        if (g_strcmp0(algorithm, algorithms[i]) == 0) {
            const Key *key = find_key(keys, id, (KeyKind)i);
            if (key == NULL) {
                berth_set_error(error, BERTH_ERR_NOT_FOUND,
                                "the provider has no key \"%.64s\" for %s", id != NULL ? id : "",
                                algorithm);
            }
            return key;
        }
    }
    berth_set_error(error, BERTH_ERR_UNTRUSTED, "the ID token is signed by \"%.32s\"",
                    algorithm != NULL ? algorithm : "");
    return NULL;
}

json_t *
berth_jwt_open(const char *token, const BerthKeySet *keys, GError **error)
{
    const char *first = strchr(token, '.');
    const char *second = first != NULL ? strchr(first + 1, '.') : NULL;
    if (second == NULL || strlen(token) > BERTH_LIMIT_ID_TOKEN_BYTES) {
        berth_set_error(error, BERTH_ERR_UNTRUSTED, "the ID token has not three parts");
        return NULL;
    }
    json_auto_t *header = decode_json(token, (size_t)(first - token));
    if (header == NULL) {
        berth_set_error(error, BERTH_ERR_UNTRUSTED, "the ID token has no header");
        return NULL;
    }
    const Key *key = choose_key(header, keys, error);
    if (key == NULL) {
        return NULL;
    }
    g_autoptr(GBytes) signature = decode64(second + 1, strlen(second + 1));
    if (signature == NULL || !is_signed(key, token, (size_t)(second - token), signature)) {
        berth_set_error(error, BERTH_ERR_UNTRUSTED, "the signature of the ID token is wrong");
        return NULL;
    }
    json_t *claims = decode_json(first + 1, (size_t)(second - first - 1));
    if (claims == NULL) {
        berth_set_error(error, BERTH_ERR_UNTRUSTED, "the ID token has no claims");
    }
    return claims;
}

static bool
is_text(const json_t *claims, const char *name, const char *wanted)
{
    return g_strcmp0(json_string_value(json_object_get(claims, name)), wanted) == 0;
}

/* Made for us: "aud" is we, or has us among others and "azp" is we. */
static bool
is_for(const json_t *claims, const char *audience)
{
    const json_t *aud = json_object_get(claims, "aud");
    const json_t *azp = json_object_get(claims, "azp");
    bool is_named = json_is_string(aud) && strcmp(json_string_value(aud), audience) == 0;
    size_t i = 0;
    json_t *item = NULL;
    if (azp != NULL && !is_text(claims, "azp", audience)) {
        return false;
    }
    json_array_foreach ((json_t *)aud, i, item) {
        is_named = is_named || g_strcmp0(json_string_value(item), audience) == 0;
    }
    return is_named && (json_array_size(aud) < 2 || azp != NULL);
}

static bool
is_now(const json_t *claims, int64_t now_s)
{
    const json_t *expires = json_object_get(claims, "exp");
    const json_t *issued = json_object_get(claims, "iat");
    const json_t *begins = json_object_get(claims, "nbf");
    return json_is_integer(expires) && json_is_integer(issued) &&
           json_integer_value(expires) > now_s - BERTH_JWT_SKEW_S &&
           json_integer_value(issued) < now_s + BERTH_JWT_SKEW_S &&
           (begins == NULL ||
            (json_is_integer(begins) && json_integer_value(begins) < now_s + BERTH_JWT_SKEW_S));
}

bool
berth_claims_check(const json_t *claims, const BerthClaimRules *rules, GError **error)
{
    const char *subject = json_string_value(json_object_get(claims, "sub"));
    const char *wrong = NULL;
    if (!is_text(claims, "iss", rules->issuer)) {
        wrong = "comes from another issuer";
    } else if (!is_for(claims, rules->audience)) {
        wrong = "is for another client";
    } else if (!is_now(claims, rules->now_us / 1000000)) {
        wrong = "is not valid now";
    } else if (!is_text(claims, "nonce", rules->nonce)) {
        wrong = "belongs to another login";
    } else if (subject == NULL || subject[0] == '\0') {
        wrong = "names nobody";
    }
    return wrong == NULL || berth_set_error(error, BERTH_ERR_UNTRUSTED, "the ID token %s", wrong);
}
