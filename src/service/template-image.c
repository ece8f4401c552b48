// SPDX-License-Identifier: Apache-2.0
// What is known of sealed files, and the looks at them. The reading of whole files is
// template-verify-job.c.
#include "service/template-image.h"

#include <string.h>

#include "base/id.h"
#include "service/jobs.h"
#include "service/settings.h"
#include "store/store-desktops.h"

#define KEEP_MS (10 * 60 * (gint64)1000) // a job may be about to build on a file just replaced
#define DAY_MS (24 * 3600 * (gint64)1000)

// --- noting ---

static gboolean
put(YdStore *store, const YdTemplateVersion *version, const YdImageFacts *facts,
    const char *checksum, GError **error)
{
    const YdSealedImage row = {.image = facts->image,
                               .base = facts->base,
                               .template_id = version->template_id,
                               .version_id = version->id,
                               .size_bytes = facts->size_bytes,
                               .mtime = facts->mtime,
                               .header = facts->header,
                               .checksum = (char *)checksum,
                               .checked = checksum ? yd_now_ms() : 0};
    return yd_store_put_sealed_image(store, &row, error);
}

GPtrArray *
yd_template_image_look(YdService *service, const char *image, GError **error)
{
    g_autoptr(GPtrArray) chain = yd_storage_chain(yd_service_storage(service), image, error);
    for (guint i = 0; chain && i < chain->len; i++) {
        const YdImageFacts *facts = chain->pdata[i];
        if (!facts->damage)
            continue;
        g_set_error(error, YD_ERROR, YD_ERROR_STATE, "the image “%s” %s", facts->image,
                    facts->damage);
        return NULL;
    }
    return g_steal_pointer(&chain);
}

gboolean
yd_template_image_note(YdStore *store, const YdTemplateVersion *version, const GPtrArray *chain,
                       const char *checksum, GError **error)
{
    return put(store, version, chain->pdata[0], checksum, error);
}

char *
yd_template_image_title(const YdSealedImage *row)
{
    if (!row->number)
        return g_strdup_printf("a deleted version of “%s”",
                               row->template_name ? row->template_name : "a deleted template");
    return g_strdup_printf("version %" G_GINT64_FORMAT " of “%s”", row->number, row->template_name);
}

gboolean
yd_template_image_set_damage(YdStore *store, YdSealedImage *row, const char *damage, GError **error)
{
    if (g_strcmp0(row->damage, damage) == 0)
        return TRUE;
    yd_set_string(&row->damage, damage);
    g_autoptr(YdStoreTx) tx = yd_store_tx(store, error);
    return tx && yd_store_put_sealed_image(store, row, error) &&
           (!row->version_id || yd_store_event(store, "changed", "template-version",
                                               row->version_id, NULL, NULL, error)) &&
           yd_store_tx_commit(&tx, error);
}

// --- looking ---

static char *
time_text(gint64 ms)
{
    g_autoptr(GDateTime) time = g_date_time_new_from_unix_utc(ms / 1000);
    return g_date_time_format_iso8601(time);
}

char *
yd_template_image_damage(const YdSealedImage *row, const YdImageFacts *facts)
{
    if (facts->damage)
        return g_strdup_printf("its file “%s” %s", row->image, facts->damage);
    if (facts->size_bytes != row->size_bytes)
        return g_strdup_printf("its file “%s” has %" G_GINT64_FORMAT
                               " bytes, it was sealed with %" G_GINT64_FORMAT,
                               row->image, facts->size_bytes, row->size_bytes);
    if (g_strcmp0(facts->header, row->header) != 0)
        return g_strdup_printf("the begin of its file “%s” was changed", row->image);
    if (facts->mtime == row->mtime)
        return NULL;
    g_autofree char *now = time_text(facts->mtime), *then = time_text(row->mtime);
    return g_strdup_printf("its file “%s” was written at %s, it was sealed at %s", row->image, now,
                           then);
}

static gboolean
refuse(const YdSealedImage *row, const char *damage, GError **error)
{
    g_autofree char *title = yd_template_image_title(row);
    g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                "%s is damaged: %s; put the file back from a backup and have it read again "
                "(deskctl template verify), or give the pool another version and rebuild",
                title, damage);
    return FALSE;
}

// The row of a file that was sealed before there were rows, made now.
static gboolean
adopt(YdStore *store, const YdImageFacts *facts, YdSealedImage **ret_row, GError **error)
{
    g_autoptr(YdTemplateVersion) version =
        yd_store_find(store, &yd_template_version_type, "image", facts->image, NULL);
    if (version && !facts->damage && !put(store, version, facts, version->checksum, error))
        return FALSE;
    if (version && !facts->damage)
        *ret_row = yd_store_sealed_image(store, facts->image, error);
    if (*ret_row || (error && *error))
        return *ret_row != NULL;
    g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                "the disk is built on the image “%s”, which %s; put it back from a backup, or "
                "rebuild the desktop",
                facts->image, facts->damage ? facts->damage : "belongs to no version");
    return FALSE;
}

static gboolean
check_file(YdStore *store, const YdImageFacts *facts, YdSealedImage **ret_row, GError **error)
{
    GError *local = NULL;
    g_autoptr(YdSealedImage) row = yd_store_sealed_image(store, facts->image, &local);
    if (local) {
        g_propagate_error(error, local);
        return FALSE;
    }
    if (!row && !adopt(store, facts, &row, error))
        return FALSE;
    g_autofree char *damage = yd_template_image_damage(row, facts);
    // What is missing may be back soon: a file system that was not mounted.
    if (damage && facts->damage)
        return refuse(row, damage, error);
    if (damage && !yd_template_image_set_damage(store, row, damage, error))
        return FALSE;
    if (row->damage)
        return refuse(row, row->damage, error);
    *ret_row = g_steal_pointer(&row);
    return TRUE;
}

// The files below an image; first: where in the chain they begin.
static GPtrArray *
files_below(YdService *service, const char *image, const YdTemplateVersion *version,
            guint *ret_first, GError **error)
{
    YdStorage *storage = yd_service_storage(service);
    GError *local = NULL;
    GPtrArray *chain = yd_storage_chain(storage, image, &local);
    *ret_first = 1;
    if (chain || !g_error_matches(local, YD_ERROR, YD_ERROR_NOT_FOUND)) {
        if (local)
            g_propagate_error(error, local);
        return chain;
    }
    g_clear_error(&local);
    *ret_first = 0;
    if (version->image)
        chain = yd_storage_chain(storage, version->image, &local);
    if (chain)
        return chain;
    g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                "version %" G_GINT64_FORMAT " of “%s” cannot be used: %s", version->number,
                version->template_name, local ? local->message : "it has no image");
    g_clear_error(&local);
    return NULL;
}

// Steps over the frozen disk of a RAM image, which lies between a clone's and its version's.
static gboolean
step_over_frozen(const GPtrArray *chain, guint *first, GError **error)
{
    const YdImageFacts *frozen = *first < chain->len ? chain->pdata[*first] : NULL;
    if (!frozen || !strstr(frozen->image, "-ram-"))
        return TRUE;
    (*first)++;
    if (!frozen->damage)
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                "the disk is built on the frozen disk “%s”, which %s; put it back from a backup, "
                "or rebuild the desktop",
                frozen->image, frozen->damage);
    return FALSE;
}

gboolean
yd_template_image_guard(YdService *service, YdStore *store, const char *image,
                        const YdTemplateVersion *version, gboolean *ret_there, GError **error)
{
    guint first = 0;
    g_autoptr(GPtrArray) chain = files_below(service, image, version, &first, error);
    g_autoptr(YdSealedImage) base = NULL;
    if (!chain)
        return FALSE;
    const YdImageFacts *own = chain->pdata[0];
    if (first == 1 && own->damage) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                    "the desktop's own disk “%s” %s; put it back from a backup, or rebuild the "
                    "desktop",
                    own->image, own->damage);
        return FALSE;
    }
    if (first == 1 && own->base && chain->len == 1) {
        g_set_error(error, YD_ERROR, YD_ERROR_STATE,
                    "the desktop's disk “%s” is built on “%s”, which is no image of a template",
                    own->image, own->base);
        return FALSE;
    }
    guint begin = first;
    if (first == 1 && !step_over_frozen(chain, &begin, error))
        return FALSE;
    for (guint i = begin; i < chain->len; i++) {
        g_autoptr(YdSealedImage) row = NULL;
        if (!check_file(store, chain->pdata[i], &row, error))
            return FALSE;
        if (i == begin)
            base = g_steal_pointer(&row);
    }
    *ret_there = first == 1 && base && g_strcmp0(base->version_id, version->id) == 0;
    return TRUE;
}

// What is known, else what a look at the file finds; owned, NULL: nothing.
static char *
damage_now(YdService *service, const YdSealedImage *row)
{
    g_autoptr(GError) error = NULL;
    if (row->damage)
        return g_strdup(row->damage);
    g_autoptr(GPtrArray) chain = yd_storage_chain(yd_service_storage(service), row->image, &error);
    if (!chain)
        return g_strdup_printf("its file “%s”: %s", row->image, error->message);
    return yd_template_image_damage(row, chain->pdata[0]);
}

char *
yd_template_images_damaged(YdService *service, YdStore *store, guint *ret_files, GError **error)
{
    g_autoptr(GPtrArray) rows = yd_store_sealed_images(store, error);
    g_autoptr(GString) found = g_string_new(NULL);
    for (guint i = 0; rows && i < rows->len; i++) {
        const YdSealedImage *row = rows->pdata[i];
        g_autofree char *damage = damage_now(service, row);
        g_autofree char *title = yd_template_image_title(row);
        if (damage)
            g_string_append_printf(found, "%s%s: %s", found->len ? "; " : "", title, damage);
    }
    *ret_files = rows ? rows->len : 0;
    return found->len ? g_string_free(g_steal_pointer(&found), FALSE) : NULL;
}

// --- tidying ---

static void
note_new(YdService *service, YdStore *store)
{
    g_autoptr(GPtrArray) versions =
        yd_store_all(store, &yd_template_version_type, "state", "ready", NULL);
    for (guint i = 0; versions && i < versions->len; i++) {
        const YdTemplateVersion *version = versions->pdata[i];
        g_autoptr(GError) error = NULL;
        g_autoptr(YdSealedImage) row =
            version->image ? yd_store_sealed_image(store, version->image, &error) : NULL;
        if (row || error || !version->image)
            continue;
        g_autoptr(GPtrArray) chain = yd_template_image_look(service, version->image, &error);
        if (!chain || !yd_template_image_note(store, version, chain, version->checksum, &error))
            g_debug("%s is not noted: %s, ignoring", version->image, error->message);
    }
}

static guint
remove_some(YdService *service, YdStore *store, gint64 now)
{
    g_autoptr(GPtrArray) rows = yd_store_sealed_images(store, NULL);
    guint removed = 0;
    for (guint i = 0; rows && i < rows->len; i++) {
        const YdSealedImage *row = rows->pdata[i];
        g_autoptr(GError) error = NULL;
        if (!row->retired || row->retired + KEEP_MS > now)
            continue;
        if (!yd_storage_delete(yd_service_storage(service), row->image, &error) ||
            !yd_store_delete_sealed_image(store, row->image, &error)) {
            g_debug("%s stays: %s", row->image, error->message);
            continue;
        }
        g_message("removed the image %s: nothing is built on it any more", row->image);
        removed++;
    }
    return removed;
}

// One that goes may have been all that was built on another.
static void
remove_left_over(YdService *service, YdStore *store, gint64 now)
{
    while (remove_some(service, store, now) > 0)
        continue;
}

static void
note_use(YdService *service, YdStore *store)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) all = yd_storage_usage(yd_service_storage(service), &error);
    if (!all) {
        g_debug("disk use is not known: %s, ignoring", error->message);
        return;
    }
    g_autofree const char **names = g_new0(const char *, all->len + 1);
    g_autofree gint64 *bytes = g_new0(gint64, all->len + 1);
    for (guint i = 0; i < all->len; i++) {
        const YdImageFacts *facts = all->pdata[i];
        names[i] = facts->image;
        bytes[i] = facts->allocated_bytes;
    }
    if (!yd_store_set_disk_use(store, names, bytes, all->len, &error))
        g_debug("disk use is not stored: %s, ignoring", error->message);
}

// One at a time, and only when nobody waits for anything.
static void
read_again(YdService *service, YdStore *store, gint64 now)
{
    gint64 days = yd_settings_int(service, "template_scrub_days"), queued = 0, running = 0;
    if (days == 0 || !yd_store_job_counts(store, &queued, &running, NULL) || queued + running > 0)
        return;
    g_autoptr(GPtrArray) rows = yd_store_sealed_images(store, NULL);
    for (guint i = 0; rows && i < rows->len; i++) {
        const YdSealedImage *row = rows->pdata[i];
        if (row->checked + days * DAY_MS > now)
            return;
        if (!row->version_id || row->damage || row->retired)
            continue;
        g_autofree char *title =
            g_strdup_printf("%s %" G_GINT64_FORMAT, row->template_name, row->number);
        g_autoptr(GError) error = NULL;
        g_autoptr(YdJob) job = yd_job_submit(service, &yd_actor_system, "template-verify",
                                             row->version_id, title, NULL, NULL, &error);
        if (!job)
            g_debug("%s is not read again: %s, ignoring", row->image, error->message);
        return;
    }
}

void
yd_template_image_tidy(YdService *service, gint64 now)
{
    YdStore *store = yd_service_store(service, NULL);
    if (!store)
        return;
    note_new(service, store);
    remove_left_over(service, store, now);
    note_use(service, store);
    read_again(service, store, now);
}
