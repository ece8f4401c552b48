// SPDX-License-Identifier: Apache-2.0
// The small picture of a person's own desktop on their card. Kept for a while, so that a host is
// not asked for each card that is looked at.
#include "hypervisor/picture.h"
#include "model/desktop-state.h"
#include "service/desktop.h"
#include "service/service.h"
#include "service/table.h"

#include <string.h>

#define FRESH_US (10 * G_USEC_PER_SEC)
#define KEPT_US (60 * G_USEC_PER_SEC)

typedef struct {
    GBytes *png;  // NULL while the first one is taken
    gint64 asked; // monotonic
} Picture;

static void
picture_free(gpointer data)
{
    Picture *picture = data;

    g_clear_pointer(&picture->png, g_bytes_unref);
    g_free(picture);
}

// Desktop id → Picture.
static GHashTable *
make_pictures(void)
{
    return g_hash_table_new_full(g_str_hash, g_str_equal, g_free, picture_free);
}

static YdTable *
pictures_of(YdService *service)
{
    return yd_table_of(service, "desktop-pictures", make_pictures);
}

static gboolean
is_old(gpointer key, gpointer value, gpointer now)
{
    return ((Picture *)value)->asked + KEPT_US < *(gint64 *)now;
}

// TRUE: the caller takes a new one. Else *ret_png is the one that is kept (owned), or NULL when the
// first is under way.
static gboolean
begin(YdTable *all, const char *id, GBytes **ret_png)
{
    gint64 now = g_get_monotonic_time();
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&all->lock);
    Picture *picture;

    g_hash_table_foreach_remove(all->rows, is_old, &now);
    picture = g_hash_table_lookup(all->rows, id);
    if (picture && picture->asked + FRESH_US > now) {
        *ret_png = picture->png ? g_bytes_ref(picture->png) : NULL;
        return FALSE;
    }
    if (!picture) {
        picture = g_new0(Picture, 1);
        g_hash_table_insert(all->rows, g_strdup(id), picture);
    }
    picture->asked = now;
    return TRUE;
}

// png NULL: it could not be had; the next who asks tries again.
static void
finish(YdTable *all, const char *id, GBytes *png)
{
    G_GNUC_UNUSED g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&all->lock);
    Picture *picture = png ? g_hash_table_lookup(all->rows, id) : NULL;

    if (!picture) {
        g_hash_table_remove(all->rows, id);
        return;
    }
    g_clear_pointer(&picture->png, g_bytes_unref);
    picture->png = g_bytes_ref(png);
}

static GBytes *
take(YdService *service, const YdDesktop *desktop, GError **error)
{
    YdHypervisor *hv = yd_service_hypervisor(service, desktop->host_id, error);
    g_autoptr(GBytes) screen = hv ? yd_hypervisor_screenshot(hv, desktop->uuid, error) : NULL;

    return screen ? yd_picture_scale(screen, YD_DESKTOP_PICTURE_WIDTH, error) : NULL;
}

// The screen of an RDP desktop shows nobody's session, only that one connects by RDP.
static gboolean
has_picture(const YdDesktop *desktop, GError **error)
{
    if (strcmp(desktop->state, "ready") == 0 && desktop->host_id &&
        g_strcmp0(desktop->access, "spice") == 0)
        return TRUE;
    g_set_error(error, YD_ERROR, YD_ERROR_STATE, "\"%s\" has no picture: %s", desktop->name,
                strcmp(desktop->state, "ready") == 0
                    ? "its session is reached by RDP, not on its screen"
                    : "it is not ready");
    return FALSE;
}

GBytes *
yd_desktop_picture(YdService *service, const YdActor *actor, const char *id, GError **error)
{
    g_autoptr(YdDesktop) desktop =
        yd_service_get(service, actor, YD_RIGHT_CONNECT, &yd_desktop_type, id, error);
    YdTable *all;
    GBytes *png = NULL;

    if (!desktop || !has_picture(desktop, error))
        return NULL;
    all = pictures_of(service);
    if (begin(all, id, &png)) {
        png = take(service, desktop, error);
        finish(all, id, png);
    } else if (!png) {
        g_set_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE,
                    "the picture of \"%s\" is being taken; ask again in a second", desktop->name);
    }
    return png;
}
