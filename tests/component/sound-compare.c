/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Looks for each tenth of a second of one recording in another one, by correlation.
 *
 * usage: sound-compare PLAYED HEARD
 *
 * The client plays up to half a per cent faster or slower, so each piece is tried at some speeds.
 *
 * Both are raw: 16 bits, one channel, 48,000 a second.  Prints a line for each piece: where it
 * begins, where it was found (both in milliseconds), and how much it is alike, -1..1.
 */
#include <glib.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>

#define PIECE 4800
/* The first look takes the mean of so many samples for one. */
#define THIN 8
#define TICKS_PER_MS 48.0
#define N_SPEEDS 5

static const double speeds[N_SPEEDS] = { 1, 0.995, 1.005, 0.9975, 1.0025 };

typedef struct {
    float *samples;
    size_t n;
} Sound;

static Sound
read_sound(const char *path)
{
    Sound sound = { NULL, 0 };
    g_autofree char *bytes = NULL;
    gsize len = 0;

    if (g_file_get_contents(path, &bytes, &len, NULL)) {
        sound.n = len / 2;
        sound.samples = g_new(float, sound.n + 1);
        for (size_t i = 0; i < sound.n; i++) {
            const uint8_t *at = (const uint8_t *)bytes + 2 * i;

            sound.samples[i] = (int16_t)(at[0] | at[1] << 8);
        }
    }
    return sound;
}

static Sound
thin_out(const Sound *from)
{
    Sound to = { g_new(float, from->n / THIN + 1), from->n / THIN };

    for (size_t i = 0; i < to.n; i++) {
        float sum = 0;

        for (size_t k = 0; k < THIN; k++) {
            sum += from->samples[i * THIN + k];
        }
        to.samples[i] = sum / THIN;
    }
    return to;
}

/* n samples from a place, at a speed. */
static void
take(const Sound *from, size_t at, size_t n, double speed, float *ret)
{
    for (size_t i = 0; i < n; i++) {
        double place = (double)at + (double)i * speed;
        size_t k = MIN((size_t)place, from->n - 2);

        ret[i] = (float)(from->samples[k] +
                         (place - (double)k) * (from->samples[k + 1] - from->samples[k]));
    }
}

static double
correlate(const float *a, const float *b, size_t n)
{
    double both = 0, first = 1, second = 1;

    for (size_t i = 0; i < n; i++) {
        both += (double)a[i] * b[i];
        first += (double)a[i] * a[i];
        second += (double)b[i] * b[i];
    }
    return both / sqrt(first * second);
}

/* The place from..to where n samples of piece are most alike; the best score in ret_score. */
static size_t
find(const float *piece, size_t n, const Sound *in, size_t from, size_t to, double *ret_score)
{
    size_t best = from;

    *ret_score = -1;
    for (size_t i = from; i < to && i + n <= in->n; i++) {
        double score = correlate(piece, in->samples + i, n);

        if (score > *ret_score) {
            *ret_score = score;
            best = i;
        }
    }
    return best;
}

/* Where the piece at a place is most alike. */
static size_t
find_at_some_speed(const Sound *played, const Sound *heard, size_t at, double *ret_score)
{
    Sound thin_played = thin_out(played);
    Sound thin_heard = thin_out(heard);
    size_t best = 0;

    *ret_score = -1;
    for (size_t i = 0; i < N_SPEEDS; i++) {
        float piece[PIECE];
        double score;

        take(&thin_played, at / THIN, PIECE / THIN, speeds[i], piece);
        size_t thin = find(piece, PIECE / THIN, &thin_heard, 0, thin_heard.n, &score);
        size_t from = thin * THIN > 2 * THIN ? thin * THIN - 2 * THIN : 0;
        take(played, at, PIECE, speeds[i], piece);
        size_t place = find(piece, PIECE, heard, from, from + 4 * THIN, &score);
        if (score > *ret_score) {
            *ret_score = score;
            best = place;
        }
    }
    g_free(thin_played.samples);
    g_free(thin_heard.samples);
    return best;
}

int
main(int argc, char **argv)
{
    Sound played = read_sound(argc > 2 ? argv[1] : "");
    Sound heard = read_sound(argc > 2 ? argv[2] : "");

    if (played.n == 0 || heard.n == 0) {
        fprintf(stderr, "usage: sound-compare PLAYED HEARD\n");
        return 2;
    }
    for (size_t at = 0; at + PIECE <= played.n; at += PIECE) {
        double score;
        size_t place = find_at_some_speed(&played, &heard, at, &score);

        printf("%.0f %.1f %.3f\n", (double)at / TICKS_PER_MS, (double)place / TICKS_PER_MS, score);
    }
    return 0;
}
