// SPDX-License-Identifier: Apache-2.0
// A pool's policy: JSON ↔ struct, by one table of members.
#include "model/policy.h"

#include <string.h>

#include "base/error.h"
#include "base/json-util.h"

static const struct {
    const char *name;
    gsize offset;
} switches[] = {
    {"drives", G_STRUCT_OFFSET(YdPolicy, drives)},
    {"printers", G_STRUCT_OFFSET(YdPolicy, printers)},
    {"clipboard", G_STRUCT_OFFSET(YdPolicy, clipboard)},
    {"audio", G_STRUCT_OFFSET(YdPolicy, audio)},
    {"usb", G_STRUCT_OFFSET(YdPolicy, usb)},
    {"serial", G_STRUCT_OFFSET(YdPolicy, serial)},
    {"smartcards", G_STRUCT_OFFSET(YdPolicy, smartcards)},
    {"multimon", G_STRUCT_OFFSET(YdPolicy, multimon)},
    {"balloon_free_pages", G_STRUCT_OFFSET(YdPolicy, balloon_free_pages)},
    {"fixed_port", G_STRUCT_OFFSET(YdPolicy, fixed_port)},
};

static const struct {
    const char *name;
    gsize offset;
    gint64 min, max;
} numbers[] = {
    {"shutdown_seconds", G_STRUCT_OFFSET(YdPolicy, shutdown_seconds), 1, 3600},
    {"ready_seconds", G_STRUCT_OFFSET(YdPolicy, ready_seconds), 10, 7200},
    {"idle_seconds", G_STRUCT_OFFSET(YdPolicy, idle_seconds), 0, 7 * 86400},
    {"idle_notice_seconds", G_STRUCT_OFFSET(YdPolicy, idle_notice_seconds), 5, 3600},
};

static const char *const sources[] = {"exact", "net", "none", NULL};

static gboolean *
switch_at(const YdPolicy *policy, guint i)
{
    return (gboolean *)(gpointer)((guint8 *)(gpointer)policy + switches[i].offset);
}

static gint64 *
number_at(const YdPolicy *policy, guint i)
{
    return (gint64 *)(gpointer)((guint8 *)(gpointer)policy + numbers[i].offset);
}

void
yd_policy_init(YdPolicy *policy)
{
    *policy = (YdPolicy){.drives = TRUE,
                         .printers = TRUE,
                         .clipboard = TRUE,
                         .audio = TRUE,
                         .usb = TRUE,
                         .serial = TRUE,
                         .smartcards = TRUE,
                         .multimon = TRUE,
                         .source = "exact",
                         .shutdown_seconds = 60,
                         .ready_seconds = 600,
                         .idle_notice_seconds = 60};
}

static gboolean
member(YdPolicy *policy, const json_t *object, const char *name, gboolean *ret_known,
       GError **error)
{
    *ret_known = TRUE;
    for (guint i = 0; i < G_N_ELEMENTS(switches); i++) {
        if (strcmp(name, switches[i].name) == 0)
            return yd_json_bool(object, name, switch_at(policy, i), error);
    }
    for (guint i = 0; i < G_N_ELEMENTS(numbers); i++) {
        if (strcmp(name, numbers[i].name) == 0)
            return yd_json_int(object, name, numbers[i].min, numbers[i].max, number_at(policy, i),
                               error);
    }
    *ret_known = strcmp(name, "source") == 0;
    if (!*ret_known)
        return TRUE;
    const char *source = NULL;
    if (!yd_json_string(object, name, &source, error))
        return FALSE;
    if (!source)
        return TRUE;
    if (!g_strv_contains(sources, source))
        return yd_error_invalid(error, name, "must be exact, net or none");
    g_strlcpy(policy->source, source, sizeof policy->source);
    return TRUE;
}

gboolean
yd_policy_parse(const char *json, YdPolicy *ret_policy, GError **error)
{
    YdPolicy policy;
    yd_policy_init(&policy);
    g_autoptr(GError) cause = NULL;
    g_autoptr(json_t) object = json && *json ? yd_json_parse_object(json, &cause) : json_object();
    if (!object)
        return yd_error_invalid(error, "policy", "%s", cause ? cause->message : "no JSON");
    const char *name;
    json_t *value;
    json_object_foreach(object, name, value)
    {
        gboolean known = FALSE;
        if (!member(&policy, object, name, &known, &cause)) {
            g_set_error(error, YD_ERROR, YD_ERROR_INVALID, "policy.%s", cause->message);
            return FALSE;
        }
        if (!known) {
            g_autofree char *shown = g_strescape(name, NULL);
            return yd_error_invalid(error, "policy", "there is no member “%s”", shown);
        }
    }
    *ret_policy = policy;
    return TRUE;
}

char *
yd_policy_json(const YdPolicy *policy)
{
    g_autoptr(json_t) object = json_object();
    for (guint i = 0; i < G_N_ELEMENTS(switches); i++)
        json_object_set_new(object, switches[i].name, json_boolean(*switch_at(policy, i)));
    json_object_set_new(object, "source", json_string(policy->source));
    for (guint i = 0; i < G_N_ELEMENTS(numbers); i++)
        json_object_set_new(object, numbers[i].name, json_integer(*number_at(policy, i)));
    return yd_json_text(object);
}
