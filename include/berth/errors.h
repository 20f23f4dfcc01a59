/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The error numbers of Berth: one table for engines, wire, API, logs and documents.
 *
 * Zero is success, every error is negative and its number never changes or is reused.
 * X(NAME, number, "name-on-the-wire-and-in-json", "sentence for people")
 */
#pragma once

#define BERTH_ERROR_TABLE(X)                                                                  \
    X(INVALID, -1, "invalid", "a value is not allowed here")                                  \
    X(TRUNCATED, -2, "truncated", "the data ends too early")                                  \
    X(TRAILING, -3, "trailing", "there is data after the end")                                \
    X(TOO_LARGE, -4, "too-large", "a size is over its limit")                                 \
    X(PROTOCOL, -5, "protocol", "the peer broke the protocol")                                \
    X(VERSION, -6, "version", "the two sides share no protocol version")                      \
    X(STATE, -7, "state", "this is not allowed in the present state")                         \
    X(NOT_FOUND, -8, "not-found", "there is no such thing")                                   \
    X(EXISTS, -9, "exists", "it exists already")                                              \
    X(NO_MEMORY, -10, "no-memory", "memory ran out")                                          \
    X(AGAIN, -11, "again", "not now, try again")                                              \
    X(CLOSED, -12, "closed", "the peer closed the connection")                                \
    X(IO, -13, "io", "input or output failed")                                                \
    X(TIMEOUT, -14, "timeout", "it took too long")                                            \
    X(TLS, -15, "tls", "the TLS connection failed")                                           \
    X(UNTRUSTED, -16, "untrusted", "the peer's certificate or key is not the expected one")   \
    X(BAD_CREDENTIALS, -17, "bad-credentials", "the user name or password is wrong")          \
    X(FORBIDDEN, -18, "forbidden", "this is not permitted")                                   \
    X(THROTTLED, -19, "throttled", "too many attempts, wait before the next one")             \
    X(EXPIRED, -20, "expired", "it is no longer valid")                                       \
    X(REPLAYED, -21, "replayed", "it was used before")                                        \
    X(STALE_EPOCH, -22, "stale-epoch", "it belongs to an earlier owner of the desktop")       \
    X(NO_DESKTOP, -23, "no-desktop", "no desktop is free")                                    \
    X(HOST_DOWN, -24, "host-down", "the host of the desktop does not answer")                 \
    X(DESKTOP_GONE, -25, "desktop-gone", "the desktop stopped")                               \
    X(TAKEN_OVER, -26, "taken-over", "the session was opened from another device")            \
    X(DISK_FULL, -27, "disk-full", "the disk is full")                                        \
    X(CORRUPT, -28, "corrupt", "stored data is damaged")                                      \
    X(BUSY, -29, "busy", "it is in use")                                                      \
    X(UNSUPPORTED, -30, "unsupported", "this is not supported here")                          \
    X(INTERNAL, -31, "internal", "an internal error happened")                                \
    X(LOGGED_OFF, -32, "logged-off", "the session was logged off")                            \
    X(DISCONNECTED, -33, "disconnected", "the session was disconnected by request")           \
    X(CONFIG, -34, "config", "the configuration is wrong")                                    \
    X(SOURCE_DOWN, -35, "source-down", "whoever checks this user's password does not answer") \
    X(PRECONDITION, -36, "precondition", "it was changed meanwhile")                          \
    X(PRECONDITION_REQUIRED, -37, "precondition-required", "say which version you mean")      \
    X(KEY_REUSED, -38, "key-reused", "the key was used for another request")                  \
    X(STORE_DOWN, -39, "store-down", "the database of the site does not answer")

#define BERTH_OK 0

/* What went wrong; every function documents which of these it returns. */
typedef enum {
#define BERTH_ERROR_ENUM(name, number, id, sentence) BERTH_ERR_##name = (number),
    BERTH_ERROR_TABLE(BERTH_ERROR_ENUM)
#undef BERTH_ERROR_ENUM
} BerthErrorCode;
