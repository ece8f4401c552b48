// SPDX-License-Identifier: Apache-2.0
// The table of settings, their present values and how they are changed.

#include "service/settings.h"
#include "base/json-util.h"

#define DAY (24 * 3600)

static const YdSettingRule rules[] = {
    {"backup_at_once", 1, 16, "", "Disks that are copied into backups at the same time."},
    {"backup_hour", 0, 23, "h", "Hour of the server's day when backups are made."},
    {"backup_keep_daily", 1, 366, "", "Days of which the newest backup is kept."},
    {"backup_keep_monthly", 0, 120, "", "Months of which the newest backup is kept."},
    {"backup_keep_weekly", 0, 520, "", "Weeks of which the newest backup is kept."},
    {"balance_moves", 0, 64, "",
     "Desktops that are moved in ten minutes so that hosts are used alike; 0: none."},
    {"balance_spread", 1, 100, "%", "How far the use of two hosts may differ before one is moved."},
    {"lock_after", 3, 100, "", "Wrong passwords in a row after which an account is locked."},
    {"lock_seconds", 10, DAY, "s", "How long a locked account stays locked."},
    {"login_idle_seconds", 300, 30 * DAY, "s", "A log-in that was not used for so long ends."},
    {"login_max_seconds", 3600, 90 * DAY, "s", "A log-in ends after this time in any case."},
    {"max_starts", 1, 100, "", "Machines that may be starting at the same time."},
    {"media_quota_gib", 1, 1 << 20, "GiB", "What the media library may hold in all."},
    {"password_min", 8, 128, "", "Characters that a new password has at least."},
    {"personal_quota_gib", 1, 1 << 20, "GiB", "What one person's personal disks may have in all."},
    {"template_chain_max", 1, 30, "",
     "Files that a version may consist of before it is flattened."},
    {"template_scrub_days", 0, 3650, "d",
     "A version's files are read again after so long; 0: never."},
};

const YdSettingRule *
yd_settings_rules(gsize *ret_n)
{
    *ret_n = G_N_ELEMENTS(rules);
    return rules;
}

const YdSettingRule *
yd_settings_rule(const char *name)
{
    for (gsize i = 0; i < G_N_ELEMENTS(rules); i++) {
        if (g_strcmp0(rules[i].name, name) == 0)
            return &rules[i];
    }
    return NULL;
}

static gint64
configured(YdService *service, const char *name)
{
    const YdServiceConfig *config = yd_service_config(service);
    const struct {
        const char *name;
        gint64 value;
    } values[] = {
        {"backup_at_once", config->backup_at_once},
        {"backup_hour", config->backup_hour},
        {"backup_keep_daily", config->backup_keep_daily},
        {"backup_keep_monthly", config->backup_keep_monthly},
        {"backup_keep_weekly", config->backup_keep_weekly},
        {"balance_moves", config->balance_moves},
        {"balance_spread", config->balance_spread},
        {"lock_after", config->lock_after},
        {"lock_seconds", config->lock_seconds},
        {"login_idle_seconds", config->login_idle_seconds},
        {"login_max_seconds", config->login_max_seconds},
        {"max_starts", config->max_starts},
        {"media_quota_gib", config->media_quota_gib},
        {"password_min", config->password_min},
        {"personal_quota_gib", config->personal_quota_gib},
        {"template_chain_max", config->template_chain_max},
        {"template_scrub_days", config->template_scrub_days},
    };

    for (gsize i = 0; i < G_N_ELEMENTS(values); i++) {
        if (g_str_equal(values[i].name, name))
            return values[i].value;
    }
    g_return_val_if_reached(0);
}

// ---- what counts now ----

typedef struct {
    GMutex lock;
    gboolean set[G_N_ELEMENTS(rules)]; // FALSE: the configuration's counts
    gint64 value[G_N_ELEMENTS(rules)];
} Present;

static void
present_free(gpointer data)
{
    Present *present = data;

    g_mutex_clear(&present->lock);
    g_free(present);
}

static Present *
present_of(YdService *service)
{
    Present *present = yd_service_part(service, "settings");

    if (present)
        return present;
    present = g_new0(Present, 1);
    g_mutex_init(&present->lock);
    return yd_service_set_part(service, "settings", present, present_free);
}

// Whether the store has a usable value.
static gboolean
stored(YdStore *store, const YdSettingRule *rule, gint64 *ret_value)
{
    g_autofree char *text = yd_store_setting(store, rule->name, NULL);

    return text && g_ascii_string_to_signed(text, 10, rule->min, rule->max, ret_value, NULL);
}

void
yd_settings_load(YdService *service)
{
    YdStore *store = yd_service_store(service, NULL);
    Present *present = present_of(service);

    for (gsize i = 0; store && i < G_N_ELEMENTS(rules); i++) {
        gint64 value = 0;
        gboolean set = stored(store, &rules[i], &value);
        g_mutex_lock(&present->lock);
        present->set[i] = set;
        present->value[i] = value;
        g_mutex_unlock(&present->lock);
    }
}

gint64
yd_settings_int(YdService *service, const char *name)
{
    const YdSettingRule *rule = yd_settings_rule(name);
    Present *present = present_of(service);
    gboolean set;
    gint64 value;

    g_return_val_if_fail(rule, 0);
    g_mutex_lock(&present->lock);
    set = present->set[rule - rules];
    value = present->value[rule - rules];
    g_mutex_unlock(&present->lock);
    return set ? value : configured(service, name);
}

json_t *
yd_settings_get(YdService *service, const YdActor *actor, GError **error)
{
    json_t *all;

    if (!yd_service_allowed(actor, YD_RIGHT_SETTINGS, error))
        return NULL;
    all = json_object();
    for (gsize i = 0; i < G_N_ELEMENTS(rules); i++) {
        const YdSettingRule *rule = &rules[i];
        json_object_set_new(all, rule->name,
                            json_pack("{s:I, s:I, s:I, s:I, s:s, s:s}", "value",
                                      (json_int_t)yd_settings_int(service, rule->name), "default",
                                      (json_int_t)configured(service, rule->name), "min",
                                      (json_int_t)rule->min, "max", (json_int_t)rule->max, "unit",
                                      rule->unit, "what", rule->what));
    }
    return all;
}

static gboolean
check_change(const char *name, const json_t *value, GError **error)
{
    const YdSettingRule *rule = yd_settings_rule(name);
    gint64 number = json_integer_value(value);

    if (!rule)
        return yd_error_invalid(error, name, "there is no such setting");
    if (json_is_null(value))
        return TRUE;
    if (!json_is_integer(value))
        return yd_error_invalid(error, name, "must be a whole number or null, not %s",
                                yd_json_type_name(value));
    if (number < rule->min || number > rule->max)
        return yd_error_invalid(error, name,
                                "%" G_GINT64_FORMAT " is outside of %" G_GINT64_FORMAT
                                " to %" G_GINT64_FORMAT " %s",
                                number, rule->min, rule->max, rule->unit);
    return TRUE;
}

static gboolean
apply_change(YdStore *store, const char *name, const json_t *value, GError **error)
{
    g_autofree char *text =
        json_is_null(value)
            ? NULL
            : g_strdup_printf("%" G_GINT64_FORMAT, (gint64)json_integer_value(value));

    return yd_store_set_setting(store, name, text ? text : "null", error);
}

gboolean
yd_settings_set(YdService *service, const YdActor *actor, const json_t *changes, GError **error)
{
    g_autofree char *details = NULL;
    g_autoptr(YdStoreTx) tx = NULL;
    YdStore *store;
    const char *name;
    json_t *value;

    if (!yd_service_allowed(actor, YD_RIGHT_SETTINGS, error))
        return FALSE;
    if (!json_is_object(changes))
        return yd_error_invalid(error, NULL, "settings must be an object, not %s",
                                yd_json_type_name(changes));
    json_object_foreach((json_t *)changes, name, value)
    {
        if (!check_change(name, value, error))
            return FALSE;
    }
    store = yd_service_store(service, error);
    if (!store || !(tx = yd_store_tx(store, error)))
        return FALSE;
    json_object_foreach((json_t *)changes, name, value)
    {
        if (!apply_change(store, name, value, error))
            return FALSE;
    }
    details = yd_json_text(changes);
    if (!yd_service_audit(service, actor, "settings.change", "settings", NULL, NULL, details,
                          error) ||
        !yd_store_tx_commit(&tx, error))
        return FALSE;
    yd_settings_load(service);
    return TRUE;
}
