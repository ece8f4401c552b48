// SPDX-License-Identifier: Apache-2.0
// Files that were sent through the API and wait to be imported: state/uploads/<token>.part while
// they come in, <token>.img afterwards. The bytes are written by the API.

#include "service/template-upload.h"
#include "service/check.h"
#include "service/template.h"
#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#define MAX_WAITING 20
#define KEEP_MS (24 * 3600 * G_GINT64_CONSTANT(1000))

static char *
directory_of(YdService *service)
{
    return g_build_filename(yd_service_config(service)->state_dir, "uploads", NULL);
}

static gboolean
is_token(const char *token)
{
    return token && g_str_has_prefix(token, "upl-") && strlen(token) < 64 &&
           strspn(token, YD_CHECK_LOWER YD_CHECK_UPPER YD_CHECK_DIGITS "-_") == strlen(token);
}

static char *
file_of(YdService *service, const char *token, const char *suffix)
{
    g_autofree char *directory = directory_of(service);
    g_autofree char *name = g_strconcat(token, suffix, NULL);

    return g_build_filename(directory, name, NULL);
}

static guint
count_files(const char *directory)
{
    g_autoptr(GDir) dir = g_dir_open(directory, 0, NULL);
    guint n = 0;

    while (dir && g_dir_read_name(dir))
        n++;
    return n;
}

static gboolean
check_room(const char *directory, gint64 bytes, GError **error)
{
    struct statvfs info;

    if (statvfs(directory, &info) != 0 || (gint64)info.f_bavail * (gint64)info.f_frsize > bytes)
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_NO_SPACE,
                "the upload has %" G_GINT64_FORMAT " bytes, %" G_GINT64_FORMAT " are free", bytes,
                (gint64)info.f_bavail * (gint64)info.f_frsize);
    return FALSE;
}

gboolean
yd_upload_begin(YdService *service, const YdActor *actor, gint64 bytes, char **ret_token,
                char **ret_path, GError **error)
{
    gint64 max = yd_service_config(service)->max_upload;
    g_autofree char *directory = directory_of(service);
    g_autofree char *random = yd_token_new(16);

    if (!yd_service_allowed(actor, YD_RIGHT_TEMPLATES_WRITE, error))
        return FALSE;
    if (bytes <= 0)
        return yd_error_invalid(error, "Content-Length", "must be given and above 0");
    if (bytes > max) {
        g_set_error(error, YD_ERROR, YD_ERROR_TOO_LARGE,
                    "%" G_GINT64_FORMAT " bytes are more than max_upload (%" G_GINT64_FORMAT ")",
                    bytes, max);
        return FALSE;
    }
    if (g_mkdir_with_parents(directory, 0750) != 0) {
        g_set_error(error, YD_ERROR, YD_ERROR_INTERNAL, "“%s” could not be made: %s", directory,
                    g_strerror(errno));
        return FALSE;
    }
    if (count_files(directory) >= MAX_WAITING) {
        g_set_error(error, YD_ERROR, YD_ERROR_LIMIT,
                    "%d uploads are waiting to be imported already", MAX_WAITING);
        return FALSE;
    }
    if (!check_room(directory, bytes, error))
        return FALSE;
    *ret_token = g_strconcat("upl-", random, NULL);
    *ret_path = file_of(service, *ret_token, ".part");
    return TRUE;
}

gboolean
yd_upload_done(YdService *service, const YdActor *actor, const char *token, GError **error)
{
    g_autofree char *part = NULL;
    g_autofree char *whole = NULL;

    if (!yd_service_allowed(actor, YD_RIGHT_TEMPLATES_WRITE, error))
        return FALSE;
    if (!is_token(token))
        return yd_error_invalid(error, "upload", "is not an upload's token");
    part = file_of(service, token, ".part");
    whole = file_of(service, token, ".img");
    if (g_rename(part, whole) == 0)
        return TRUE;
    g_set_error(error, YD_ERROR, errno == ENOENT ? YD_ERROR_NOT_FOUND : YD_ERROR_INTERNAL,
                "upload “%s”: %s", token, g_strerror(errno));
    return FALSE;
}

char *
yd_upload_path(YdService *service, const char *token, GError **error)
{
    g_autofree char *whole = is_token(token) ? file_of(service, token, ".img") : NULL;

    if (whole && g_file_test(whole, G_FILE_TEST_IS_REGULAR))
        return g_steal_pointer(&whole);
    g_autofree char *quoted = yd_check_quote(token);
    g_set_error(error, YD_ERROR, YD_ERROR_NOT_FOUND,
                "there is no finished upload %s; uploads are kept for a day", quoted);
    return NULL;
}

void
yd_upload_drop(YdService *service, const char *token)
{
    static const char *const suffixes[] = {".part", ".img"};

    for (gsize i = 0; is_token(token) && i < G_N_ELEMENTS(suffixes); i++) {
        g_autofree char *path = file_of(service, token, suffixes[i]);
        if (g_unlink(path) != 0 && errno != ENOENT)
            g_debug("“%s” was not removed (%s), ignoring", path, g_strerror(errno));
    }
}

void
yd_upload_prune(YdService *service, gint64 now)
{
    g_autofree char *directory = directory_of(service);
    g_autoptr(GDir) dir = g_dir_open(directory, 0, NULL);
    const char *name;

    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(directory, name, NULL);
        GStatBuf info;
        if (g_str_has_prefix(name, "upl-") && g_stat(path, &info) == 0 &&
            (gint64)info.st_mtime * 1000 + KEEP_MS < now)
            g_unlink(path);
    }
}
