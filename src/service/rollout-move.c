// SPDX-License-Identifier: Apache-2.0
// One desktop moves from its version to another: a fresh overlay under a name of its own, then one
// transaction that makes it the desktop's disk. The old one is kept beside it, so that going back
// is one transaction, too. Files that are not needed any more are written down before they are
// removed.
#include "service/rollout-private.h"

#include <string.h>

#include "base/json-util.h"
#include "base/log.h"
#include "service/desktop-private.h"
#include "store/store-connect.h"
#include "store/store-desktops.h"
#include "store/store-rollouts.h"

typedef struct {
    YdService *service;
    YdStore *store;
    YdDesktop *desktop; // as read before
    YdRolloutDesktop *row;
    YdRollout *rollout;
} Move;

static void
move_clear(Move *move)
{
    g_clear_pointer(&move->desktop, yd_desktop_free);
    g_clear_pointer(&move->row, yd_rollout_desktop_free);
    g_clear_pointer(&move->rollout, yd_rollout_free);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Move, move_clear)

// "dsk-….qcow2" → "dsk-…-<last characters of the roll-out's id><way>.qcow2"
static char *
image_name(const Move *move, const char *way)
{
    const char *id = move->rollout->id;
    return g_strdup_printf("%s-%s%s.qcow2", move->desktop->id, id + strlen(id) - 10, way);
}

// What the row says only of the present system disk.
static char *
keep_facts(const YdDesktop *desktop)
{
    g_autoptr(json_t) kept =
        json_pack("{s:s?, s:s?, s:I, s:b, s:I, s:s?}", "certificate", desktop->certificate,
                  "certificate_name", desktop->certificate_name, "certificate_expires",
                  (json_int_t)desktop->certificate_expires, "prepared", desktop->prepared,
                  "disk_gib", (json_int_t)desktop->disk_gib, "ram_image", desktop->ram_image);
    return yd_json_text(kept);
}

static void
restore_facts(YdDesktop *desktop, const char *text)
{
    g_autoptr(json_t) kept = text ? yd_json_parse_object(text, NULL) : NULL;
    yd_set_string(&desktop->certificate, json_string_value(json_object_get(kept, "certificate")));
    yd_set_string(&desktop->certificate_name,
                  json_string_value(json_object_get(kept, "certificate_name")));
    desktop->certificate_expires = json_integer_value(json_object_get(kept, "certificate_expires"));
    desktop->prepared = json_is_true(json_object_get(kept, "prepared"));
    yd_set_string(&desktop->ram_image, json_string_value(json_object_get(kept, "ram_image")));
}

// A disk of the version for the desktop; there already: fine.
static gboolean
derive(const Move *move, const char *image, GError **error)
{
    g_autoptr(YdTemplateVersion) version = yd_store_get(move->store, &yd_template_version_type,
                                                        move->desktop->target_version_id, error);
    g_autoptr(YdDesktop) shape = yd_desktop_copy(move->desktop);
    yd_set_string(&shape->image, image);
    return version && yd_desk_derive(move->service, shape, version, error);
}

// The desktop and its row, read again inside the transaction; *ret_same: nobody decided otherwise.
static gboolean
begin(const Move *move, YdStoreTx **ret_tx, YdDesktop **ret_desktop, YdRolloutDesktop **ret_row,
      gboolean *ret_same, GError **error)
{
    *ret_desktop = yd_desk_begin(move->store, move->desktop->id, ret_tx, error);
    *ret_row = *ret_desktop
                   ? yd_store_get(move->store, &yd_rollout_desktop_type, move->row->id, error)
                   : NULL;
    if (!*ret_row)
        return FALSE;
    *ret_same = g_strcmp0((*ret_desktop)->target_version_id, move->desktop->target_version_id) == 0;
    return TRUE;
}

static gboolean
commit(const Move *move, YdStoreTx **tx, YdDesktop *desktop, YdRolloutDesktop *row,
       const char *state, GError **error)
{
    yd_set_string(&row->state, state);
    yd_set_string(&row->error, NULL);
    row->moved = yd_now_ms();
    row->tried = 0;
    yd_set_string(&desktop->template_version_id, desktop->target_version_id);
    yd_set_string(&desktop->target_version_id, NULL);
    // A guest that forgot its account forgot the password, too.
    return yd_store_secret_delete(move->store, desktop->id, error) &&
           yd_store_update(move->store, &yd_rollout_desktop_type, row, error) &&
           yd_desk_commit(move->store, tx, desktop, NULL, error);
}

// To a version whose disk has to be made. keep: the old disk stays, for the way back.
static gboolean
move_anew(const Move *move, const char *way, gboolean keep, const char *state, GError **error)
{
    g_autofree char *image = image_name(move, way);
    g_autoptr(YdStoreTx) tx = NULL;
    g_autoptr(YdDesktop) desktop = NULL;
    g_autoptr(YdRolloutDesktop) row = NULL;
    gboolean same = FALSE;
    if (!derive(move, image, error) || !begin(move, &tx, &desktop, &row, &same, error))
        return FALSE;
    if (!same)
        return TRUE;
    if (keep) {
        yd_set_string(&row->kept_image, desktop->image);
        g_free(row->kept);
        row->kept = keep_facts(desktop);
    } else {
        yd_set_string(&row->left_image, desktop->image);
    }
    yd_set_string(&desktop->image, image);
    restore_facts(desktop, NULL);
    return commit(move, &tx, desktop, row, state, error);
}

// The old disk again, as it was; a disk that was made larger meanwhile is made so again.
static gboolean
move_back(const Move *move, GError **error)
{
    g_autoptr(YdStoreTx) tx = NULL;
    g_autoptr(YdDesktop) desktop = NULL;
    g_autoptr(YdRolloutDesktop) row = NULL;
    gboolean same = FALSE;
    g_autoptr(GError) ignored = NULL;
    gint64 bytes = yd_desk_bytes(move->desktop);
    if (bytes > 0 &&
        !yd_storage_grow(yd_service_storage(move->service), move->row->kept_image, bytes, &ignored))
        g_debug("%s keeps its size: %s, ignoring", move->row->kept_image, ignored->message);
    if (!begin(move, &tx, &desktop, &row, &same, error))
        return FALSE;
    if (!same || !row->kept_image)
        return TRUE;
    yd_set_string(&row->left_image, desktop->image);
    yd_set_string(&desktop->image, row->kept_image);
    yd_set_string(&row->kept_image, NULL);
    restore_facts(desktop, row->kept);
    yd_set_string(&row->kept, NULL);
    return commit(move, &tx, desktop, row, "back", error);
}

// It is where it should be, or nobody knows any more why it should go.
static gboolean
stay(const Move *move, GError **error)
{
    g_autoptr(YdStoreTx) tx = NULL;
    g_autoptr(YdDesktop) desktop = yd_desk_begin(move->store, move->desktop->id, &tx, error);
    if (!desktop)
        return FALSE;
    yd_set_string(&desktop->target_version_id, NULL);
    return yd_desk_commit(move->store, &tx, desktop, NULL, error);
}

static gboolean
read_move(Move *move, const char *desktop_id, gboolean *ret_wanted, GError **error)
{
    *ret_wanted = FALSE;
    move->desktop = yd_store_get(move->store, &yd_desktop_type, desktop_id, error);
    if (!move->desktop || !move->desktop->target_version_id)
        return move->desktop != NULL;
    g_autoptr(GError) local = NULL;
    move->row = yd_store_rollout_desktop(move->store, desktop_id, &local);
    if (move->row)
        move->rollout = yd_store_get(move->store, &yd_rollout_type, move->row->rollout_id, &local);
    *ret_wanted = TRUE;
    if (!local)
        return TRUE;
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}

static gboolean
go(const Move *move, GError **error)
{
    const char *target = move->desktop->target_version_id;
    if (!move->rollout || strcmp(target, move->desktop->template_version_id) == 0 ||
        !yd_rollout_state_lives(move->rollout->state))
        return stay(move, error);
    if (strcmp(move->rollout->state, YD_ROLLOUT_PAUSED) == 0)
        return TRUE;
    if (strcmp(target, move->rollout->to_version_id) == 0)
        return move_anew(move, "", TRUE, "moved", error);
    return move->row->kept_image ? move_back(move, error)
                                 : move_anew(move, "-b", FALSE, "back", error);
}

gboolean
yd_rollout_settle(YdService *service, YdStore *store, const char *desktop_id, GError **error)
{
    g_auto(Move) move = {.service = service, .store = store};
    gboolean wanted = FALSE;
    if (!read_move(&move, desktop_id, &wanted, error))
        return FALSE;
    return !wanted || go(&move, error);
}

// --- desktop-update: the job of one desktop that is off ---

static gboolean
step_move(YdJobRun *run, GError **error)
{
    YdService *service = yd_job_run_service(run);
    YdStore *store = yd_job_run_store(run);
    const char *id = yd_job_run_object(run);
    YdMachineState state = YD_MACHINE_OFF;
    g_autoptr(YdDesktop) desktop = yd_store_get(store, &yd_desktop_type, id, error);
    if (!desktop || !yd_desk_machine(service, desktop, &state, error))
        return FALSE;
    if (strcmp(desktop->state, YD_DESKTOP_OFF) != 0 || !yd_machine_is_off(state))
        return TRUE; // it was started meanwhile: at its next start
    return yd_rollout_settle(service, store, id, error);
}

// Written where the roll-out shows it; the desktop goes on as it is.
static void
update_failed(YdJobRun *run, const GError *why)
{
    YdStore *store = yd_job_run_store(run);
    g_autoptr(GError) error = NULL;
    g_autoptr(YdRolloutDesktop) row =
        yd_store_rollout_desktop(store, yd_job_run_object(run), &error);
    if (row) {
        yd_set_string(&row->error, why->message);
        yd_store_update(store, &yd_rollout_desktop_type, row, &error);
    }
    if (error)
        g_debug("cannot note why %s does not move: %s, ignoring", yd_job_run_object(run),
                error->message);
}

static const YdJobStep update_steps[] = {
    {"move", step_move, NULL, FALSE, 1},
};

const YdJobKind yd_job_kind_desktop_update = {
    "desktop-update", "desktop", FALSE, update_steps, G_N_ELEMENTS(update_steps), update_failed};

// --- files ---

// An old disk whose time is over: from now on nobody goes back to it. ret_row: as it is then.
static YdRolloutDesktop *
give_up_kept(YdStore *store, const char *row_id, gint64 now, GError **error)
{
    g_autoptr(YdStoreTx) tx = yd_store_tx(store, error);
    g_autoptr(YdRolloutDesktop) row =
        tx ? yd_store_get(store, &yd_rollout_desktop_type, row_id, error) : NULL;
    g_autoptr(YdRollout) rollout =
        row ? yd_store_get(store, &yd_rollout_type, row->rollout_id, error) : NULL;
    if (!rollout)
        return NULL;
    gboolean over = rollout->keep_until > 0 && rollout->keep_until <= now;
    if (row->left_image || !row->kept_image || (row->desktop_name && !over))
        return g_steal_pointer(&row);
    row->left_image = g_steal_pointer(&row->kept_image);
    yd_set_string(&row->kept, NULL);
    if (!yd_store_update(store, &yd_rollout_desktop_type, row, error) ||
        !yd_store_tx_commit(&tx, error))
        return NULL;
    return g_steal_pointer(&row);
}

static gboolean
remove_file(YdService *service, YdStore *store, const char *row_id, gint64 now, GError **error)
{
    g_autoptr(YdRolloutDesktop) row = give_up_kept(store, row_id, now, error);
    if (!row || !row->left_image)
        return row != NULL;
    if (!yd_storage_delete(yd_service_storage(service), row->left_image, error))
        return FALSE;
    g_autoptr(YdStoreTx) tx = yd_store_tx(store, error);
    g_autoptr(YdRolloutDesktop) fresh =
        tx ? yd_store_get(store, &yd_rollout_desktop_type, row_id, error) : NULL;
    if (!fresh)
        return FALSE;
    if (g_strcmp0(fresh->left_image, row->left_image) == 0)
        yd_set_string(&fresh->left_image, NULL);
    return yd_store_update(store, &yd_rollout_desktop_type, fresh, error) &&
           yd_store_tx_commit(&tx, error);
}

void
yd_rollout_remove_files(YdService *service, YdStore *store, gint64 now)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) rows = yd_store_rollout_files(store, now, &error);
    for (guint i = 0; rows && i < rows->len; i++) {
        const YdRolloutDesktop *row = g_ptr_array_index(rows, i);
        g_autoptr(GError) why = NULL;
        if (!remove_file(service, store, row->id, now, &why))
            g_warning("cannot remove a system disk of %s that nobody needs: %s, trying again later",
                      row->desktop_id, why->message);
    }
    if (error)
        g_warning("cannot look for old system disks: %s, trying again later", error->message);
}

gboolean
yd_rollout_is_stray(YdStore *store, const char *image)
{
    // "dsk-<26>" and more: of a roll-out.
    const gsize plain = strlen("dsk-") + 26;
    g_autoptr(GError) error = NULL;
    gboolean known = TRUE;
    if (strlen(image) <= plain + strlen(".qcow2"))
        return FALSE;
    g_autofree char *id = g_strndup(image, plain);
    g_autoptr(YdJob) job =
        yd_id_valid(id, "dsk") ? yd_store_job_live(store, id, NULL, &error) : NULL;
    return yd_id_valid(id, "dsk") && !job && !error &&
           yd_store_image_known(store, image, &known, &error) && !known;
}
