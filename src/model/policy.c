// SPDX-License-Identifier: Apache-2.0
// A pool's policy: JSON ↔ struct, by tables of its members.
#include "model/policy.h"

#include <string.h>

#include "base/error.h"
#include "base/json-util.h"
#include "model/members.h"

static const YdMember switches[] = {
    YD_SWITCH(YdPolicy, drives),
    YD_SWITCH(YdPolicy, printers),
    YD_SWITCH(YdPolicy, clipboard),
    YD_SWITCH(YdPolicy, audio),
    YD_SWITCH(YdPolicy, usb),
    YD_SWITCH(YdPolicy, serial),
    YD_SWITCH(YdPolicy, smartcards),
    YD_SWITCH(YdPolicy, multimon),
    YD_SWITCH(YdPolicy, balloon_free_pages),
    YD_SWITCH(YdPolicy, fixed_port),
    YD_SWITCH(YdPolicy, restore_by_person),
    YD_SWITCH(YdPolicy, backup_desktops),
    YD_SWITCH(YdPolicy, backup_personal),
};

static const YdMember numbers[] = {
    YD_NUMBER(YdPolicy, shutdown_seconds, 1, 3600),
    YD_NUMBER(YdPolicy, ready_seconds, 10, 7200),
    YD_NUMBER(YdPolicy, idle_seconds, 0, 7 * 86400),
    YD_NUMBER(YdPolicy, idle_notice_seconds, 5, 3600),
    YD_NUMBER(YdPolicy, restore_nightly, 0, 30),
    YD_NUMBER(YdPolicy, restore_hour, 0, 23),
};

static const char *const sources[] = {"exact", "net", "none", NULL};

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
                         .backup_personal = TRUE,
                         .source = "exact",
                         .shutdown_seconds = 60,
                         .ready_seconds = 600,
                         .idle_notice_seconds = 60,
                         .restore_hour = 1};
}

static gboolean
read_source(YdPolicy *policy, const json_t *object, GError **error)
{
    const char *source = NULL;
    if (!yd_json_string(object, "source", &source, error))
        return FALSE;
    if (!source)
        return TRUE;
    if (!g_strv_contains(sources, source))
        return yd_error_invalid(error, "source", "must be exact, net or none");
    g_strlcpy(policy->source, source, sizeof policy->source);
    return TRUE;
}

static gboolean
read_member(gpointer policy, const json_t *object, const char *name, gboolean *ret_known,
            GError **error)
{
    if (!yd_member_read(switches, G_N_ELEMENTS(switches), policy, object, name, ret_known, error))
        return FALSE;
    if (!*ret_known &&
        !yd_member_read(numbers, G_N_ELEMENTS(numbers), policy, object, name, ret_known, error))
        return FALSE;
    if (*ret_known || strcmp(name, "source") != 0)
        return TRUE;
    *ret_known = TRUE;
    return read_source(policy, object, error);
}

gboolean
yd_policy_parse(const char *json, YdPolicy *ret_policy, GError **error)
{
    YdPolicy policy;
    yd_policy_init(&policy);
    if (!yd_members_parse(json, "policy", read_member, &policy, error))
        return FALSE;
    *ret_policy = policy;
    return TRUE;
}

char *
yd_policy_json(const YdPolicy *policy)
{
    g_autoptr(json_t) object = json_object();
    yd_members_write(switches, G_N_ELEMENTS(switches), policy, object);
    json_object_set_new(object, "source", json_string(policy->source));
    yd_members_write(numbers, G_N_ELEMENTS(numbers), policy, object);
    return yd_json_text(object);
}
