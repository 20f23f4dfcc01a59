/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "guest-agent/clipboard.h"

#include "guest-agent/clipboard-text.h"

#include "base/log.h"
#include "berth/limits.h"
#include "berth/protocol.h"
#include "display/wire/guest-message.h"
#include "display/wire/vdagent-message.h"

#include <gtk/gtk.h>
#include <spice/vd_agent.h>

#define SCOPE "clipboard"
/* A program that pastes waits no longer. */
#define PASTE_MS 10000
/* Programs that paste at once; each is a nested turn of the loop. */
#define MAX_PASTES 4

/* One program that waits for a content of the host. */
typedef struct {
    uint8_t type;
    bool is_done;
    GBytes *content; /* NULL: none came */
} Paste;

typedef struct {
    BerthSessionClipboard *owner;
    uint8_t number;          /* BerthSelection */
    GtkClipboard *clipboard; /* GTK's */
    GObject *token;          /* who owns it when we do */
    unsigned host_types;     /* BERTH_CLIPBOARD_BIT() that the host has; 0: none */
    bool is_announced;       /* the host knows that there is something */
    unsigned generation;     /* answers about what was there before are old */
    GSList *pastes;          /* of Paste *, on the stack of on_get() */
} Side;

struct BerthSessionClipboard {
    BerthClipboardSendFunc send;
    void *user_data;
    bool has_host;
    Side sides[BERTH_N_SELECTIONS];
};

/* A question to a program of the session. */
typedef struct {
    Side *side;
    unsigned generation;
    uint8_t type;
} Question;

static Question *
new_question(Side *side, uint8_t type)
{
    Question *question = g_new0(Question, 1);

    *question = (Question){ side, side->generation, type };
    return question;
}

static bool
is_ours(const Side *side)
{
    return gtk_clipboard_get_owner(side->clipboard) == side->token;
}

/* ---- to the host ---- */

static void
send_grab(Side *side, unsigned types)
{
    BerthVdagentGrab grab = { .selection = side->number, .types = (uint32_t)types << 1 };
    BerthWriter writer;

    side->is_announced = true;
    berth_writer_init(&writer, BERTH_LIMIT_FRAGMENT_BYTES);
    berth_vdagent_write_grab(&writer, berth_guest_session_caps, &grab);
    side->owner->send(&writer, side->owner->user_data);
}

static void
send_release(Side *side)
{
    BerthWriter writer;

    if (!side->is_announced) {
        return;
    }
    side->is_announced = false;
    berth_writer_init(&writer, BERTH_LIMIT_FRAGMENT_BYTES);
    berth_vdagent_write_release(&writer, berth_guest_session_caps, side->number);
    side->owner->send(&writer, side->owner->user_data);
}

/* type 0: the content that was asked for cannot be had. */
static void
send_content(Side *side, uint8_t type, const void *data, size_t len)
{
    bool is_good = data && len <= (size_t)BERTH_LIMIT_CLIPBOARD_KIB * 1024;
    BerthVdagentClip clip = {
        .selection = side->number,
        .type = is_good ? type : VD_AGENT_CLIPBOARD_NONE,
        .data = is_good ? data : NULL,
        .len = is_good ? len : 0,
    };
    BerthWriter writer;

    berth_writer_init(&writer, berth_vdagent_get_wire_bytes(clip.len + BERTH_LIMIT_FRAGMENT_BYTES));
    berth_vdagent_write_content(&writer, berth_guest_session_caps, &clip);
    side->owner->send(&writer, side->owner->user_data);
}

static void
send_request(Side *side, uint8_t type)
{
    BerthVdagentClip clip = { .selection = side->number, .type = type };
    BerthWriter writer;

    berth_writer_init(&writer, BERTH_LIMIT_FRAGMENT_BYTES);
    berth_vdagent_write_request(&writer, berth_guest_session_caps, &clip);
    side->owner->send(&writer, side->owner->user_data);
}

/* ---- what programs of the session have ---- */

static unsigned
find_types(GdkAtom *targets, int n_targets)
{
    unsigned types = 0;

    for (int i = 0; i < n_targets; i++) {
        if (targets[i] == gdk_atom_intern_static_string("text/html")) {
            types |= BERTH_CLIPBOARD_BIT(BERTH_CLIPBOARD_HTML);
        }
    }
    if (gtk_targets_include_text(targets, n_targets)) {
        types |= BERTH_CLIPBOARD_BIT(BERTH_CLIPBOARD_TEXT);
    }
    if (gtk_targets_include_image(targets, n_targets, FALSE)) {
        types |= BERTH_CLIPBOARD_BIT(BERTH_CLIPBOARD_PNG);
    }
    return types;
}

static void
on_targets(GtkClipboard *clipboard, GdkAtom *targets, int n_targets, gpointer user_data)
{
    g_autofree Question *question = user_data;
    Side *side = question->side;
    unsigned types = find_types(targets, MAX(n_targets, 0));

    if (question->generation != side->generation || is_ours(side) || !side->owner->has_host) {
        return;
    }
    if (types != 0) {
        send_grab(side, types);
    } else {
        send_release(side);
    }
}

static void
look(Side *side)
{
    side->generation++;
    if (side->owner->has_host && !is_ours(side)) {
        gtk_clipboard_request_targets(side->clipboard, on_targets, new_question(side, 0));
    }
}

static void
on_owner_change(GtkClipboard *clipboard, GdkEvent *event, gpointer user_data)
{
    look(user_data);
}

static void
on_text(GtkClipboard *clipboard, const char *text, gpointer user_data)
{
    g_autofree Question *question = user_data;

    send_content(question->side, question->type, text, text ? strlen(text) : 0);
}

static void
on_html(GtkClipboard *clipboard, GtkSelectionData *selection, gpointer user_data)
{
    g_autofree Question *question = user_data;
    int len = gtk_selection_data_get_length(selection);
    g_autofree char *text =
        len > 0 ? berth_html_to_utf8(gtk_selection_data_get_data(selection), (size_t)len) : NULL;

    send_content(question->side, question->type, text, text ? strlen(text) : 0);
}

static void
on_picture(GtkClipboard *clipboard, GdkPixbuf *picture, gpointer user_data)
{
    g_autofree Question *question = user_data;
    g_autofree char *png = NULL;
    gsize len = 0;

    if (picture) {
        gdk_pixbuf_save_to_buffer(picture, &png, &len, "png", NULL, NULL);
    }
    send_content(question->side, question->type, png, len);
}

static void
on_png(GtkClipboard *clipboard, GtkSelectionData *selection, gpointer user_data)
{
    Question *question = user_data;
    int len = gtk_selection_data_get_length(selection);

    if (len <= 0) {
        /* Another kind of picture, perhaps. */
        gtk_clipboard_request_image(clipboard, on_picture, question);
        return;
    }
    send_content(question->side, question->type, gtk_selection_data_get_data(selection),
                 (size_t)len);
    g_free(question);
}

static void
handle_request(Side *side, uint32_t type)
{
    if (is_ours(side)) {
        send_content(side, 0, NULL, 0);
    } else if (type == BERTH_CLIPBOARD_TEXT) {
        gtk_clipboard_request_text(side->clipboard, on_text, new_question(side, (uint8_t)type));
    } else if (type == BERTH_CLIPBOARD_HTML) {
        gtk_clipboard_request_contents(side->clipboard, gdk_atom_intern_static_string("text/html"),
                                       on_html, new_question(side, (uint8_t)type));
    } else if (type == BERTH_CLIPBOARD_PNG) {
        gtk_clipboard_request_contents(side->clipboard, gdk_atom_intern_static_string("image/png"),
                                       on_png, new_question(side, (uint8_t)type));
    } else {
        send_content(side, 0, NULL, 0);
    }
}

/* ---- what the host has ---- */

static gboolean
on_paste_late(gpointer user_data)
{
    ((Paste *)user_data)->is_done = true;
    return G_SOURCE_CONTINUE;
}

/* Waits for a content of the host; NULL if none comes.  Owned. */
static GBytes *
fetch(Side *side, uint8_t type)
{
    Paste paste = { .type = type };
    guint late;

    if (!side->owner->has_host || side->host_types == 0 ||
        g_slist_length(side->pastes) >= MAX_PASTES) {
        return NULL;
    }
    side->pastes = g_slist_prepend(side->pastes, &paste);
    late = g_timeout_add(PASTE_MS, on_paste_late, &paste);
    send_request(side, type);
    while (!paste.is_done) {
        g_main_context_iteration(NULL, TRUE);
    }
    g_source_remove(late);
    side->pastes = g_slist_remove(side->pastes, &paste);
    return paste.content;
}

static void
on_get(GtkClipboard *clipboard, GtkSelectionData *selection, guint info, gpointer owner)
{
    Side *side = g_object_get_data(G_OBJECT(owner), "berth-side");
    g_autoptr(GBytes) content = fetch(side, (uint8_t)info);
    gsize len = 0;
    const uint8_t *data = content ? g_bytes_get_data(content, &len) : NULL;

    if (!content) {
        return;
    }
    if (info == BERTH_CLIPBOARD_TEXT) {
        gtk_selection_data_set_text(selection, (const char *)data, (int)len);
    } else {
        gtk_selection_data_set(selection, gtk_selection_data_get_target(selection), 8, data,
                               (int)len);
    }
}

static void
on_clear(GtkClipboard *clipboard, gpointer owner)
{
}

static void
end_pastes(Side *side, uint8_t type, GBytes *content)
{
    for (GSList *at = side->pastes; at; at = at->next) {
        Paste *paste = at->data;

        if (!paste->is_done && (type == 0 || paste->type == type)) {
            paste->content = content ? g_bytes_ref(content) : NULL;
            paste->is_done = true;
        }
    }
}

static void
drop_offer(Side *side)
{
    side->host_types = 0;
    end_pastes(side, 0, NULL);
    if (is_ours(side)) {
        gtk_clipboard_clear(side->clipboard);
    }
}

static void
handle_grab(Side *side, uint32_t vdagent_types)
{
    unsigned types = vdagent_types >> 1;
    GtkTargetList *list = gtk_target_list_new(NULL, 0);
    GtkTargetEntry *entries;
    int n_entries = 0;

    end_pastes(side, 0, NULL);
    side->host_types = types;
    side->is_announced = false;
    side->generation++;
    if (types & BERTH_CLIPBOARD_BIT(BERTH_CLIPBOARD_TEXT)) {
        gtk_target_list_add_text_targets(list, BERTH_CLIPBOARD_TEXT);
    }
    if (types & BERTH_CLIPBOARD_BIT(BERTH_CLIPBOARD_HTML)) {
        gtk_target_list_add(list, gdk_atom_intern_static_string("text/html"), 0,
                            BERTH_CLIPBOARD_HTML);
    }
    if (types & BERTH_CLIPBOARD_BIT(BERTH_CLIPBOARD_PNG)) {
        gtk_target_list_add(list, gdk_atom_intern_static_string("image/png"), 0,
                            BERTH_CLIPBOARD_PNG);
    }
    entries = gtk_target_table_new_from_list(list, &n_entries);
    if (n_entries == 0 || !gtk_clipboard_set_with_owner(side->clipboard, entries, (guint)n_entries,
                                                        on_get, on_clear, side->token)) {
        drop_offer(side);
    }
    gtk_target_table_free(entries, n_entries);
    gtk_target_list_unref(list);
}

static void
handle_content(Side *side, const BerthVdagentClip *clip, bool is_skipped)
{
    g_autoptr(GBytes) content = g_bytes_new(clip->data, clip->len);
    bool is_known = clip->type >= 1 && clip->type <= BERTH_N_CLIPBOARD_TYPES;

    /* No content is an empty one; both end the waiting. */
    end_pastes(side, is_known ? (uint8_t)clip->type : 0,
               is_known && !is_skipped && clip->len > 0 ? content : NULL);
}

void
berth_session_clipboard_handle(BerthSessionClipboard *self, const BerthVdagentMessage *message)
{
    uint32_t caps = berth_guest_session_caps;
    BerthVdagentGrab grab;
    BerthVdagentClip clip;
    uint8_t number = 0;

    if (message->type == VD_AGENT_CLIPBOARD_GRAB) {
        if (berth_vdagent_read_grab(message->data, message->len, caps, &grab) == 0 &&
            grab.selection < BERTH_N_SELECTIONS) {
            handle_grab(&self->sides[grab.selection], grab.types);
        }
    } else if (message->type == VD_AGENT_CLIPBOARD_RELEASE) {
        if (berth_vdagent_read_release(message->data, message->len, caps, &number) == 0 &&
            number < BERTH_N_SELECTIONS) {
            drop_offer(&self->sides[number]);
        }
    } else if (berth_vdagent_read_clip(message->data, message->len, caps, &clip) == 0 &&
               clip.selection < BERTH_N_SELECTIONS) {
        if (message->type == VD_AGENT_CLIPBOARD) {
            handle_content(&self->sides[clip.selection], &clip, message->is_skipped);
        } else if (message->type == VD_AGENT_CLIPBOARD_REQUEST) {
            handle_request(&self->sides[clip.selection], clip.type);
        }
    }
}

/* ---- life ---- */

void
berth_session_clipboard_begin(BerthSessionClipboard *self)
{
    self->has_host = true;
    for (int i = 0; i < BERTH_N_SELECTIONS; i++) {
        drop_offer(&self->sides[i]);
        self->sides[i].is_announced = false;
        look(&self->sides[i]);
    }
}

void
berth_session_clipboard_end(BerthSessionClipboard *self)
{
    self->has_host = false;
    for (int i = 0; i < BERTH_N_SELECTIONS; i++) {
        drop_offer(&self->sides[i]);
        self->sides[i].is_announced = false;
    }
}

BerthSessionClipboard *
berth_session_clipboard_new(BerthClipboardSendFunc send, void *user_data)
{
    const GdkAtom atoms[BERTH_N_SELECTIONS] = {
        [BERTH_SELECTION_CLIPBOARD] = GDK_SELECTION_CLIPBOARD,
        [BERTH_SELECTION_PRIMARY] = GDK_SELECTION_PRIMARY,
    };
    BerthSessionClipboard *self = g_new0(BerthSessionClipboard, 1);

    self->send = send;
    self->user_data = user_data;
    for (uint8_t i = 0; i < BERTH_N_SELECTIONS; i++) {
        Side *side = &self->sides[i];

        side->owner = self;
        side->number = i;
        side->clipboard = gtk_clipboard_get(atoms[i]);
        side->token = g_object_new(G_TYPE_OBJECT, NULL);
        g_object_set_data(side->token, "berth-side", side);
        g_signal_connect(side->clipboard, "owner-change", G_CALLBACK(on_owner_change), side);
    }
    return self;
}

void
berth_session_clipboard_free(BerthSessionClipboard *self)
{
    if (!self) {
        return;
    }
    berth_session_clipboard_end(self);
    for (int i = 0; i < BERTH_N_SELECTIONS; i++) {
        g_signal_handlers_disconnect_by_data(self->sides[i].clipboard, &self->sides[i]);
        g_object_unref(self->sides[i].token);
    }
    g_free(self);
}
