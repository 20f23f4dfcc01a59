/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * GTK asks for a content and wants it at once, while ours comes over the network: a program that
 * pastes waits in a loop of its own on our stack, for a limited time, and only so many at once.
 * All that may be under way then (loops, questions to other programs) keeps the clipboard object
 * alive, and finds out by `is_gone` that nobody is interested any more.
 */
#include "client/gtk/clipboard.h"

#include "berth/limits.h"

#include <string.h>

/* A program that pastes is kept waiting so long at most. */
#define PASTE_MS 10000
/* Programs that paste at once. */
#define MAX_PASTES 4
/* What the guest copies is offered here so much later: a guest that copies without pause must not
 * keep us busy. */
#define NEWS_MS 30
#define OWNER_KEY "berth-clipboard"

typedef struct {
    BerthClipboard *owner;
    GtkClipboard *clipboard;
    BerthSelection selection;
    GObject *token; /* owns the clipboard for us */
    gulong handler;
    unsigned generation; /* of what other programs copied */
    bool has_png;        /* they have a PNG; else a picture is made one */
    unsigned offered;    /* types of the guest, to be offered */
    bool has_news;       /* that is not done yet */
    GBytes *pasted;      /* what came of the present offer last; NULL: nothing */
    BerthClipboardType pasted_type;
} Side;

struct BerthClipboard {
    Side sides[BERTH_N_SELECTIONS];
    BerthClipboardShare *share; /* NULL: none */
    BerthClipboardNoteFunc note;
    void *user_data;
    bool has_focus;
    guint news_source;
    GSList *pastes; /* Paste; each is on the stack of who waits */
    bool is_gone;
};

/* A program that waits for a content of the guest. */
typedef struct {
    BerthClipboardShare *share; /* valid until the answer */
    BerthSelection selection;
    BerthClipboardType type;
    guint late_source;
    bool is_answered;
    GBytes *content; /* NULL: it did not come */
} Paste;

/* A question to another program. */
typedef struct {
    BerthClipboard *self; /* a reference */
    Side *side;
    unsigned generation;
    BerthClipboardType type;
    uint32_t serial; /* of who wants it; 0: we do, to compare */
    unsigned types;  /* that there are, then */
} Question;

static Question *
new_question(Side *side)
{
    Question *question = g_new0(Question, 1);

    question->self = g_rc_box_acquire(side->owner);
    question->side = side;
    question->generation = side->generation;
    return question;
}

static void
free_question(Question *question)
{
    g_rc_box_release(question->self);
    g_free(question);
}

static bool
is_ours(const Side *side)
{
    return gtk_clipboard_get_owner(side->clipboard) == side->token;
}

/* --- what this device has --- */

/* The types among the names under which another program has its content. */
static unsigned
find_types(const GdkAtom *targets, int n_targets, bool *ret_has_png)
{
    unsigned types = 0;

    *ret_has_png = false;
    for (int i = 0; i < n_targets; i++) {
        if (targets[i] == gdk_atom_intern_static_string("image/png")) {
            *ret_has_png = true;
        } else if (targets[i] == gdk_atom_intern_static_string("text/html")) {
            types |= BERTH_CLIPBOARD_BIT(BERTH_CLIPBOARD_HTML);
        }
    }
    if (gtk_targets_include_text((GdkAtom *)targets, n_targets)) {
        types |= BERTH_CLIPBOARD_BIT(BERTH_CLIPBOARD_TEXT);
    }
    if (*ret_has_png || gtk_targets_include_image((GdkAtom *)targets, n_targets, FALSE)) {
        types |= BERTH_CLIPBOARD_BIT(BERTH_CLIPBOARD_PNG);
    }
    return types;
}

static void ask_content(Side *side, Question *question, BerthClipboardType type);

/* Tells the guest what another program has. */
static void
own(Side *side, unsigned types)
{
    g_clear_pointer(&side->pasted, g_bytes_unref);
    if (side->owner->share != NULL) {
        berth_clipboard_share_own(side->owner->share, side->selection, types);
    }
}

static void
on_targets(GtkClipboard *clipboard, GdkAtom *targets, int n_targets, gpointer user_data)
{
    Question *question = user_data;
    BerthClipboard *self = question->self;
    Side *side = question->side;

    if (!self->is_gone && question->generation == side->generation && !is_ours(side)) {
        unsigned types = find_types(targets, MAX(n_targets, 0), &side->has_png);

        if (side->pasted != NULL && (types & BERTH_CLIPBOARD_BIT(side->pasted_type)) != 0) {
            question->types = types;
            ask_content(side, question, side->pasted_type);
            return;
        }
        own(side, types);
    }
    free_question(question);
}

static void
look(Side *side)
{
    side->generation++;
    if (!is_ours(side)) {
        gtk_clipboard_request_targets(side->clipboard, on_targets, new_question(side));
    }
}

static void
on_owner_change(GtkClipboard *clipboard, GdkEvent *event, gpointer user_data)
{
    look(user_data);
}

/*
 * A manager of clipboards takes over what the guest copied and offers it as its own.  Would we
 * offer that to the guest, and had the guest such a manager, too, they would do so for ever.
 */
static void
compare(Question *question, GBytes *content)
{
    Side *side = question->side;
    bool is_echo = content != NULL && side->pasted != NULL && g_bytes_equal(content, side->pasted);

    if (!question->self->is_gone && question->generation == side->generation && !is_ours(side) &&
        !is_echo) {
        own(side, question->types);
    }
}

/* Takes the answer to the guest, if it is still wanted; content is taken, NULL: there is none. */
static void
give(Question *question, GBytes *content)
{
    BerthClipboard *self = question->self;

    if (question->serial == 0) {
        compare(question, content);
    } else if (!self->is_gone && self->share != NULL) {
        berth_clipboard_share_give(
            self->share, question->side->selection, question->serial, question->type,
            content != NULL ? BERTH_CLIPBOARD_OK : BERTH_CLIPBOARD_GONE, content);
    }
    g_clear_pointer(&content, g_bytes_unref);
    free_question(question);
}

static void
on_text(GtkClipboard *clipboard, const char *text, gpointer user_data)
{
    give(user_data, text != NULL ? g_bytes_new(text, strlen(text)) : NULL);
}

/* Some programs write HTML in UTF-16 with a byte order mark. */
static GBytes *
to_utf8(const uint8_t *data, size_t len)
{
    gsize n_written = 0;
    char *text;

    if (len >= 2 &&
        ((data[0] == 0xff && data[1] == 0xfe) || (data[0] == 0xfe && data[1] == 0xff))) {
        text =
            g_convert((const char *)data, (gssize)len, "UTF-8", "UTF-16", NULL, &n_written, NULL);
        return text != NULL ? g_bytes_new_take(text, n_written) : NULL;
    }
    return g_bytes_new(data, len);
}

static void
on_bytes(GtkClipboard *clipboard, GtkSelectionData *selection, gpointer user_data)
{
    Question *question = user_data;
    int len = gtk_selection_data_get_length(selection);
    const uint8_t *data = gtk_selection_data_get_data(selection);
    GBytes *content = NULL;

    if (len > 0 && data != NULL) {
        content = question->type == BERTH_CLIPBOARD_HTML ? to_utf8(data, (size_t)len)
                                                         : g_bytes_new(data, (gsize)len);
    }
    give(question, content);
}

static void
on_picture(GtkClipboard *clipboard, GdkPixbuf *picture, gpointer user_data)
{
    char *data = NULL;
    gsize len = 0;
    bool is_good = picture != NULL && gdk_pixbuf_save_to_buffer(picture, &data, &len, "png", NULL,
                                                                "compression", "1", NULL);

    give(user_data, is_good ? g_bytes_new_take(data, len) : NULL);
}

/* Asks another program for what it has; the question is answered with give(). */
static void
ask_content(Side *side, Question *question, BerthClipboardType type)
{
    question->type = type;
    if (type == BERTH_CLIPBOARD_TEXT) {
        gtk_clipboard_request_text(side->clipboard, on_text, question);
    } else if (type == BERTH_CLIPBOARD_HTML) {
        gtk_clipboard_request_contents(side->clipboard, gdk_atom_intern_static_string("text/html"),
                                       on_bytes, question);
    } else if (side->has_png) {
        gtk_clipboard_request_contents(side->clipboard, gdk_atom_intern_static_string("image/png"),
                                       on_bytes, question);
    } else {
        gtk_clipboard_request_image(side->clipboard, on_picture, question);
    }
}

static void
on_wanted(BerthSelection selection, BerthClipboardType type, uint32_t serial, void *user_data)
{
    BerthClipboard *self = user_data;
    Question *question = new_question(&self->sides[selection]);

    question->serial = serial;
    ask_content(&self->sides[selection], question, type);
}

/* --- what the guest has --- */

static void
answer_paste(Paste *paste, GBytes *content)
{
    if (!paste->is_answered) {
        paste->is_answered = true;
        paste->content = content != NULL ? g_bytes_ref(content) : NULL;
    }
}

static void
on_content(BerthSelection selection, BerthClipboardType type, BerthClipboardStatus status,
           GBytes *content, void *user_data)
{
    BerthClipboard *self = user_data;

    for (GSList *at = self->pastes; at != NULL; at = at->next) {
        Paste *paste = at->data;

        if (paste->selection == selection && paste->type == type) {
            answer_paste(paste, content);
        }
    }
    if (status == BERTH_CLIPBOARD_TOO_LARGE && self->note != NULL) {
        self->note(berth_clipboard_status_sentence(status), self->user_data);
    }
}

/* The rest of the answer is thrown away when it comes. */
static gboolean
on_paste_late(gpointer user_data)
{
    Paste *paste = user_data;

    paste->late_source = 0;
    if (!paste->is_answered) {
        berth_clipboard_share_forget(paste->share, paste->selection);
    }
    return G_SOURCE_REMOVE;
}

/* Fetches a content while a program waits; self is held.  Returns NULL if it does not come. */
static GBytes *
fetch(BerthClipboard *self, BerthSelection selection, BerthClipboardType type)
{
    Paste paste = { .share = self->share, .selection = selection, .type = type };

    if (self->share == NULL || g_slist_length(self->pastes) >= MAX_PASTES) {
        return NULL;
    }
    self->pastes = g_slist_prepend(self->pastes, &paste);
    paste.late_source = g_timeout_add(PASTE_MS, on_paste_late, &paste);
    berth_clipboard_share_ask(self->share, selection, type);
    while (!paste.is_answered) {
        g_main_context_iteration(NULL, TRUE);
    }
    g_clear_handle_id(&paste.late_source, g_source_remove);
    self->pastes = g_slist_remove(self->pastes, &paste);
    return paste.content;
}

/* Hands a content of the guest over to the program that pastes. */
static void
hand_over(Side *side, GtkSelectionData *selection, BerthClipboardType type, GBytes *content)
{
    gsize len = 0;
    const uint8_t *data = g_bytes_get_data(content, &len);

    if (!side->owner->is_gone) {
        g_clear_pointer(&side->pasted, g_bytes_unref);
        side->pasted = g_bytes_ref(content);
        side->pasted_type = type;
    }
    if (type == BERTH_CLIPBOARD_TEXT) {
        gtk_selection_data_set_text(selection, data != NULL ? (const char *)data : "", (int)len);
    } else {
        gtk_selection_data_set(selection, gtk_selection_data_get_target(selection), 8, data,
                               (int)len);
    }
}

static void
on_get(GtkClipboard *clipboard, GtkSelectionData *selection, guint info, gpointer user_data)
{
    Side *side = g_object_get_data(user_data, OWNER_KEY);
    BerthClipboard *self;
    GBytes *content;

    if (side == NULL) {
        return;
    }
    self = g_rc_box_acquire(side->owner);
    content = fetch(self, side->selection, (BerthClipboardType)info);
    if (content != NULL) {
        hand_over(side, selection, (BerthClipboardType)info, content);
        g_bytes_unref(content);
    }
    g_rc_box_release(self);
}

static void
on_clear(GtkClipboard *clipboard, gpointer user_data)
{
}

/* Puts what the guest has on the clipboard, or takes it away. */
static void
show_offer(Side *side)
{
    GtkTargetList *list;
    GtkTargetEntry *entries;
    int n_entries = 0;

    side->has_news = false;
    g_clear_pointer(&side->pasted, g_bytes_unref);
    if (side->offered == 0) {
        if (is_ours(side)) {
            gtk_clipboard_clear(side->clipboard);
        }
        return;
    }
    list = gtk_target_list_new(NULL, 0);
    if ((side->offered & BERTH_CLIPBOARD_BIT(BERTH_CLIPBOARD_TEXT)) != 0) {
        gtk_target_list_add_text_targets(list, BERTH_CLIPBOARD_TEXT);
    }
    if ((side->offered & BERTH_CLIPBOARD_BIT(BERTH_CLIPBOARD_HTML)) != 0) {
        gtk_target_list_add(list, gdk_atom_intern_static_string("text/html"), 0,
                            BERTH_CLIPBOARD_HTML);
    }
    if ((side->offered & BERTH_CLIPBOARD_BIT(BERTH_CLIPBOARD_PNG)) != 0) {
        gtk_target_list_add(list, gdk_atom_intern_static_string("image/png"), 0,
                            BERTH_CLIPBOARD_PNG);
    }
    entries = gtk_target_table_new_from_list(list, &n_entries);
    side->generation++; /* answers about what was there before are old */
    gtk_clipboard_set_with_owner(side->clipboard, entries, (guint)n_entries, on_get, on_clear,
                                 side->token);
    gtk_target_table_free(entries, n_entries);
    gtk_target_list_unref(list);
}

static gboolean
on_news(gpointer user_data)
{
    BerthClipboard *self = user_data;

    self->news_source = 0;
    for (int i = 0; i < BERTH_N_SELECTIONS; i++) {
        if (self->sides[i].has_news) {
            show_offer(&self->sides[i]);
        }
    }
    return G_SOURCE_REMOVE;
}

static void
on_offered(BerthSelection selection, unsigned types, void *user_data)
{
    BerthClipboard *self = user_data;

    self->sides[selection].offered = types;
    self->sides[selection].has_news = true;
    if (self->news_source == 0) {
        self->news_source = g_timeout_add(NEWS_MS, on_news, self);
    }
}

static const BerthClipboardListener listener = {
    .offered = on_offered,
    .content = on_content,
    .wanted = on_wanted,
};

/* --- both --- */

void
berth_clipboard_set_share(BerthClipboard *self, BerthClipboardShare *share)
{
    if (self->share != NULL) {
        berth_clipboard_share_set_listener(self->share, NULL, NULL);
    }
    for (GSList *at = self->pastes; at != NULL; at = at->next) {
        answer_paste(at->data, NULL);
    }
    for (int i = 0; i < BERTH_N_SELECTIONS; i++) {
        on_offered((BerthSelection)i, 0, self);
    }
    self->share = share;
    if (share == NULL) {
        return;
    }
    berth_clipboard_share_set_listener(share, &listener, self);
    berth_clipboard_share_set_focus(share, self->has_focus);
    for (int i = 0; i < BERTH_N_SELECTIONS; i++) {
        look(&self->sides[i]);
    }
}

void
berth_clipboard_set_focus(BerthClipboard *self, bool has_focus)
{
    self->has_focus = has_focus;
    if (self->share != NULL) {
        berth_clipboard_share_set_focus(self->share, has_focus);
    }
}

BerthClipboard *
berth_clipboard_new(GdkDisplay *display, BerthClipboardNoteFunc note, void *user_data)
{
    BerthClipboard *self = g_rc_box_new0(BerthClipboard);

    self->note = note;
    self->user_data = user_data;
    for (int i = 0; i < BERTH_N_SELECTIONS; i++) {
        Side *side = &self->sides[i];
        GdkAtom atom =
            i == BERTH_SELECTION_PRIMARY ? GDK_SELECTION_PRIMARY : GDK_SELECTION_CLIPBOARD;

        side->owner = self;
        side->selection = (BerthSelection)i;
        side->clipboard = gtk_clipboard_get_for_display(display, atom);
        side->token = g_object_new(G_TYPE_OBJECT, NULL);
        g_object_set_data(side->token, OWNER_KEY, side);
        side->handler =
            g_signal_connect(side->clipboard, "owner-change", G_CALLBACK(on_owner_change), side);
    }
    return self;
}

void
berth_clipboard_free(BerthClipboard *self)
{
    if (self == NULL) {
        return;
    }
    berth_clipboard_set_share(self, NULL);
    g_clear_handle_id(&self->news_source, g_source_remove);
    self->note = NULL;
    self->is_gone = true;
    for (int i = 0; i < BERTH_N_SELECTIONS; i++) {
        Side *side = &self->sides[i];

        g_signal_handler_disconnect(side->clipboard, side->handler);
        g_object_set_data(side->token, OWNER_KEY, NULL);
        if (is_ours(side)) {
            gtk_clipboard_clear(side->clipboard);
        }
        g_object_unref(side->token);
        g_clear_pointer(&side->pasted, g_bytes_unref);
    }
    g_rc_box_release(self);
}
