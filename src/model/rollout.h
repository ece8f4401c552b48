// SPDX-License-Identifier: Apache-2.0
// How a pool follows its template: the plan of a roll-out (JSON ↔ struct), who goes first, and what
// comes next, given how far it got. Pure.
#pragma once

#include <glib.h>

// What a pool does when its template has a new version.
#define YD_FOLLOW_PINNED "pinned" // nothing
#define YD_FOLLOW_NEWEST "newest" // all desktops move to it
#define YD_FOLLOW_STAGED "staged" // some first, then the rest when these are healthy

// States of a roll-out.
#define YD_ROLLOUT_CHECKING "checking" // a throw-away desktop tries the new version
#define YD_ROLLOUT_STAGED "staged"     // the first group moves and is tried
#define YD_ROLLOUT_ROLLING "rolling"   // all the others move
#define YD_ROLLOUT_PAUSED "paused"     // nobody moves
#define YD_ROLLOUT_BACK "going-back"   // those that moved go back
#define YD_ROLLOUT_DONE "done"         // all have moved
#define YD_ROLLOUT_ROLLED_BACK "rolled-back"
#define YD_ROLLOUT_FAILED "failed" // it could not go on; nobody moves any more

// Whether the state is one that something still happens in.
gboolean yd_rollout_state_lives(const char *state);

typedef struct {
    gint64 share;                  // percent that goes first, 1..100; 0: not by share
    char *department_id;           // or the people of this department; NULL: not by department
    char **user_ids;               // or these; NULL: not by name
    char session[12];              // session of a probe account: "auto" | "required" | "off"
    gint64 seconds;                // how long a desktop may take until it is healthy (600)
    gint64 sample;                 // how many of the first group must be healthy (3)
    gint64 keep_hours;             // old system disks are kept that long after the end (24)
    gboolean replace_system_disks; // confirmed: what people stored there is lost
} YdRolloutPlan;

void yd_rollout_plan_init(YdRolloutPlan *plan);
void yd_rollout_plan_clear(YdRolloutPlan *plan);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(YdRolloutPlan, yd_rollout_plan_clear)

// Parses; what is not known, of another type or out of bounds is YD_ERROR_INVALID "rollout.x: …",
// as is more than one of share, department_id and user_ids. NULL or "" is all defaults. ret_plan is
// written only on success; clear it.
gboolean yd_rollout_plan_parse(const char *json, YdRolloutPlan *ret_plan, GError **error);

// The canonical JSON, with all members; owned.
char *yd_rollout_plan_json(const YdRolloutPlan *plan);

// Whether the plan names somebody to go first.
gboolean yd_rollout_plan_has_first(const YdRolloutPlan *plan);

// Whether that person goes first: by name, by department (department_ids: theirs, joined by ","),
// or by share, where a hash of their id decides: the same people each time.
gboolean
yd_rollout_is_first(const YdRolloutPlan *plan, const char *user_id, const char *department_ids);

// 0..9999, spread evenly, always the same for one id.
guint yd_rollout_rank(const char *id);

// How far it got. The numbers leave out desktops that are gone meanwhile.
typedef struct {
    gboolean tried, passed; // the throw-away desktop: has an answer, and which
    guint first;            // in the first group
    guint first_healthy, first_failed;
    guint waiting;  // of all, not moved yet
    guint moved;    // of all, on the new version now
    guint failed;   // of all, on the new version and not healthy
    guint forgiven; // failed ones that somebody knows of, who went on
} YdRolloutCounts;

// The state that follows; the same one when it is to wait. A failure of the first group or of the
// throw-away desktop goes back; later ones pause, since by then most people work on the new version
// and an administrator has to weigh that.
const char *
yd_rollout_next(const char *state, const YdRolloutPlan *plan, const YdRolloutCounts *counts);
