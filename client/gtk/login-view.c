/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "client/gtk/login-view.h"

#include "client/gtk/widgets.h"

#include "berth/limits.h"

#include <glib/gi18n.h>
#include <string.h>

#define FIELD_CHARS 30
#define GAP_PX 12

struct BerthLoginView {
    GtkWidget *page;
    GtkWidget *profile_row, *profiles;
    GtkWidget *broker, *user, *password;
    GtkWidget *ca, *certificate, *key;
    GtkWidget *button, *device, *providers;
    GtkWidget *error_box, *error_label;
    char *looked; /* broker whose providers are shown */
    bool is_filling;
    BerthLoginViewCallbacks callbacks;
    void *user_data;
};

static GtkWidget *
add_field(GtkGrid *grid, int row, const char *label, GtkWidget *field)
{
    GtkWidget *name = gtk_label_new_with_mnemonic(label);

    gtk_widget_set_halign(name, GTK_ALIGN_END);
    gtk_style_context_add_class(gtk_widget_get_style_context(name), "dim-label");
    gtk_label_set_mnemonic_widget(GTK_LABEL(name), field);
    gtk_widget_set_hexpand(field, TRUE);
    gtk_grid_attach(grid, name, 0, row, 1, 1);
    gtk_grid_attach(grid, field, 1, row, 1, 1);
    return field;
}

static GtkWidget *
new_entry(const char *placeholder)
{
    GtkWidget *entry = gtk_entry_new();

    gtk_entry_set_width_chars(GTK_ENTRY(entry), FIELD_CHARS);
    gtk_entry_set_placeholder_text(GTK_ENTRY(entry), placeholder);
    gtk_entry_set_activates_default(GTK_ENTRY(entry), TRUE);
    return entry;
}

static const char *
text_of(GtkWidget *entry)
{
    return gtk_entry_get_text(GTK_ENTRY(entry));
}

static char *
file_of(GtkWidget *chooser)
{
    return gtk_file_chooser_get_filename(GTK_FILE_CHOOSER(chooser));
}

static void
tell_file(GtkWidget *child, gpointer user_data)
{
    if (GTK_IS_BUTTON(child)) {
        g_autofree char *path = file_of(user_data);
        g_autofree char *name = path != NULL ? g_path_get_basename(path) : g_strdup("");

        atk_object_set_name(gtk_widget_get_accessible(child),
                            gtk_file_chooser_button_get_title(user_data));
        atk_object_set_description(gtk_widget_get_accessible(child), name);
    }
}

/* The button inside is called "(None)" or by the file, but not what the file is for. */
static void
name_file_button(GtkWidget *chooser)
{
    gtk_container_forall(GTK_CONTAINER(chooser), tell_file, chooser);
}

static void
update_buttons(BerthLoginView *self)
{
    g_autofree char *certificate = file_of(self->certificate);
    bool has_broker = text_of(self->broker)[0] != '\0';

    name_file_button(self->ca);
    name_file_button(self->certificate);
    name_file_button(self->key);
    gtk_widget_set_sensitive(self->button, has_broker && text_of(self->user)[0] != '\0' &&
                                               text_of(self->password)[0] != '\0');
    gtk_widget_set_visible(self->device, certificate != NULL);
    gtk_widget_set_sensitive(self->device, has_broker);
}

/* Calls back with what the fields say; the copies outlive what the callback does to the page. */
static void
submit(BerthLoginView *self, const BerthCredentials *credentials,
       void (*func)(const BerthLoginForm *form, void *user_data))
{
    g_autofree char *broker = g_strstrip(g_strdup(text_of(self->broker)));
    g_autofree char *ca = file_of(self->ca);
    g_autofree char *certificate = file_of(self->certificate);
    g_autofree char *key = file_of(self->key);
    g_autofree char *user = g_strstrip(g_strdup(text_of(self->user)));
    BerthLoginForm form = {
        .broker = broker,
        .files = { .ca_file = ca, .certificate_file = certificate, .key_file = key },
        .credentials = *credentials,
    };

    form.credentials.user = user;
    func(&form, self->user_data);
}

static void
on_login(GtkButton *button, gpointer user_data)
{
    BerthLoginView *self = user_data;
    const char *typed = text_of(self->password);
    g_autoptr(BerthSecret) password = berth_secret_new_copy(typed, strlen(typed));
    const BerthCredentials credentials = { .kind = BERTH_PROOF_PASSWORD, .password = password };

    gtk_entry_set_text(GTK_ENTRY(self->password), "");
    berth_login_view_show_error(self, NULL);
    submit(self, &credentials, self->callbacks.login);
}

static void
on_device(GtkButton *button, gpointer user_data)
{
    BerthLoginView *self = user_data;
    const BerthCredentials credentials = { .kind = BERTH_PROOF_DEVICE };

    berth_login_view_show_error(self, NULL);
    submit(self, &credentials, self->callbacks.login);
}

static void
on_provider(GtkWidget *button, gpointer user_data)
{
    BerthLoginView *self = user_data;
    const BerthId *id = g_object_get_data(G_OBJECT(button), "berth-provider");
    const BerthCredentials credentials = { .kind = BERTH_PROOF_PROVIDER, .provider = *id };

    berth_login_view_show_error(self, NULL);
    submit(self, &credentials, self->callbacks.login);
}

/* Another broker may have other providers; an empty field has none. */
static void
look(BerthLoginView *self)
{
    const BerthCredentials nothing = { .kind = BERTH_PROOF_PASSWORD };
    const char *broker = text_of(self->broker);

    if (g_strcmp0(self->looked, broker) == 0) {
        return;
    }
    g_free(self->looked);
    self->looked = g_strdup(broker);
    berth_login_view_set_providers(self, NULL);
    if (broker[0] != '\0') {
        submit(self, &nothing, self->callbacks.look);
    }
}

static gboolean
on_broker_left(GtkWidget *entry, GdkEvent *event, gpointer user_data)
{
    look(user_data);
    return GDK_EVENT_PROPAGATE;
}

static void
on_profile(GtkComboBox *combo, gpointer user_data)
{
    BerthLoginView *self = user_data;
    g_autofree char *name = gtk_combo_box_text_get_active_text(GTK_COMBO_BOX_TEXT(combo));

    if (!self->is_filling && name != NULL) {
        self->callbacks.profile(name, self->user_data);
    }
}

static void
on_forget(BerthLoginView *self)
{
    self->callbacks.forget(self->user_data);
}

/* Where several brokers were used: which one. */
static GtkWidget *
new_profile_row(BerthLoginView *self)
{
    GtkWidget *row = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 6);
    GtkWidget *forget = berth_icon_button_new("edit-delete-symbolic", _("Forget this site"));

    self->profiles = gtk_combo_box_text_new();
    atk_object_set_name(gtk_widget_get_accessible(self->profiles), _("Site"));
    g_signal_connect(self->profiles, "changed", G_CALLBACK(on_profile), self);
    g_signal_connect_swapped(forget, "clicked", G_CALLBACK(on_forget), self);
    gtk_box_pack_start(GTK_BOX(row), self->profiles, TRUE, TRUE, 0);
    gtk_box_pack_start(GTK_BOX(row), forget, FALSE, FALSE, 0);
    gtk_widget_show_all(row);
    gtk_widget_set_no_show_all(row, TRUE);
    return row;
}

static GtkWidget *
new_file_button(BerthLoginView *self, const char *title)
{
    GtkWidget *button = gtk_file_chooser_button_new(title, GTK_FILE_CHOOSER_ACTION_OPEN);

    g_signal_connect_swapped(button, "file-set", G_CALLBACK(update_buttons), self);
    return button;
}

static GtkWidget *
new_files_row(BerthLoginView *self)
{
    GtkWidget *expander = gtk_expander_new_with_mnemonic(_("_Certificates"));
    GtkWidget *grid = gtk_grid_new();
    GtkWidget *hint = gtk_label_new(_("Only needed if your administrator gave you files."));

    gtk_widget_set_halign(hint, GTK_ALIGN_START);
    gtk_style_context_add_class(gtk_widget_get_style_context(hint), "dim-label");
    gtk_grid_set_row_spacing(GTK_GRID(grid), 8);
    gtk_grid_set_column_spacing(GTK_GRID(grid), GAP_PX);
    gtk_grid_attach(GTK_GRID(grid), hint, 0, 0, 2, 1);
    self->ca = add_field(GTK_GRID(grid), 1, _("_Authority"),
                         new_file_button(self, _("Certificate authority")));
    self->certificate = add_field(GTK_GRID(grid), 2, _("_Device"),
                                  new_file_button(self, _("Certificate of this device")));
    self->key =
        add_field(GTK_GRID(grid), 3, _("Its _key"), new_file_button(self, _("Key of this device")));
    gtk_widget_set_margin_top(grid, 6);
    gtk_container_add(GTK_CONTAINER(expander), grid);
    return expander;
}

static GtkWidget *
new_fields(BerthLoginView *self)
{
    GtkWidget *grid = gtk_grid_new();

    gtk_grid_set_row_spacing(GTK_GRID(grid), 10);
    gtk_grid_set_column_spacing(GTK_GRID(grid), GAP_PX);
    self->broker =
        add_field(GTK_GRID(grid), 0, _("_Broker"), new_entry("https://desktops.example.org"));
    gtk_entry_set_input_purpose(GTK_ENTRY(self->broker), GTK_INPUT_PURPOSE_URL);
    self->user = add_field(GTK_GRID(grid), 1, _("_User name"), new_entry(""));
    self->password = add_field(GTK_GRID(grid), 2, _("_Password"), new_entry(""));
    gtk_entry_set_visibility(GTK_ENTRY(self->password), FALSE);
    gtk_entry_set_input_purpose(GTK_ENTRY(self->password), GTK_INPUT_PURPOSE_PASSWORD);
    gtk_entry_set_max_length(GTK_ENTRY(self->password), BERTH_LIMIT_PASSWORD_BYTES);
    g_signal_connect_swapped(self->broker, "changed", G_CALLBACK(update_buttons), self);
    g_signal_connect_swapped(self->user, "changed", G_CALLBACK(update_buttons), self);
    g_signal_connect_swapped(self->password, "changed", G_CALLBACK(update_buttons), self);
    g_signal_connect(self->broker, "focus-out-event", G_CALLBACK(on_broker_left), self);
    return grid;
}

static void
on_default_ready(GtkWidget *button, gpointer user_data)
{
    gtk_widget_grab_default(button);
}

static GtkWidget *
new_buttons(BerthLoginView *self)
{
    GtkWidget *box = gtk_box_new(GTK_ORIENTATION_VERTICAL, 8);

    self->button = gtk_button_new_with_mnemonic(_("_Log in"));
    gtk_style_context_add_class(gtk_widget_get_style_context(self->button), "suggested-action");
    gtk_widget_set_can_default(self->button, TRUE);
    g_signal_connect(self->button, "clicked", G_CALLBACK(on_login), self);
    g_signal_connect(self->button, "map", G_CALLBACK(on_default_ready), NULL);
    self->device = gtk_button_new_with_mnemonic(_("Log in by the certificate of this d_evice"));
    gtk_widget_set_no_show_all(self->device, TRUE);
    g_signal_connect(self->device, "clicked", G_CALLBACK(on_device), self);
    self->providers = gtk_box_new(GTK_ORIENTATION_VERTICAL, 8);
    gtk_box_pack_start(GTK_BOX(box), self->button, FALSE, FALSE, 0);
    gtk_box_pack_start(GTK_BOX(box), self->device, FALSE, FALSE, 0);
    gtk_box_pack_start(GTK_BOX(box), self->providers, FALSE, FALSE, 0);
    return box;
}

static void
login_view_free(gpointer data)
{
    BerthLoginView *self = data;

    g_free(self->looked);
    g_free(self);
}

BerthLoginView *
berth_login_view_new(const BerthLoginViewCallbacks *callbacks, void *user_data)
{
    BerthLoginView *self = g_new0(BerthLoginView, 1);
    GtkWidget *card = berth_card_new("org.berth.Berth-symbolic", _("Welcome to Berth"),
                                     _("Log in to reach your desktops."));

    self->callbacks = *callbacks;
    self->user_data = user_data;
    self->error_box = berth_error_box_new(&self->error_label);
    self->profile_row = new_profile_row(self);
    gtk_box_pack_start(GTK_BOX(card), self->error_box, FALSE, FALSE, 0);
    gtk_box_pack_start(GTK_BOX(card), self->profile_row, FALSE, FALSE, 0);
    gtk_box_pack_start(GTK_BOX(card), new_fields(self), FALSE, FALSE, 0);
    gtk_box_pack_start(GTK_BOX(card), new_files_row(self), FALSE, FALSE, 0);
    gtk_box_pack_start(GTK_BOX(card), new_buttons(self), FALSE, FALSE, 0);
    self->page = berth_page_new(card);
    update_buttons(self);
    g_object_set_data_full(G_OBJECT(self->page), "berth-view", self, login_view_free);
    return self;
}

GtkWidget *
berth_login_view_get_widget(BerthLoginView *self)
{
    return self->page;
}

static void
set_file(GtkWidget *chooser, const char *file)
{
    g_autofree char *path = file[0] != '\0' ? g_canonicalize_filename(file, NULL) : NULL;

    if (path != NULL) {
        gtk_file_chooser_set_filename(GTK_FILE_CHOOSER(chooser), path);
    } else {
        gtk_file_chooser_unselect_all(GTK_FILE_CHOOSER(chooser));
    }
}

static void
fill_profiles(BerthLoginView *self, const BerthSettings *settings)
{
    GtkComboBoxText *combo = GTK_COMBO_BOX_TEXT(self->profiles);

    self->is_filling = true;
    gtk_combo_box_text_remove_all(combo);
    for (guint i = 0; i < settings->profiles->len; i++) {
        const BerthProfile *profile = g_ptr_array_index(settings->profiles, i);

        gtk_combo_box_text_append(combo, NULL, profile->name);
        if (profile == settings->profile) {
            gtk_combo_box_set_active(GTK_COMBO_BOX(combo), (gint)i);
        }
    }
    gtk_widget_set_visible(self->profile_row, settings->profiles->len > 1);
    self->is_filling = false;
}

void
berth_login_view_fill(BerthLoginView *self, const BerthSettings *settings)
{
    const BerthProfile *profile = settings->profile;

    fill_profiles(self, settings);
    gtk_entry_set_text(GTK_ENTRY(self->broker), profile->broker);
    gtk_entry_set_text(GTK_ENTRY(self->user), profile->user);
    set_file(self->ca, profile->ca_file);
    set_file(self->certificate, profile->certificate_file);
    set_file(self->key, profile->key_file);
    update_buttons(self);
    gtk_widget_set_visible(self->device, profile->certificate_file[0] != '\0');
    look(self);
}

void
berth_login_view_set_providers(BerthLoginView *self, GPtrArray *providers)
{
    GtkContainer *box = GTK_CONTAINER(self->providers);

    gtk_container_foreach(box, (GtkCallback)(gpointer)gtk_widget_destroy, NULL);
    for (guint i = 0; providers != NULL && i < providers->len; i++) {
        const BerthProviderName *provider = g_ptr_array_index(providers, i);
        g_auto(GStrv) parts = g_strsplit(provider->name, "_", -1);
        g_autofree char *name = g_strjoinv("__", parts); /* it is no mnemonic there */
        g_autofree char *label = g_strdup_printf(_("Log in _with %s"), name);
        GtkWidget *button = gtk_button_new_with_mnemonic(label);

        g_object_set_data_full(G_OBJECT(button), "berth-provider",
                               g_memdup2(&provider->id, sizeof provider->id), g_free);
        g_signal_connect(button, "clicked", G_CALLBACK(on_provider), self);
        gtk_container_add(box, button);
    }
    gtk_widget_show_all(self->providers);
}

void
berth_login_view_show_error(BerthLoginView *self, const char *text)
{
    berth_error_box_set(self->error_box, self->error_label, text);
}

void
berth_login_view_focus(BerthLoginView *self)
{
    GtkWidget *fields[] = { self->broker, self->user, self->password };

    for (size_t i = 0; i < G_N_ELEMENTS(fields); i++) {
        if (text_of(fields[i])[0] == '\0') {
            gtk_editable_select_region(GTK_EDITABLE(self->broker), 0, 0);
            gtk_widget_grab_focus(fields[i]);
            return;
        }
    }
}
