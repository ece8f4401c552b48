// SPDX-License-Identifier: Apache-2.0
// The job restore-point-give-back: the file goes to the guest in pieces, is put together and made
// there by the person's own user, and what waited for that goes away. It belongs to the desktop, so
// the point is not taken away and the desktop not shut down by another job meanwhile.
#include <string.h>

#include "base/name-text.h"
#include "service/desktop-private.h"
#include "service/guest-give.h"
#include "service/restore-files.h"

#define PIECE (96 * 1024) // agents read byte by byte: a slow guest takes a second for a MiB
#define TRIES 5           // of a piece, of an agent that is busy for some seconds
#define PIECE_SECONDS 60
#define PLACE_SECONDS 300

static const char *
arg(YdJobRun *run, const char *name)
{
    const char *value = json_string_value(json_object_get(yd_job_run_args(run), name));
    return value ? value : "";
}

static const char *
job_id(YdJobRun *run)
{
    return yd_job_run_job(run)->id;
}

typedef struct {
    YdDesktop *desktop;
    YdHypervisor *hv;
} Guest;

static void
guest_clear(Guest *guest)
{
    yd_desktop_free(guest->desktop);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Guest, guest_clear)

static gboolean
guest_load(YdJobRun *run, Guest *guest, GError **error)
{
    guest->desktop =
        yd_store_get(yd_job_run_store(run), &yd_desktop_type, yd_job_run_object(run), error);
    if (!guest->desktop)
        return FALSE;
    if (!yd_desk_is(guest->desktop, YD_DESKTOP_READY)) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                    "“%s” is not running; start it first, or take the file with get",
                    guest->desktop->name);
        return FALSE;
    }
    guest->hv = yd_service_hypervisor(yd_job_run_service(run), guest->desktop->host_id, error);
    return guest->hv != NULL;
}

static gboolean
judge(const Guest *guest, int status, const char *output, GError **error)
{
    if (status == 0)
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_STATE, "the file could not be put into “%s”: %s",
                guest->desktop->name, *output ? output : "the guest gave no reason");
    return FALSE;
}

// --- send ---

static gboolean
try_piece(YdJobRun *run, const Guest *guest, guint number, const guint8 *bytes, gsize n,
          GError **error)
{
    g_autofree char *script = yd_guest_give_piece(job_id(run), number);
    g_autofree char *text = g_base64_encode(bytes, n);
    g_autofree char *output = NULL;
    const char *argv[] = {"/bin/sh", "-c", script, NULL};
    int status = 0;
    return yd_hypervisor_agent_exec(guest->hv, guest->desktop->uuid, argv, text, PIECE_SECONDS,
                                    &status, &output, error) &&
           judge(guest, status, g_strstrip(output), error);
}

static gboolean
send_piece(YdJobRun *run, const Guest *guest, guint number, const guint8 *bytes, gsize n,
           GError **error)
{
    g_autoptr(GError) why = NULL;
    for (guint i = 0; i < TRIES && !yd_job_run_cancelled(run); i++) {
        g_clear_error(&why);
        if (try_piece(run, guest, number, bytes, n, &why))
            return TRUE;
        if (!g_error_matches(why, YD_ERROR, YD_ERROR_UNAVAILABLE) &&
            !g_error_matches(why, YD_ERROR, YD_ERROR_TIMEOUT))
            break;
        g_usleep(G_USEC_PER_SEC);
    }
    if (why)
        g_propagate_error(error, g_steal_pointer(&why));
    else
        g_set_error(error, YD_ERROR, YD_ERROR_CANCELLED, "reading was cancelled");
    return FALSE;
}

static void
remember(YdJobRun *run, const char *name, json_t *value)
{
    json_object_set_new(yd_job_run_result(run), name, value);
}

static gboolean
send_all(YdJobRun *run, const Guest *guest, GBytes *file, const YdPointFile *what, GError **error)
{
    gsize length = 0;
    const guint8 *bytes = g_bytes_get_data(file, &length);
    guint pieces = 0;
    for (gsize at = 0; at < length; at += PIECE)
        if (!send_piece(run, guest, pieces++, bytes + at, MIN(PIECE, length - at), error) ||
            !yd_job_run_progress(run, 100.0 * (double)at / (double)length, error))
            return FALSE;
    if (length == 0 && !send_piece(run, guest, pieces++, bytes, 0, error))
        return FALSE;
    g_autofree char *sum = g_compute_checksum_for_bytes(G_CHECKSUM_SHA256, file);
    remember(run, "bytes", json_integer((json_int_t)length));
    remember(run, "pieces", json_integer(pieces));
    remember(run, "sha256", json_string(sum));
    remember(run, "mode", json_integer(what->mode));
    remember(run, "modified", json_integer((json_int_t)what->modified));
    return TRUE;
}

static gboolean
step_send(YdJobRun *run, GError **error)
{
    YdService *service = yd_job_run_service(run);
    const char *from = "";
    g_auto(Guest) guest = {0};
    YdPointFile what;
    if (!guest_load(run, &guest, error))
        return FALSE;
    g_autofree char *image = yd_restore_files_image(yd_job_run_store(run), arg(run, "point"),
                                                    arg(run, "disk"), &from, error);
    g_autofree char *path = image ? g_strconcat(from, arg(run, "path"), NULL) : NULL;
    g_autoptr(GBytes) file = path ? yd_restore_files_fetch(service, image, arg(run, "point"), path,
                                                           YD_RESTORE_GIVE_MAX, &what, error)
                                  : NULL;
    return file &&
           yd_restore_files_still(yd_job_run_store(run), arg(run, "point"), arg(run, "disk"), image,
                                  error) &&
           send_all(run, &guest, file, &what, error);
}

// --- put ---

// The bytes of the path: below the home on a personal disk, else absolute. Owned.
static GBytes *
path_bytes(YdJobRun *run, GError **error)
{
    g_autoptr(GPtrArray) names = yd_path_names(arg(run, "path"), error);
    g_autoptr(GByteArray) all = g_byte_array_new();
    gboolean absolute = strcmp(arg(run, "disk"), "system") == 0;
    for (guint i = 0; names && i < names->len; i++) {
        gsize n = 0;
        const guint8 *name = g_bytes_get_data(names->pdata[i], &n);
        if (i > 0 || absolute)
            g_byte_array_append(all, (const guint8 *)"/", 1);
        g_byte_array_append(all, name, (guint)n);
    }
    return names ? g_byte_array_free_to_bytes(g_steal_pointer(&all)) : NULL;
}

static char *
stamp_of(YdJobRun *run, GError **error)
{
    g_autoptr(YdRestorePoint) point =
        yd_store_get(yd_job_run_store(run), &yd_restore_point_type, arg(run, "point"), error);
    if (!point)
        return NULL;
    g_autoptr(GDateTime) when = g_date_time_new_from_unix_local(point->taken / 1000);
    return g_date_time_format(when, "%Y-%m-%d %H.%M");
}

static gint64
number(YdJobRun *run, const char *name)
{
    return json_integer_value(json_object_get(yd_job_run_result(run), name));
}

// What the script printed: where the file is, below the home.
static gboolean
take_path(YdJobRun *run, const char *output, GError **error)
{
    gsize n = 0;
    g_autofree guchar *bytes = g_base64_decode(output, &n);
    g_autofree char *text = yd_path_text((const char *)bytes, n);
    if (n == 0) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                    "the guest did not say what it made of the file");
        return FALSE;
    }
    remember(run, "path", json_string(text));
    return TRUE;
}

static gboolean
step_put(YdJobRun *run, GError **error)
{
    g_auto(Guest) guest = {0};
    g_autofree char *username = NULL;
    g_autofree char *output = NULL;
    gint64 uid = 0;
    int status = 0;
    if (!guest_load(run, &guest, error) ||
        !yd_desk_account(yd_job_run_store(run), guest.desktop, &username, &uid, error))
        return FALSE;
    if (!username) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                    "“%s” belongs to nobody, so there is no home for the file",
                    guest.desktop->name);
        return FALSE;
    }
    g_autoptr(GBytes) path = path_bytes(run, error);
    g_autofree char *stamp = path ? stamp_of(run, error) : NULL;
    if (!stamp)
        return FALSE;
    const YdGuestGive what = {
        .job = job_id(run),
        .username = username,
        .path = path,
        .stamp = stamp,
        .sha256 = json_string_value(json_object_get(yd_job_run_result(run), "sha256")),
        .pieces = (guint)number(run, "pieces"),
        .mode = (guint)number(run, "mode"),
        .modified = number(run, "modified") / 1000};
    g_autofree char *script = yd_guest_give_place(&what);
    return yd_hypervisor_agent_shell(guest.hv, guest.desktop->uuid, script, PLACE_SECONDS, &status,
                                     &output, error) &&
           judge(&guest, status, output, error) && take_path(run, output, error);
}

// --- and away ---

// A guest that is off has nothing to be asked; what lies there is only root's.
static gboolean
clean(YdJobRun *run, GError **error)
{
    g_auto(Guest) guest = {0};
    g_autoptr(GError) why = NULL;
    g_autofree char *script = yd_guest_give_tidy(job_id(run));
    g_autofree char *output = NULL;
    int status = 0;
    if (!guest_load(run, &guest, &why) ||
        !yd_hypervisor_agent_shell(guest.hv, guest.desktop->uuid, script, PIECE_SECONDS, &status,
                                   &output, &why))
        g_message("%s: pieces of a file may be left in the guest: %s, ignoring",
                  yd_job_run_object(run), why->message);
    return TRUE;
}

static const YdJobStep steps[] = {
    {"send", step_send, clean, FALSE, 10},
    {"put", step_put, NULL, FALSE, 2},
    {"clean", clean, NULL, FALSE, 1},
};

const YdJobKind yd_job_kind_restore_point_give_back = {
    "restore-point-give-back", "desktop", TRUE, steps, G_N_ELEMENTS(steps), NULL};
