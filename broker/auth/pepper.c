/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "broker/auth/pepper.h"

#include "base/cleanup.h"
#include "base/error.h"
#include "base/id.h"
#include "base/secret.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_KEYS 2
#define MAX_FILE_BYTES 4096
#define NONCE_BYTES 12
#define TAG_BYTES 16
#define MAX_SEALED_BYTES 512

typedef struct {
    char id[BERTH_PEPPER_ID_CHARS + 1];
    uint8_t key[BERTH_PEPPER_BYTES];
} Key;

struct BerthPepper {
    Key keys[MAX_KEYS];
    int n_keys;
};

static const char *const labels[] = {
    [BERTH_PEPPER_PASSWORD] = "berth password",
    [BERTH_PEPPER_TOTP] = "berth totp",
    [BERTH_PEPPER_RECOVERY] = "berth recovery code",
};

static void
hmac(const uint8_t key[BERTH_PEPPER_BYTES], const void *data, size_t len, uint8_t ret[32])
{
    size_t n = 0;
    const unsigned char *mac = EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, key,
                                         BERTH_PEPPER_BYTES, data, len, ret, 32, &n);
    g_assert(mac != NULL && n == 32);
}

static bool
add_key(BerthPepper *pepper, const char *line, GError **error)
{
    uint8_t digest[32];
    if (pepper->n_keys == MAX_KEYS) {
        return berth_set_error(error, BERTH_ERR_CORRUPT, "there are more than %d keys", MAX_KEYS);
    }
    Key *key = &pepper->keys[pepper->n_keys];
    if (berth_hex_parse(line, key->key, sizeof key->key) != BERTH_OK) {
        return berth_set_error(error, BERTH_ERR_CORRUPT, "line %d is not %d hexadecimal digits",
                               pepper->n_keys + 1, 2 * BERTH_PEPPER_BYTES);
    }
    hmac(key->key, "berth id", strlen("berth id"), digest);
    berth_hex_format(digest, BERTH_PEPPER_ID_CHARS / 2, key->id);
    pepper->n_keys++;
    return true;
}

BerthPepper *
berth_pepper_new_from_text(const char *text, GError **error)
{
    g_autoptr(BerthPepper) pepper = g_new0(BerthPepper, 1);
    const char *line = text;
    while (*line != '\0') {
        char hex[2 * BERTH_PEPPER_BYTES + 1] = "";
        size_t len = strcspn(line, "\n");
        if (len == sizeof hex - 1) {
            memcpy(hex, line, len);
        }
        bool is_good = add_key(pepper, hex, error);
        berth_wipe(hex, sizeof hex);
        if (!is_good) {
            return NULL;
        }
        line += len + (line[len] == '\n');
    }
    if (pepper->n_keys == 0) {
        berth_set_error(error, BERTH_ERR_CORRUPT, "there is no key");
        return NULL;
    }
    return g_steal_pointer(&pepper);
}

BerthPepper *
berth_pepper_load(const char *path, GError **error)
{
    struct stat info;
    char text[MAX_FILE_BYTES + 1] = { 0 };
    g_autoptr(GError) why = NULL;
    berth_autofd int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t n = -1;
    if (fd < 0 || fstat(fd, &info) != 0 || (n = read(fd, text, MAX_FILE_BYTES)) < 0) {
        int errnum = errno;
        berth_set_error(error, berth_error_from_errno(errnum), "cannot read \"%s\": %s", path,
                        g_strerror(errnum));
        return NULL;
    }
    if ((info.st_mode & 077) != 0) {
        berth_wipe(text, sizeof text);
        berth_set_error(error, BERTH_ERR_FORBIDDEN,
                        "others may read the keys in \"%s\"; run chmod 600 on it", path);
        return NULL;
    }
    BerthPepper *pepper = berth_pepper_new_from_text(text, &why);
    berth_wipe(text, sizeof text);
    if (pepper == NULL) {
        berth_set_error(error, BERTH_ERR_CORRUPT, "\"%s\": %s", path, why->message);
    }
    return pepper;
}

bool
berth_pepper_create(const char *path, GError **error)
{
    uint8_t key[BERTH_PEPPER_BYTES];
    char line[2 * BERTH_PEPPER_BYTES + 2];
    berth_random_bytes(key, sizeof key);
    berth_hex_format(key, sizeof key, line);
    line[sizeof line - 2] = '\n';
    line[sizeof line - 1] = '\0';
    berth_autofd int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    bool is_good =
        fd >= 0 && write(fd, line, sizeof line - 1) == (ssize_t)sizeof line - 1 && fsync(fd) == 0;
    int errnum = errno;
    berth_wipe(key, sizeof key);
    berth_wipe(line, sizeof line);
    if (!is_good && fd >= 0) {
        unlink(path);
    }
    return is_good ||
           berth_set_error(error,
                           errnum == EEXIST ? BERTH_ERR_EXISTS : berth_error_from_errno(errnum),
                           "cannot make \"%s\": %s", path, g_strerror(errnum));
}

void
berth_pepper_free(BerthPepper *pepper)
{
    if (pepper != NULL) {
        berth_wipe(pepper, sizeof *pepper);
        g_free(pepper);
    }
}

static const Key *
find_key(const BerthPepper *pepper, const char *id)
{
    for (int i = 0; i < pepper->n_keys; i++) {
        if (id == NULL || strcmp(pepper->keys[i].id, id) == 0) {
            return &pepper->keys[i];
        }
    }
    return NULL;
}

const char *
berth_pepper_get_id(const BerthPepper *pepper)
{
    return pepper->keys[0].id;
}

const char *
berth_pepper_get_older_id(const BerthPepper *pepper)
{
    return pepper->n_keys > 1 ? pepper->keys[1].id : NULL;
}

bool
berth_pepper_has_id(const BerthPepper *pepper, const char *id)
{
    return id != NULL && find_key(pepper, id) != NULL;
}

static void
derive(const Key *key, BerthPepperUse use, uint8_t ret[BERTH_PEPPER_BYTES])
{
    hmac(key->key, labels[use], strlen(labels[use]), ret);
}

int
berth_pepper_mac(const BerthPepper *pepper, const char *id, BerthPepperUse use, const void *data,
                 size_t len, uint8_t ret_mac[32])
{
    uint8_t key[BERTH_PEPPER_BYTES];
    const Key *found = find_key(pepper, id);
    if (found == NULL) {
        return BERTH_ERR_NOT_FOUND;
    }
    derive(found, use, key);
    hmac(key, data, len, ret_mac);
    berth_wipe(key, sizeof key);
    return BERTH_OK;
}

/* One pass of AES-256-GCM; the tag is written when encrypting, checked when decrypting. */
static bool
run_gcm(bool is_encrypting, const uint8_t *key, const uint8_t *nonce, const char *owner,
        const uint8_t *in, size_t len, uint8_t *out, uint8_t tag[TAG_BYTES])
{
    int n = 0;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    bool is_good =
        ctx != NULL &&
        EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, nonce, is_encrypting) == 1 &&
        EVP_CipherUpdate(ctx, NULL, &n, (const uint8_t *)owner, (int)strlen(owner)) == 1 &&
        EVP_CipherUpdate(ctx, out, &n, in, (int)len) == 1 && n == (int)len;
    if (is_good && !is_encrypting) {
        is_good = EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG_BYTES, tag) == 1;
    }
    is_good = is_good && EVP_CipherFinal_ex(ctx, out + len, &n) == 1;
    if (is_good && is_encrypting) {
        is_good = EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG_BYTES, tag) == 1;
    }
    EVP_CIPHER_CTX_free(ctx);
    return is_good;
}

char *
berth_pepper_seal(const BerthPepper *pepper, const char *owner, const void *data, size_t len)
{
    uint8_t key[BERTH_PEPPER_BYTES];
    uint8_t box[NONCE_BYTES + MAX_SEALED_BYTES + TAG_BYTES];
    char hex[2 * sizeof box + 1];
    g_assert(len <= MAX_SEALED_BYTES);
    derive(&pepper->keys[0], BERTH_PEPPER_TOTP, key);
    berth_random_bytes(box, NONCE_BYTES);
    bool is_good =
        run_gcm(true, key, box, owner, data, len, box + NONCE_BYTES, box + NONCE_BYTES + len);
    berth_wipe(key, sizeof key);
    g_assert(is_good);
    berth_hex_format(box, NONCE_BYTES + len + TAG_BYTES, hex);
    return g_strconcat(pepper->keys[0].id, ":", hex, NULL);
}

int
berth_pepper_open(const BerthPepper *pepper, const char *owner, const char *sealed, uint8_t *ret,
                  size_t cap, size_t *ret_len)
{
    uint8_t key[BERTH_PEPPER_BYTES];
    uint8_t box[NONCE_BYTES + MAX_SEALED_BYTES + TAG_BYTES];
    uint8_t plain[MAX_SEALED_BYTES];
    char id[BERTH_PEPPER_ID_CHARS + 1];
    size_t n_chars = strlen(sealed);
    size_t start = BERTH_PEPPER_ID_CHARS + 1;
    if (n_chars < start + 2 * (NONCE_BYTES + TAG_BYTES) || (n_chars - start) % 2 != 0 ||
        n_chars - start > 2 * sizeof box || sealed[start - 1] != ':') {
        return BERTH_ERR_CORRUPT;
    }
    g_strlcpy(id, sealed, sizeof id);
    const Key *found = find_key(pepper, id);
    if (found == NULL) {
        return BERTH_ERR_NOT_FOUND;
    }
    size_t n = (n_chars - start) / 2;
    size_t len = n - NONCE_BYTES - TAG_BYTES;
    if (berth_hex_parse(sealed + start, box, n) != BERTH_OK) {
        return BERTH_ERR_CORRUPT;
    }
    if (len > cap) {
        return BERTH_ERR_TOO_LARGE;
    }
    derive(found, BERTH_PEPPER_TOTP, key);
    bool is_good =
        run_gcm(false, key, box, owner, box + NONCE_BYTES, len, plain, box + NONCE_BYTES + len);
    berth_wipe(key, sizeof key);
    if (is_good) {
        memcpy(ret, plain, len);
        *ret_len = len;
    }
    berth_wipe(plain, sizeof plain);
    return is_good ? BERTH_OK : BERTH_ERR_CORRUPT;
}
