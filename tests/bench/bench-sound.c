/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * How late sound is, and how often it has a hole: from the piece that QEMU gives to the piece that
 * the sound card takes, through packer, network, receiver, in a time of its own (ten minutes take
 * some seconds), and what a second of sound costs each end.
 *
 * Several networks in one run; stalls are as TCP makes them: nothing is lost, all comes late.
 */
#include "tests/unit/audio/sound-path.h"

#include "display/audio/opus-codec.h"

#include <stdio.h>
#include <time.h>

typedef struct {
    const char *name;
    SoundPathPlan plan;
    unsigned max_glitches; /* what is aimed at: in ten minutes; UINT_MAX: nothing */
    unsigned max_ms;       /* median; UINT_MAX: nothing */
} Row;

static const Row rows[] = {
    { "quiet, pieces of 21 ms (QEMU 7.2)", { 0, 1024, 20, 480, 1000 }, 0, 80 },
    { "quiet, pieces of 10 ms", { 0, 480, 20, 480, 1000 }, 0, 80 },
    { "jitter of 15 ms", { 0, 1024, 20, 480, 15000 }, 0, 80 },
    { "2 % of time in stalls of 100 ms", { 0, 1024, 20, 480, 2000, 100, 2 }, 1, UINT_MAX },
    { "10 % of time in stalls of 100 ms", { 0, 1024, 20, 480, 2000, 100, 10 }, UINT_MAX, UINT_MAX },
    { "a card that is 300 ppm quicker", { 0, 1024, 300, 480, 1000 }, 0, 80 },
    { "one cut of 10 s", { 0, 1024, 20, 480, 1000, 0, 0, 60, 10000 }, UINT_MAX, UINT_MAX },
};

static double
cpu_ms(void)
{
    return (double)clock() * 1000 / CLOCKS_PER_SEC;
}

static void
print_costs(void)
{
    g_autoptr(BerthOpusEncoder) encoder = berth_opus_encoder_new(96);
    g_autoptr(BerthOpusDecoder) decoder = berth_opus_decoder_new();
    static uint8_t packets[1000][BERTH_LIMIT_SOUND_PACKET_BYTES];
    int16_t samples[BERTH_SOUND_PACKET_TICKS * 2];
    size_t n_bytes = 0;
    int lens[1000];
    double start, encoded, decoded;
    g_autoptr(GRand) random = g_rand_new_with_seed(1);

    start = cpu_ms();
    for (int i = 0; i < 1000; i++) {
        for (int k = 0; k < BERTH_SOUND_PACKET_TICKS * 2; k++) {
            double t = (i * BERTH_SOUND_PACKET_TICKS + k / 2) / (double)BERTH_SOUND_TICKS_PER_S;

            samples[k] = (int16_t)(6000 * sin(t * 2764) + 3000 * sin(t * 7900) +
                                   g_rand_int_range(random, -500, 500));
        }
        lens[i] = berth_opus_encoder_encode(encoder, samples, packets[i]);
        n_bytes += (size_t)lens[i];
    }
    encoded = cpu_ms();
    for (int i = 0; i < 1000; i++) {
        (void)berth_opus_decoder_decode(decoder, packets[i], (size_t)lens[i],
                                        BERTH_SOUND_PACKET_TICKS, samples);
    }
    decoded = cpu_ms();
    printf("\n10 s of music: %.0f ms of CPU to make and encode, %.0f ms to decode, %.0f kbit/s\n",
           encoded - start, decoded - encoded, (double)n_bytes * 8 / 10000);
}

int
main(int argc, char **argv)
{
    int seconds = argc > 1 ? (int)g_ascii_strtoll(argv[1], NULL, 10) : 600;
    bool is_met = true;

    printf("%d s of sound each; delay from QEMU's piece to the sound card\n\n", seconds);
    printf("| network | glitches | dry | gaps | skips | delay median ms | p95 ms |\n");
    printf("|---|---|---|---|---|---|---|\n");
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        SoundPathPlan plan = rows[i].plan;
        SoundPathResult result;

        plan.seconds = seconds;
        plan.seed = 1;
        result = sound_path_run(&plan);
        printf("| %s | %u | %u | %u | %u | %.0f | %.0f |\n", rows[i].name,
               (unsigned)result.stats.n_glitches, (unsigned)result.stats.n_dry,
               (unsigned)result.stats.n_gaps, (unsigned)result.stats.n_skips,
               (double)result.median_us / 1000, (double)result.p95_us / 1000);
        fflush(stdout);
        is_met = is_met && result.stats.n_glitches <= rows[i].max_glitches &&
                 result.median_us / 1000 <= (int64_t)rows[i].max_ms;
    }
    print_costs();
    return is_met ? 0 : 1;
}
