// SPDX-License-Identifier: Apache-2.0
// Looks names up with the API's own search, then compares exactly here.
#include "deskctl/refs.h"

#include <string.h>

#include "base/error.h"
#include "base/id.h"
#include "deskctl/nouns.h"
#include "rest/path.h"

#define PAGE 200
#define MAX_LISTED 10

static const char *
text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

// Appends one page's items to all. ret_next is NULL after the last page.
static gboolean
fetch_page(Ctl *ctl, const char *path, guint limit, const char *cursor, json_t *all,
           char **ret_next, GError **error)
{
    g_autoptr(GString) full = g_string_new(path);
    g_autofree char *count = g_strdup_printf("%u", limit);
    yd_path_query(full, "limit", count);
    yd_path_query(full, "cursor", cursor);
    g_autoptr(json_t) page = yd_rest_get(ctl->rest, full->str, error);
    if (!page)
        return FALSE;
    const json_t *items = json_is_array(page) ? page : json_object_get(page, "items");
    if (!json_is_array(items)) {
        g_set_error(error, YD_ERROR, YD_ERROR_INTERNAL, "the server's list at %s has no items",
                    path);
        return FALSE;
    }
    json_array_extend(all, (json_t *)items);
    const char *next = json_is_array(page) ? NULL : text_of(page, "next");
    *ret_next = g_strdup(next);
    return TRUE;
}

json_t *
ctl_fetch(Ctl *ctl, const char *path, guint limit, gboolean *ret_more, GError **error)
{
    g_autoptr(json_t) all = json_array();
    g_autofree char *cursor = NULL;
    do {
        guint have = (guint)json_array_size(all);
        g_autofree char *next = NULL;
        guint want = limit ? MIN(PAGE, limit - have) : PAGE;
        if (!fetch_page(ctl, path, want, cursor, all, &next, error))
            return NULL;
        g_free(cursor);
        cursor = g_steal_pointer(&next);
    } while (cursor && (!limit || json_array_size(all) < limit));
    if (ret_more)
        *ret_more = cursor != NULL;
    return g_steal_pointer(&all);
}

static gboolean
names(const CtlNoun *noun, const json_t *item, const char *text, guint key)
{
    const char *value = noun->keys[key] ? text_of(item, noun->keys[key]) : NULL;
    return value && g_str_equal(value, text);
}

static void
list_some(GString *out, const CtlNoun *noun, const GPtrArray *items, gboolean ids)
{
    for (guint i = 0; i < items->len && i < MAX_LISTED; i++) {
        const json_t *item = g_ptr_array_index(items, i);
        const char *name = text_of(item, noun->keys[0]);
        g_string_append_printf(out, "%s%s", i ? ", " : "", name ? name : "?");
        if (ids)
            g_string_append_printf(out, " (%s)", text_of(item, "id"));
    }
    if (items->len > MAX_LISTED)
        g_string_append_printf(out, " and %u more", items->len - MAX_LISTED);
}

const json_t *
ctl_pick(const CtlNoun *noun, const char *text, const json_t *items, GError **error)
{
    g_autoptr(GPtrArray) near = g_ptr_array_new();
    g_autoptr(GString) list = g_string_new(NULL);
    for (gsize i = 0; i < json_array_size(items); i++)
        g_ptr_array_add(near, json_array_get(items, i));
    for (guint key = 0; key < G_N_ELEMENTS(noun->keys) && noun->keys[key]; key++) {
        g_autoptr(GPtrArray) same = g_ptr_array_new();
        for (guint i = 0; i < near->len; i++) {
            if (names(noun, g_ptr_array_index(near, i), text, key))
                g_ptr_array_add(same, g_ptr_array_index(near, i));
        }
        if (same->len == 1)
            return g_ptr_array_index(same, 0);
        if (same->len > 1) {
            list_some(list, noun, same, TRUE);
            yd_error_invalid(error, NULL, "'%s' is the name of several %s; give the id: %s", text,
                             noun->plural, list->str);
            return NULL;
        }
    }
    list_some(list, noun, near, FALSE);
    if (near->len)
        g_set_error(error, YD_ERROR, YD_ERROR_NOT_FOUND, "there is no %s '%s'; alike: %s",
                    noun->name, text, list->str);
    else
        g_set_error(error, YD_ERROR, YD_ERROR_NOT_FOUND, "there is no %s '%s' (deskctl %s list)",
                    noun->name, text, noun->name);
    return NULL;
}

json_t *
ctl_find(Ctl *ctl, const CtlNoun *noun, const char *text, GError **error)
{
    if (yd_id_valid(text, noun->prefix)) {
        g_autofree char *path = yd_path(noun->plural, text, NULL);
        return yd_rest_get(ctl->rest, path, error);
    }
    if (!noun->keys[0]) {
        g_set_error(error, CTL_USAGE, 0, "'%s' is not the id of a %s (%s-…)", text, noun->name,
                    noun->prefix);
        return NULL;
    }
    g_autofree char *head = g_strconcat("/", noun->plural, NULL);
    g_autoptr(GString) path = g_string_new(head);
    yd_path_query(path, "search", text);
    g_autoptr(json_t) items = ctl_fetch(ctl, path->str, 1000, NULL, error);
    const json_t *found = items ? ctl_pick(noun, text, items, error) : NULL;
    return found ? json_incref((json_t *)found) : NULL;
}

char *
ctl_find_id(Ctl *ctl, const CtlNoun *noun, const char *text, GError **error)
{
    if (yd_id_valid(text, noun->prefix))
        return g_strdup(text);
    g_autoptr(json_t) object = ctl_find(ctl, noun, text, error);
    return object ? g_strdup(text_of(object, "id")) : NULL;
}

json_t *
ctl_find_ids(Ctl *ctl, const CtlNoun *noun, const char *option, GError **error)
{
    const GPtrArray *names = ctl_args_all(ctl->args, option);
    g_autoptr(json_t) ids = json_array();
    for (guint i = 0; names && i < names->len; i++) {
        g_autofree char *id = ctl_find_id(ctl, noun, g_ptr_array_index(names, i), error);
        if (!id)
            return NULL;
        json_array_append_new(ids, json_string(id));
    }
    return g_steal_pointer(&ids);
}

// Which version of the template's is meant: that number, or the newest ready one for 0.
static const json_t *
choose_version(const json_t *versions, gint64 number)
{
    const json_t *best = NULL;
    for (gsize i = 0; i < json_array_size(versions); i++) {
        const json_t *version = json_array_get(versions, i);
        gint64 own = json_integer_value(json_object_get(version, "number"));
        if (number ? own == number
                   : g_strcmp0(text_of(version, "state"), "ready") == 0 &&
                         (!best || own > json_integer_value(json_object_get(best, "number"))))
            best = version;
    }
    return best;
}

char *
ctl_find_version(Ctl *ctl, const char *text, GError **error)
{
    if (yd_id_valid(text, "tpv"))
        return g_strdup(text);
    const char *colon = strrchr(text, ':');
    guint64 number = 0;
    gboolean numbered =
        colon && g_ascii_string_to_unsigned(colon + 1, 10, 1, G_MAXINT32, &number, NULL);
    g_autofree char *name = numbered ? g_strndup(text, (gsize)(colon - text)) : g_strdup(text);
    g_autofree char *id = ctl_find_id(ctl, &ctl_noun_template, name, error);
    if (!id)
        return NULL;
    g_autofree char *path = yd_path("templates", id, "versions");
    g_autoptr(json_t) versions = ctl_fetch(ctl, path, 0, NULL, error);
    if (!versions)
        return NULL;
    const json_t *version = choose_version(versions, (gint64)number);
    if (version)
        return g_strdup(text_of(version, "id"));
    if (numbered)
        g_set_error(error, YD_ERROR, YD_ERROR_NOT_FOUND, "template '%s' has no version %u", name,
                    (guint)number);
    else
        g_set_error(error, YD_ERROR, YD_ERROR_NOT_FOUND,
                    "template '%s' has no version that is ready (deskctl template versions %s)",
                    name, name);
    return NULL;
}
