/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "host-agent/session/sound-reader.h"

#include "host-agent/session/dbus-answer.h"
#include "host-agent/session/sound-voice.h"

#include "base/clock.h"
#include "base/error.h"
#include "base/log.h"

#define SCOPE "sound"
#define IFACE_OUT "org.qemu.Display1.AudioOutListener"
#define IFACE_IN "org.qemu.Display1.AudioInListener"
/* Streams of a guest at once, in each direction; QEMU mixes those of one card. */
#define MAX_VOICES 4
/* Ticks that are converted at once. */
#define PIECE_TICKS 1024
/* Bytes of one answer to Read; QEMU asks for some milliseconds. */
#define MAX_READ_BYTES (64 * 1024)
/* A hostile guest must not fill the log. */
#define MAX_COMPLAINTS 3

struct BerthSoundReader {
    BerthSoundRoom *room;
    BerthSoundVoice voices[MAX_VOICES];
    unsigned n_complaints;
};

/* One call; arguments have been checked against the type.  ret_reply: NULL answers nothing. */
typedef struct {
    const char *iface;
    const char *member;
    const char *type;
    int (*handle)(BerthSoundReader *self, bool is_out, GVariant *arguments, GVariant **ret_reply);
} SoundCall;

BerthSoundReader *
berth_sound_reader_new(BerthSoundRoom *room)
{
    BerthSoundReader *self = g_new0(BerthSoundReader, 1);

    self->room = berth_sound_room_ref(room);
    return self;
}

void
berth_sound_reader_free(gpointer reader)
{
    BerthSoundReader *self = reader;

    berth_sound_room_unref(self->room);
    g_free(self);
}

/* The voice of an id; of an unused one if there is none and is_new. */
static BerthSoundVoice *
find_voice(BerthSoundReader *self, uint64_t id, bool is_new)
{
    BerthSoundVoice *free_voice = NULL;

    for (size_t i = 0; i < MAX_VOICES; i++) {
        BerthSoundVoice *voice = &self->voices[i];

        if (voice->is_used && voice->id == id) {
            return voice;
        }
        free_voice = voice->is_used ? free_voice : voice;
    }
    return is_new ? free_voice : NULL;
}

static int
handle_init(BerthSoundReader *self, bool is_out, GVariant *arguments, GVariant **ret_reply)
{
    BerthSoundFormat format;
    BerthSoundVoice *voice;
    gboolean is_signed, is_float, is_big_endian;
    guint64 id;

    g_variant_get(arguments, "(tybbuyuub)", &id, &format.bits, &is_signed, &is_float,
                  &format.ticks_per_s, &format.n_channels, NULL, NULL, &is_big_endian);
    format.is_signed = is_signed;
    format.is_float = is_float;
    format.is_big_endian = is_big_endian;
    voice = find_voice(self, id, true);
    return voice ? berth_sound_voice_init(voice, id, &format) : BERTH_ERR_TOO_LARGE;
}

static void
tell_enabled(BerthSoundReader *self, bool is_out)
{
    bool is_enabled = false;

    for (size_t i = 0; i < MAX_VOICES; i++) {
        is_enabled = is_enabled || (self->voices[i].is_used && self->voices[i].is_enabled);
    }
    if (!is_out) {
        berth_sound_room_set_recording(self->room, is_enabled);
    } else if (!is_enabled) {
        berth_sound_room_stop(self->room);
    }
}

static int
handle_fini(BerthSoundReader *self, bool is_out, GVariant *arguments, GVariant **ret_reply)
{
    BerthSoundVoice *voice;
    guint64 id;

    g_variant_get(arguments, "(t)", &id);
    voice = find_voice(self, id, false);
    if (voice) {
        voice->is_used = false;
        tell_enabled(self, is_out);
    }
    return BERTH_OK;
}

static int
handle_set_enabled(BerthSoundReader *self, bool is_out, GVariant *arguments, GVariant **ret_reply)
{
    BerthSoundVoice *voice;
    gboolean is_enabled;
    guint64 id;

    g_variant_get(arguments, "(tb)", &id, &is_enabled);
    voice = find_voice(self, id, false);
    if (!voice) {
        return BERTH_ERR_STATE;
    }
    voice->is_enabled = is_enabled;
    tell_enabled(self, is_out);
    return BERTH_OK;
}

static int
handle_set_volume(BerthSoundReader *self, bool is_out, GVariant *arguments, GVariant **ret_reply)
{
    g_autoptr(GVariant) volumes = NULL;
    BerthSoundVoice *voice;
    gboolean is_muted;
    const uint8_t *bytes;
    guint64 id;
    gsize n;

    g_variant_get(arguments, "(tb@ay)", &id, &is_muted, &volumes);
    bytes = g_variant_get_fixed_array(volumes, &n, 1);
    voice = find_voice(self, id, false);
    if (!voice || n > BERTH_SOUND_VOICE_VOLUMES) {
        return voice ? BERTH_ERR_TOO_LARGE : BERTH_ERR_STATE;
    }
    berth_sound_voice_set_volume(voice, is_muted, bytes, n);
    voice->is_echo = is_out && berth_sound_room_is_echo(self->room, berth_monotonic_us());
    return BERTH_OK;
}

static int
handle_write(BerthSoundReader *self, bool is_out, GVariant *arguments, GVariant **ret_reply)
{
    g_autoptr(GVariant) owner = NULL;
    int16_t samples[PIECE_TICKS * BERTH_SOUND_CHANNELS];
    BerthSoundVoice *voice;
    const uint8_t *bytes;
    guint64 id;
    gsize len;
    size_t used;
    unsigned n;

    g_variant_get(arguments, "(t@ay)", &id, &owner);
    bytes = g_variant_get_fixed_array(owner, &len, 1);
    voice = find_voice(self, id, false);
    if (!voice || !voice->is_enabled) {
        return BERTH_ERR_STATE;
    }
    voice->is_full = voice->is_echo && berth_sound_room_has_level(self->room);
    while ((n = berth_sound_voice_read(voice, bytes, len, samples, PIECE_TICKS, &used)) > 0) {
        berth_sound_room_write(self->room, samples, n, berth_monotonic_us());
        bytes += used;
        len -= used;
    }
    return BERTH_OK;
}

static GVariant *
new_bytes(uint8_t *bytes, size_t len)
{
    GVariant *array =
        g_variant_new_from_data(G_VARIANT_TYPE("ay"), bytes, len, TRUE, g_free, bytes);

    return g_variant_new("(@ay)", array);
}

static int
handle_read(BerthSoundReader *self, bool is_out, GVariant *arguments, GVariant **ret_reply)
{
    const BerthSoundVoice *voice;
    guint64 id, size;
    unsigned n_ticks;

    g_variant_get(arguments, "(tt)", &id, &size);
    voice = find_voice(self, id, false);
    if (!voice) {
        return BERTH_ERR_STATE;
    }
    n_ticks = (unsigned)(MIN(size, MAX_READ_BYTES) / (2 * voice->n_channels));
    {
        g_autofree int16_t *samples = g_new0(int16_t, (gsize)n_ticks * BERTH_SOUND_CHANNELS);
        uint8_t *bytes = g_malloc((gsize)n_ticks * voice->n_channels * 2);
        size_t len;

        if (n_ticks > 0) {
            berth_sound_room_read(self->room, samples, n_ticks, berth_monotonic_us());
        }
        len = berth_sound_voice_write(voice, samples, n_ticks, bytes);
        *ret_reply = new_bytes(bytes, len);
    }
    return BERTH_OK;
}

static const SoundCall calls[] = {
    { IFACE_OUT, "Init", "(tybbuyuub)", handle_init },
    { IFACE_OUT, "Fini", "(t)", handle_fini },
    { IFACE_OUT, "SetEnabled", "(tb)", handle_set_enabled },
    { IFACE_OUT, "SetVolume", "(tbay)", handle_set_volume },
    { IFACE_OUT, "Write", "(tay)", handle_write },
    { IFACE_IN, "Init", "(tybbuyuub)", handle_init },
    { IFACE_IN, "Fini", "(t)", handle_fini },
    { IFACE_IN, "SetEnabled", "(tb)", handle_set_enabled },
    { IFACE_IN, "SetVolume", "(tbay)", handle_set_volume },
    { IFACE_IN, "Read", "(tt)", handle_read },
};

static const SoundCall *
find_call(const char *iface, const char *member)
{
    for (size_t i = 0; i < G_N_ELEMENTS(calls); i++) {
        if (g_strcmp0(member, calls[i].member) == 0 && g_strcmp0(iface, calls[i].iface) == 0) {
            return &calls[i];
        }
    }
    return NULL;
}

static void
handle_call(BerthSoundReader *self, const SoundCall *call, GDBusConnection *connection,
            GDBusMessage *message)
{
    GVariant *arguments = g_dbus_message_get_body(message);
    GVariant *body = NULL;
    bool is_out = g_str_equal(call->iface, IFACE_OUT);
    int r = BERTH_ERR_PROTOCOL;

    if (arguments && g_variant_is_of_type(arguments, G_VARIANT_TYPE(call->type))) {
        r = call->handle(self, is_out, arguments, &body);
    }
    if (r < 0) {
        berth_dbus_refuse(connection, message, r);
    } else {
        berth_dbus_answer(connection, message, body);
    }
    if (r < 0 && self->n_complaints < MAX_COMPLAINTS) {
        self->n_complaints++;
        berth_log_warning(SCOPE, "a sound call %s was dropped: %s", call->member,
                          berth_error_sentence(r));
    }
}

GDBusMessage *
berth_sound_reader_filter(GDBusConnection *connection, GDBusMessage *message, gboolean is_incoming,
                          gpointer reader)
{
    static const char *const interfaces[] = { NULL };
    const char *iface = g_dbus_message_get_interface(message);
    const char *member = g_dbus_message_get_member(message);
    const SoundCall *call;

    if (!is_incoming ||
        g_dbus_message_get_message_type(message) != G_DBUS_MESSAGE_TYPE_METHOD_CALL) {
        return message;
    }
    call = find_call(iface, member);
    if (call) {
        handle_call(reader, call, connection, message);
    } else if (!berth_dbus_answer_properties(connection, message, interfaces)) {
        return message; /* GDBus answers with an error */
    }
    g_object_unref(message);
    return NULL;
}
