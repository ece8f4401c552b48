// SPDX-License-Identifier: Apache-2.0
// Names of whatever is made of a version.
#include "service/template-users.h"

#define NAMED 10

// "desktops “a”, “b” and 12 more" of the rows that fit, added to text; FALSE when it failed.
static gboolean
add_names(YdStore *store, GString *text, const YdRecordType *type, const YdCondition *conditions,
          gsize n, const char *what, GError **error)
{
    const YdQuery query = {.conditions = conditions,
                           .n_conditions = n,
                           .sort = "name",
                           .limit = NAMED,
                           .want_total = TRUE};
    g_autoptr(YdPage) page = yd_store_list(store, type, &query, error);
    const YdField *name = yd_record_field(type, "name");
    if (!page)
        return FALSE;
    for (guint i = 0; i < page->records->len; i++) {
        g_string_append(text, i > 0 ? ", " : text->len ? "; " : "");
        if (i == 0)
            g_string_append_printf(text, "%s ", what);
        g_string_append_printf(text, "“%s”", yd_record_text(page->records->pdata[i], name));
    }
    if (page->total > page->records->len)
        g_string_append_printf(text, " and %" G_GINT64_FORMAT " more",
                               page->total - (gint64)page->records->len);
    return TRUE;
}

gboolean
yd_template_version_unused(YdStore *store, const YdTemplateVersion *version, GError **error)
{
    const char *const of[] = {version->id, NULL}, *const none[] = {"", NULL},
                      *const own[] = {version->template_id, NULL};
    const YdCondition pools[] = {{"template_version_id", "=", of}};
    const YdCondition desktops[] = {{"template_version_id", "=", of}, {"template_id", "=", none}};
    const YdCondition benches[] = {{"template_version_id", "=", of}, {"template_id", "=", own}};
    g_autoptr(GString) users = g_string_new(NULL);

    if (!add_names(store, users, &yd_pool_type, pools, 1, "pool", error) ||
        !add_names(store, users, &yd_desktop_type, desktops, 2, "desktop", error) ||
        !add_names(store, users, &yd_desktop_type, benches, 2, "workbench", error))
        return FALSE;
    if (users->len == 0)
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_IN_USE,
                "version %" G_GINT64_FORMAT " of “%s” is used by %s; give the pools another "
                "version, rebuild the desktops and discard the workbenches first",
                version->number, version->template_name, users->str);
    return FALSE;
}
