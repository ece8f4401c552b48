// SPDX-License-Identifier: Apache-2.0
// deskctl restore-point files, get, give-back: one file out of a restore point.
#include "deskctl/cmd-restore-files.h"

#include "base/error.h"
#include "deskctl/nouns.h"
#include "deskctl/progress.h"
#include "deskctl/refs.h"
#include "deskctl/table.h"
#include "deskctl/verbs.h"
#include "rest/path.h"

#define FILE_MAX ((gsize)256 << 20) // as the server's
#define FILE_SECONDS 120            // the whole file is read before its first byte comes

#define DISK                                                                                       \
    {                                                                                              \
        "disk", CTL_TEXT, "DISK",                                                                  \
            .help = "personal (paths begin at the home; the default) or system"                    \
    }

static const CtlColumn columns[] = {
    {"kind", "KIND"},
    {"bytes", "SIZE", CTL_CELL_BYTES},
    {"modified", "CHANGED", CTL_CELL_TIME},
    {"name", "NAME"},
    {0},
};

const CtlOption ctl_restore_files_options[] = {DISK, {0}};

const CtlOption ctl_restore_get_options[] = {
    DISK,
    {"output", CTL_TEXT, "FILE",
     .help = "where it goes (its own name, here); - is standard output"},
    {0},
};

static const char *
disk_of(Ctl *ctl)
{
    const char *disk = ctl_args_get(ctl->args, "disk");
    return disk ? disk : "personal";
}

// /restore-points/ID/act with disk and path, owned; NULL with error.
static GString *
question(Ctl *ctl, const char *act, const char *path, GError **error)
{
    g_autofree char *id = ctl_find_id(ctl, ctl->args->noun, ctl_args_word(ctl->args, 0), error);
    if (!id)
        return NULL;
    g_autofree char *begin = yd_path("restore-points", id, act);
    GString *all = g_string_new(begin);
    yd_path_query(all, "disk", disk_of(ctl));
    yd_path_query(all, "path", path);
    return all;
}

gboolean
ctl_run_restore_files(Ctl *ctl, GError **error)
{
    const char *path = ctl->args->words->len > 1 ? ctl_args_word(ctl->args, 1) : "/";
    g_autoptr(GString) begin = question(ctl, "files", path, error);
    g_autoptr(json_t) all = json_array();
    g_autofree char *next = NULL;
    if (!begin)
        return FALSE;
    yd_path_query(begin, "limit", "1000");
    do {
        g_autoptr(GString) where = g_string_new(begin->str);
        yd_path_query(where, "cursor", next);
        g_autoptr(json_t) page = yd_rest_get(ctl->rest, where->str, error);
        if (!page)
            return FALSE;
        json_array_extend(all, json_object_get(page, "items"));
        g_free(next);
        next = g_strdup(json_string_value(json_object_get(page, "next")));
    } while (next);
    return ctl_print_items(ctl, all, columns, error);
}

gboolean
ctl_run_restore_get(Ctl *ctl, GError **error)
{
    const char *path = ctl_args_word(ctl->args, 1), *out = ctl_args_get(ctl->args, "output");
    g_autoptr(GString) where = question(ctl, "file", path, error);
    g_autofree char *name = g_path_get_basename(path);
    g_auto(YdRestAnswer) answer = {0};
    if (!where)
        return FALSE;
    if (!out && g_file_test(name, G_FILE_TEST_EXISTS)) {
        g_set_error(error, YD_ERROR, YD_ERROR_EXISTS,
                    "there is a file \"%s\" here already; say where to by --output", name);
        return FALSE;
    }
    YdRestRequest request = {.method = "GET", .path = where->str, .most = FILE_MAX};
    yd_rest_set_timeout(ctl->rest, FILE_SECONDS);
    if (!yd_rest_send(ctl->rest, &request, &answer, error) ||
        !ctl_write_file(out ? out : name, g_bytes_get_data(answer.bytes, NULL),
                        g_bytes_get_size(answer.bytes), error))
        return FALSE;
    if (!out)
        ctl_note(ctl, "%s", name);
    return TRUE;
}

gboolean
ctl_run_restore_give(Ctl *ctl, GError **error)
{
    const char *path = ctl_args_word(ctl->args, 1);
    g_autofree char *id = ctl_find_id(ctl, ctl->args->noun, ctl_args_word(ctl->args, 0), error);
    if (!id)
        return FALSE;
    g_autofree char *where = yd_path("restore-points", id, "give-back");
    g_autoptr(json_t) body = json_pack("{s:s, s:s}", "disk", disk_of(ctl), "path", path);
    if (!body)
        return yd_error_invalid(error, "path",
                                "is not UTF-8; names are written as files shows them");
    g_autoptr(json_t) answer = yd_rest_post(ctl->rest, where, body, error);
    return ctl_tell_job(ctl, answer, "file", path, "given back", error);
}
