// SPDX-License-Identifier: Apache-2.0
// deskctl template: templates and their versions; import of images, from here or from the server.
#include <string.h>

#include "base/error.h"
#include "deskctl/body.h"
#include "deskctl/cmd-template-change.h"
#include "deskctl/nouns.h"
#include "deskctl/progress.h"
#include "deskctl/refs.h"
#include "deskctl/verbs.h"
#include "rest/path.h"

static const CtlColumn columns[] = {
    {"name", "NAME"},
    {"os", "OS"},
    {"firmware", "FIRMWARE"},
    {"access", "ACCESS"},
    {"newest", "NEWEST", CTL_CELL_INT},
    {"versions", "VERSIONS", CTL_CELL_INT},
    {"desktops", "DESKTOPS", CTL_CELL_INT},
    {"workbenches", "WORKBENCHES", CTL_CELL_INT},
    {"disk_bytes", "TAKES", CTL_CELL_BYTES},
    {"description", "DESCRIPTION"},
    {0},
};

static const CtlColumn version_columns[] = {
    {"number", "VERSION", CTL_CELL_INT},
    {"state", "STATE"},
    {"parent_number", "FROM", CTL_CELL_PORT},
    {"disk_bytes", "TAKES", CTL_CELL_BYTES},
    {"virtual_bytes", "DISK", CTL_CELL_BYTES},
    {"depth", "FILES", CTL_CELL_INT},
    {"pools", "POOLS", CTL_CELL_INT},
    {"desktops", "DESKTOPS", CTL_CELL_INT},
    {"workbenches", "WORKBENCHES", CTL_CELL_INT},
    {"author", "BY"},
    {"created", "MADE", CTL_CELL_TIME},
    {"ram_made", "RAM IMAGE", CTL_CELL_TIME},
    {"notes", "NOTES"},
    {"error", "ERROR"},
    {"damage", "DAMAGE"},
    {0},
};

#define FIELDS                                                                                     \
    {"os", CTL_CHOICE, "linux|windows|other", "os", .help = "system in the image"},                \
    {                                                                                              \
        "description", CTL_TEXT, "TEXT", "description", .help = "for people"                       \
    }
#define FIXED                                                                                      \
    {"firmware", CTL_CHOICE, "bios|uefi", "firmware", .help = "how it boots"},                     \
    {                                                                                              \
        "access", CTL_CHOICE, "rdp|spice", "access", .help = "the way in for people"               \
    }

static const CtlOption add_options[] = {FIELDS, FIXED, {0}};
static const CtlOption edit_options[] = {
    {"name", CTL_TEXT, "NAME", "name", .help = "a new name"}, FIELDS, {0}};
static const CtlOption import_options[] = {
    FIELDS,
    FIXED,
    {"notes", CTL_TEXT, "TEXT", .help = "what is new in this version"},
    {"on-server", CTL_FLAG, .help = "FILE is a path on the server (within its import_dirs)"},
    {0},
};

static const CtlOption create_options[] = {
    {"iso", CTL_REF, "MEDIUM", "media_id", &ctl_noun_media, "the medium that it boots from"},
    {"os", CTL_CHOICE, "linux|windows-10|windows-11|windows-old", "os_type",
     .help = "sets the devices"},
    {"disk", CTL_GIB, "SIZE", "disk_gib", .help = "of the system disk; 20G without"},
    {"memory", CTL_MIB, "SIZE", "memory_mib", .help = "while it is installed; 2G without"},
    {"cpus", CTL_INT, "N", "vcpus", .help = "while it is installed; 2 without"},
    {"drivers", CTL_REF, "MEDIUM", "drivers_id", &ctl_noun_media,
     "virtio drivers for Windows; found by its label without"},
    {"network", CTL_REF, "NETWORK", "network_id", &ctl_noun_network,
     "needed where there are several"},
    {"description", CTL_TEXT, "TEXT", "description", .help = "for people"},
    FIXED,
    {"open", CTL_FLAG, .help = "show its screen in remote-viewer"},
    {0},
};
static const CtlOption ram_options[] = {
    {"vcpus", CTL_INT, "N", "vcpus", .help = "of its desktops; as its pools have, without"},
    {"memory", CTL_MIB, "SIZE", "memory_mib",
     .help = "of its desktops; as its pools have, without"},
    {"delete", CTL_FLAG, .help = "remove it instead"},
    {0},
};

static void
on_sent(goffset sent, goffset total, gpointer user_data)
{
    ctl_bytes_bar(user_data, "sending the image", sent, total);
}

// Sends the local file; the upload's name, owned.
static char *
upload(Ctl *ctl, const char *file, GError **error)
{
    g_autoptr(GFile) source = g_file_new_for_path(file);
    g_autoptr(GFileInputStream) stream = g_file_read(source, NULL, error);
    if (!stream)
        return NULL;
    g_autoptr(GFileInfo) info =
        g_file_input_stream_query_info(stream, G_FILE_ATTRIBUTE_STANDARD_SIZE, NULL, error);
    if (!info)
        return NULL;
    YdRestRequest request = {.method = "PUT",
                             .path = "/uploads",
                             .type = "application/octet-stream",
                             .stream = G_INPUT_STREAM(stream),
                             .length = g_file_info_get_size(info),
                             .progress = on_sent,
                             .user_data = ctl};
    g_auto(YdRestAnswer) answer = {0};
    if (!yd_rest_send(ctl->rest, &request, &answer, error))
        return NULL;
    return g_strdup(json_string_value(json_object_get(answer.json, "upload")));
}

// The template of that name; made, with the options given, when there is none.
static char *
find_or_make(Ctl *ctl, const char *name, GError **error)
{
    g_autoptr(GError) why = NULL;
    char *id = ctl_find_id(ctl, &ctl_noun_template, name, &why);
    if (id)
        return id;
    if (!g_error_matches(why, YD_ERROR, YD_ERROR_NOT_FOUND)) {
        g_propagate_error(error, g_steal_pointer(&why));
        return NULL;
    }
    g_autoptr(json_t) body = json_pack("{s:s}", "name", name);
    if (!ctl_body_fill(ctl, body, error))
        return NULL;
    g_autoptr(json_t) made = yd_rest_post(ctl->rest, "/templates", body, error);
    return made ? g_strdup(json_string_value(json_object_get(made, "id"))) : NULL;
}

static gboolean
run_import(Ctl *ctl, GError **error)
{
    const char *name = ctl_args_word(ctl->args, 0), *file = ctl_args_word(ctl->args, 1);
    const char *notes = ctl_args_get(ctl->args, "notes");
    gboolean on_server = ctl_args_has(ctl->args, "on-server");
    // Everything that can be wrong here is found before a template is made.
    if (!on_server && !g_file_test(file, G_FILE_TEST_IS_REGULAR))
        return yd_error_invalid(error, NULL, "'%s' is not a file on this computer", file);
    g_autofree char *id = find_or_make(ctl, name, error);
    g_autofree char *sent = id && !on_server ? upload(ctl, file, error) : NULL;
    if (!id || (!on_server && !sent))
        return FALSE;
    g_autoptr(json_t) body = json_pack("{s:s, s:s*}", on_server ? "path" : "upload",
                                       on_server ? file : sent, "notes", notes);
    g_autofree char *path = yd_path("templates", id, "versions");
    g_autoptr(json_t) answer = yd_rest_post(ctl->rest, path, body, error);
    return ctl_tell_job(ctl, answer, "template", name, "imported", error);
}

static gboolean
run_versions(Ctl *ctl, GError **error)
{
    g_autofree char *id = ctl_find_id(ctl, ctl->args->noun, ctl_args_word(ctl->args, 0), error);
    g_autofree char *path = id ? yd_path("templates", id, "versions") : NULL;
    return path && ctl_list(ctl, path, version_columns, error);
}

static gboolean
run_delete_version(Ctl *ctl, GError **error)
{
    const char *name = ctl_args_word(ctl->args, 0);
    if (!strchr(name, ':') && !g_str_has_prefix(name, "tpv-")) {
        g_set_error(error, CTL_USAGE, 0, "say which version: %s:NUMBER", name);
        return FALSE;
    }
    g_autofree char *id = ctl_find_version(ctl, name, error);
    g_autofree char *ask = g_strdup_printf("delete-version %s?", name);
    if (!id || !ctl_ask(ctl, ask, error))
        return FALSE;
    g_autofree char *path = yd_path("template-versions", id, NULL);
    YdRestRequest request = {.method = "DELETE", .path = path};
    g_auto(YdRestAnswer) answer = {0};
    g_autoptr(GError) why = NULL;
    if (!yd_rest_send(ctl->rest, &request, &answer, error))
        return FALSE;
    g_autoptr(json_t) job = ctl_wait(ctl, answer.json, &why);
    if (why) {
        g_propagate_error(error, g_steal_pointer(&why));
        return FALSE;
    }
    if (ctl->json && job)
        ctl_print_json(job);
    else
        g_print("template version %s: deleted\n", name);
    return TRUE;
}

static gboolean
run_ram(Ctl *ctl, GError **error)
{
    const char *name = ctl_args_word(ctl->args, 0);
    g_autofree char *id = ctl_find_version(ctl, name, error);
    g_autofree char *path = id ? yd_path("template-versions", id, "ram") : NULL;
    g_autoptr(json_t) body = json_object();
    g_auto(YdRestAnswer) answer = {0};
    if (!path || !ctl_body_fill(ctl, body, error))
        return FALSE;
    if (!ctl_args_has(ctl->args, "delete")) {
        g_autoptr(json_t) job = yd_rest_post(ctl->rest, path, body, error);
        return ctl_tell_job(ctl, job, "template", name, "its RAM image is ready", error);
    }
    YdRestRequest request = {.method = "DELETE", .path = path};
    if (!yd_rest_send(ctl->rest, &request, &answer, error))
        return FALSE;
    g_print("template %s: its RAM image is deleted\n", name);
    return TRUE;
}

static gboolean
run_create(Ctl *ctl, GError **error)
{
    static const char *const needed[] = {"iso", "os"};
    for (gsize i = 0; i < G_N_ELEMENTS(needed); i++) {
        if (ctl_args_has(ctl->args, needed[i]))
            continue;
        g_set_error(error, CTL_USAGE, 0, "say --%s", needed[i]);
        return FALSE;
    }
    g_autoptr(json_t) body = json_pack("{s:s}", "name", ctl_args_word(ctl->args, 0));
    if (!ctl_check_open(ctl, error) || !ctl_body_fill(ctl, body, error))
        return FALSE;
    g_autoptr(json_t) answer = yd_rest_post(ctl->rest, "/workbenches", body, error);
    return ctl_tell_workbench(ctl, answer, "its workbench runs; install the system on its screen",
                              error);
}

static const CtlCommand commands[] = {
    {"list", "", "list templates", ctl_run_list, 0, 0, CTL_LISTS | CTL_COLUMNS},
    {"show", "TEMPLATE…", "show all about templates", ctl_run_show, 1, CTL_MANY},
    {"add", "NAME", "make a template without a version", ctl_run_add, 1, 1, 0, add_options},
    {"create", "NAME --iso MEDIUM --os SYSTEM", "install a template from a medium", run_create, 1,
     1, CTL_WAITS, create_options},
    {"finish", "TEMPLATE", "what was installed becomes a version", ctl_run_template_publish, 1, 1,
     CTL_WAITS, ctl_publish_options},
    {"change", "TEMPLATE[:NUMBER]", "open a workbench on a version (the newest without)",
     ctl_run_template_change, 1, 1, CTL_WAITS, ctl_change_options},
    {"workbenches", "TEMPLATE", "list a template's workbenches", ctl_run_template_workbenches, 1, 1,
     CTL_LISTS | CTL_COLUMNS, NULL, NULL, ctl_workbench_columns},
    {"publish", "TEMPLATE", "a workbench becomes the next version, checked by booting it",
     ctl_run_template_publish, 1, 1, CTL_WAITS, ctl_publish_options},
    {"keep", "TEMPLATE", "shut a workbench down and keep its disk for later", ctl_run_template_keep,
     1, 1, CTL_WAITS, ctl_workbench_options},
    {"resume", "TEMPLATE", "start a workbench that was kept", ctl_run_template_resume, 1, 1,
     CTL_WAITS, ctl_workbench_options},
    {"discard", "TEMPLATE", "throw away a workbench", ctl_run_template_discard, 1, 1,
     CTL_ASKS | CTL_WAITS, ctl_workbench_options},
    {"import", "NAME FILE", "take an image (qcow2, raw, vmdk) as the next version", run_import, 2,
     2, CTL_WAITS, import_options},
    {"edit", "TEMPLATE", "change a template", ctl_run_edit, 1, 1, 0, edit_options},
    {"versions", "TEMPLATE", "list a template's versions", run_versions, 1, 1,
     CTL_LISTS | CTL_COLUMNS, NULL, NULL, version_columns},
    {"users", "TEMPLATE:NUMBER", "list what is made of a version", ctl_run_template_users, 1, 1,
     CTL_COLUMNS, NULL, NULL, ctl_user_columns},
    {"note", "TEMPLATE:NUMBER", "change the notes of a version", ctl_run_template_note, 1, 1, 0,
     ctl_note_options},
    {"check", "TEMPLATE:NUMBER", "check a version that failed once more",
     ctl_run_template_version_act, 1, 1, CTL_WAITS},
    {"verify", "TEMPLATE:NUMBER", "read a version's files and compare their checksums",
     ctl_run_template_version_act, 1, 1, CTL_WAITS},
    {"flatten", "TEMPLATE:NUMBER", "give a version that is built on others a file of its own",
     ctl_run_template_version_act, 1, 1, CTL_WAITS},
    {"ram", "TEMPLATE[:NUMBER]", "freeze a version's memory for desktops that start at once",
     run_ram, 1, 1, CTL_WAITS, ram_options},
    {"delete-version", "TEMPLATE:NUMBER", "delete a version that nothing needs", run_delete_version,
     1, 1, CTL_ASKS | CTL_WAITS},
    {"delete", "TEMPLATE…", "delete templates without versions", ctl_run_delete, 1, CTL_MANY,
     CTL_ASKS | CTL_WAITS},
    {0},
};

const CtlNoun ctl_noun_template = {
    "template", "templates", "tpl", {"name"}, "images that desktops are made from",
    columns,    commands,
};
