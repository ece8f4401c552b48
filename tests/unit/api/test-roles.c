// SPDX-License-Identifier: Apache-2.0
// Walks the table of routes: every route as every role, with one's own things, somebody else's,
// and ids that nobody has. What a person may not see never shows in any answer.
#include "api-fixture.h"

#include "api/request.h"

typedef enum {
    NOBODY,
    USER,    // anna: in department A, has a desktop
    MANAGER, // mona: manages department A
    ADMIN,   // adam
    N_PEOPLE
} Person;

typedef struct {
    char *user, *desktop, *connection, *job, *department, *pool, *entitlement, *login;
} Things;

typedef struct {
    Fixture f;
    Things own;     // anna's, so mona's to manage
    Things foreign; // bert's, of department B
    char *mona, *adam;
} World;

static const char *const names[] = {NULL, "anna", "mona", "adam"};

static char *
first_id(Fixture *f, const YdRecordType *type, const char *column, const char *value)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GPtrArray) rows = yd_store_all(f->store, type, column, value, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(rows->len, >, 0);
    return g_strdup(yd_record_text(rows->pdata[0], yd_record_field(type, "id")));
}

static void
make_things(Fixture *f, Things *things, const char *username, const char *number)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *pool_name = g_strdup_printf("pool-of-%s", username);
    g_autofree char *desktop_name = g_strdup_printf("desk-of-%s", username);
    things->user = fixture_user(f, username, "user");
    things->department = fixture_department(f, number);
    fixture_member(f, things->department, things->user, FALSE);
    things->pool = fixture_pool(f, pool_name);
    g_autoptr(YdEntitlement) entitlement = yd_entitlement_new();
    entitlement->pool_id = g_strdup(things->pool);
    entitlement->department_id = g_strdup(things->department);
    yd_store_insert(f->store, &yd_entitlement_type, entitlement, &error);
    g_assert_no_error(error);
    things->entitlement = g_strdup(entitlement->id);
    things->desktop = fixture_desktop(f, things->pool, things->user, desktop_name);
    things->connection = fixture_connection(f, things->desktop, things->user);
    things->job = fixture_job(f, things->user, things->desktop);
    g_autoptr(Client) client G_GNUC_UNUSED = client_login(f, username);
    things->login = first_id(f, &yd_login_type, "user_id", things->user);
}

static void
set_up(World *world, gconstpointer data)
{
    fixture_set_up(&world->f, NULL);
    make_things(&world->f, &world->own, "anna", "A");
    make_things(&world->f, &world->foreign, "bert", "B");
    world->mona = fixture_user(&world->f, "mona", "manager");
    world->adam = fixture_user(&world->f, "adam", "admin");
    fixture_member(&world->f, world->own.department, world->mona, TRUE);
}

static void
things_clear(Things *things)
{
    char **all[] = {&things->user,       &things->desktop, &things->connection,  &things->job,
                    &things->department, &things->pool,    &things->entitlement, &things->login};
    for (guint i = 0; i < G_N_ELEMENTS(all); i++)
        g_clear_pointer(all[i], g_free);
}

static void
tear_down(World *world, gconstpointer data)
{
    things_clear(&world->own);
    things_clear(&world->foreign);
    g_clear_pointer(&world->mona, g_free);
    g_clear_pointer(&world->adam, g_free);
    fixture_tear_down(&world->f, NULL);
}

// The id that "{…}" number n of the path stands for, out of these things; NULL: a noun that only
// administrators have to do with.
static const char *
id_for(const char *path, guint n, const Things *things)
{
    static const struct {
        const char *begin;
        gsize first, second; // offsets in Things
    } nouns[] = {
        {"/api/v1/users/", G_STRUCT_OFFSET(Things, user), 0},
        {"/api/v1/departments/", G_STRUCT_OFFSET(Things, department),
         G_STRUCT_OFFSET(Things, user)},
        {"/api/v1/pools/", G_STRUCT_OFFSET(Things, pool), G_STRUCT_OFFSET(Things, entitlement)},
        {"/api/v1/desktops/", G_STRUCT_OFFSET(Things, desktop), 0},
        {"/api/v1/connections/", G_STRUCT_OFFSET(Things, connection), 0},
        {"/api/v1/jobs/", G_STRUCT_OFFSET(Things, job), 0},
        {"/api/v1/me/logins/", G_STRUCT_OFFSET(Things, login), 0},
    };
    for (guint i = 0; i < G_N_ELEMENTS(nouns); i++)
        if (g_str_has_prefix(path, nouns[i].begin))
            return G_STRUCT_MEMBER(char *, things, n == 0 ? nouns[i].first : nouns[i].second);
    return NULL;
}

// The route's path with ids in it; FALSE when it needs one that things do not have.
static gboolean
fill(const char *path, const Things *things, char **ret_path)
{
    g_autoptr(GString) text = g_string_new(NULL);
    guint n = 0;
    for (const char *at = path; *at; at++) {
        if (*at != '{') {
            g_string_append_c(text, *at);
            continue;
        }
        const char *id = things ? id_for(path, n, things) : "xxx-01jd0000000000000000000000";
        n++;
        if (!id)
            return FALSE;
        g_string_append(text, id);
        at = strchr(at, '}');
    }
    *ret_path = g_string_free(g_steal_pointer(&text), FALSE);
    return TRUE;
}

// A body that gets past the parser; what it asks for must be refused for the right's sake.
static const char *
body_for(const YdRoute *route)
{
    static const struct {
        const char *end, *body;
    } bodies[] = {
        {"/members", "{\"user_id\":\"usr-x\"}"},
        {"/managers", "{\"user_id\":\"usr-x\"}"},
        {"/entitlements", "{\"user_id\":\"usr-x\"}"},
        {"/handout", "{\"user_ids\":[\"usr-x\"]}"},
        {"/versions", "{\"path\":\"/nowhere\"}"},
        {"/restore-points", "{\"note\":\"x\"}"},
        {"/restore", "{\"personal\":true}"},
        {"/give-back", "{\"disk\":\"personal\",\"path\":\"/x\"}"},
        {"/me/password", "{\"old\":\"x\",\"new\":\"y\"}"},
        {"/settings", "{\"lock_after\":5}"},
        {"/connections", "{\"protocol\":\"rdp\"}"},
        {"/drain", "{}"},
        {"/fence", "{}"},
        {"/migrate", "{}"},
    };
    if (strcmp(route->method, "POST") != 0 && strcmp(route->method, "PATCH") != 0)
        return NULL;
    for (guint i = 0; i < G_N_ELEMENTS(bodies); i++)
        if (g_str_has_suffix(route->path, bodies[i].end))
            return bodies[i].body;
    return "{\"name\":\"x\"}";
}

static Answer *
send_route(World *world, Person person, const YdRoute *route, const char *path)
{
    g_autoptr(Client) client = names[person] ? client_login(&world->f, names[person])
                                             : client_new(&world->f, "203.0.113.5");
    const char *type = route->body == YD_BODY_CSV ? "Content-Type: text/csv\r\n"
                       : route->body == YD_BODY_UPLOAD
                           ? "Content-Type: application/octet-stream\r\n"
                           : NULL;
    const char *body = route->body == YD_BODY_JSON ? body_for(route) : "x";
    return client_send(client, route->method, path, type, body);
}

static YdRole
role_of(Person person)
{
    return person == ADMIN ? YD_ROLE_ADMIN : person == MANAGER ? YD_ROLE_MANAGER : YD_ROLE_USER;
}

static gboolean
is_denied(const Answer *answer)
{
    return answer->status == 403 || answer->status == 404;
}

static void
complain(const YdRoute *route, Person person, const char *path, const Answer *answer)
{
    g_error("%s %s as %s: %u %s", route->method, path, names[person] ? names[person] : "nobody",
            answer->status, answer->body);
}

// Whoever is not logged in gets nowhere; a role without the right is told so.
static void
test_without_right(World *world, gconstpointer data)
{
    guint n = 0, tried = 0;
    const YdRoute *routes = yd_routes(&n);
    for (guint i = 0; i < n; i++) {
        for (Person person = NOBODY; person < N_PEOPLE; person++) {
            const YdRoute *route = &routes[i];
            if (route->right == YD_RIGHT_NONE ||
                (person != NOBODY &&
                 yd_access_scope(role_of(person), route->right) != YD_SCOPE_NOTHING))
                continue;
            g_autofree char *path = NULL;
            if (!fill(route->path, &world->own, &path) && !fill(route->path, NULL, &path))
                g_assert_not_reached();
            g_autoptr(Answer) answer = send_route(world, person, route, path);
            if (answer->status != (person == NOBODY ? 401 : 403))
                complain(route, person, path, answer);
            tried++;
        }
    }
    g_assert_cmpuint(tried, >, 150);
}

// What belongs to somebody else cannot be reached by any route: it looks as if it were not there.
static void
test_foreign(World *world, gconstpointer data)
{
    guint n = 0, tried = 0;
    const YdRoute *routes = yd_routes(&n);
    for (guint i = 0; i < n; i++) {
        const YdRoute *route = &routes[i];
        g_autofree char *path = NULL;
        if (!strchr(route->path, '{') || !fill(route->path, &world->foreign, &path))
            continue;
        for (Person person = USER; person <= MANAGER; person++) {
            g_autoptr(Answer) answer = send_route(world, person, route, path);
            if (!is_denied(answer))
                complain(route, person, path, answer);
            tried++;
        }
    }
    g_assert_cmpuint(tried, >, 60);
}

// And what is there for somebody else looks like what is not there at all.
static void
test_unknown(World *world, gconstpointer data)
{
    guint n = 0;
    const YdRoute *routes = yd_routes(&n);
    for (guint i = 0; i < n; i++) {
        const YdRoute *route = &routes[i];
        g_autofree char *path = NULL, *foreign = NULL;
        if (!strchr(route->path, '{') || !fill(route->path, NULL, &path))
            continue;
        g_autoptr(Answer) nothing = send_route(world, ADMIN, route, path);
        if (nothing->status != 404 && nothing->status != 400)
            complain(route, ADMIN, path, nothing);
        if (!fill(route->path, &world->foreign, &foreign))
            continue;
        g_autoptr(Answer) unknown = send_route(world, USER, route, path);
        g_autoptr(Answer) there = send_route(world, USER, route, foreign);
        if (unknown->status != there->status)
            complain(route, USER, foreign, there);
        g_assert_cmpstr(answer_text(unknown, "code"), ==, answer_text(there, "code"));
    }
}

// No answer to a GET shows an id of somebody else's things.
static void
test_nothing_leaks(World *world, gconstpointer data)
{
    const char *const secrets[] = {world->foreign.user,
                                   world->foreign.desktop,
                                   world->foreign.connection,
                                   world->foreign.job,
                                   world->foreign.department,
                                   world->foreign.login,
                                   world->foreign.entitlement,
                                   world->foreign.pool,
                                   "desk-of-bert",
                                   "pool-of-bert"};
    guint n = 0, shown = 0;
    const YdRoute *routes = yd_routes(&n);
    for (guint i = 0; i < n; i++) {
        const YdRoute *route = &routes[i];
        g_autofree char *path = NULL;
        if (strcmp(route->method, "GET") != 0 || route->stream ||
            !fill(route->path, &world->own, &path))
            continue;
        for (Person person = USER; person <= MANAGER; person++) {
            g_autoptr(Answer) answer = send_route(world, person, route, path);
            for (guint k = 0; k < G_N_ELEMENTS(secrets); k++)
                if (strstr(answer->body, secrets[k]))
                    complain(route, person, path, answer);
            shown += answer->status == 200;
        }
    }
    g_assert_cmpuint(shown, >, 20); // they do see their own
}

// Lists hold what each may see, and nothing else, also with filters and searches.
static void
test_lists(World *world, gconstpointer data)
{
    static const struct {
        const char *path;
        guint user, manager, admin;
    } lists[] = {
        {"/api/v1/desktops", 1, 1, 2},
        {"/api/v1/connections", 1, 1, 2},
        {"/api/v1/desktops?search=desk-of", 1, 1, 2},
        {"/api/v1/desktops?search=bert", 0, 0, 1},
        {"/api/v1/desktops?state=off&sort=-name", 1, 1, 2},
    };
    for (guint i = 0; i < G_N_ELEMENTS(lists); i++) {
        const guint wanted[] = {0, lists[i].user, lists[i].manager, lists[i].admin};
        for (Person person = USER; person < N_PEOPLE; person++) {
            g_autoptr(Client) client = client_login(&world->f, names[person]);
            g_autoptr(Answer) answer = client_send(client, "GET", lists[i].path, NULL, NULL);
            assert_status(answer, 200);
            json_t *items = json_object_get(answer->json, "items");
            g_assert_cmpuint(json_array_size(items), ==, wanted[person]);
        }
    }
    g_autoptr(Client) anna = client_login(&world->f, "anna");
    g_autoptr(Answer) theirs =
        client_get(anna, "/api/v1/desktops?user_id=%s&total=true", world->foreign.user);
    assert_status(theirs, 200);
    g_assert_cmpuint(json_array_size(json_object_get(theirs->json, "items")), ==, 0);
    g_assert_cmpint(json_integer_value(json_object_get(theirs->json, "total")), ==, 0);
}

// One's own things can be reached: the walk above would pass if everything were refused.
static void
test_own(World *world, gconstpointer data)
{
    const char *const paths[] = {"/api/v1/desktops/{id}", "/api/v1/connections/{id}",
                                 "/api/v1/jobs/{id}", "/api/v1/pools/{id}"};
    for (guint i = 0; i < G_N_ELEMENTS(paths); i++) {
        for (Person person = USER; person < N_PEOPLE; person++) {
            g_autofree char *path = NULL;
            g_assert_true(fill(paths[i], &world->own, &path));
            g_autoptr(Client) client = client_login(&world->f, names[person]);
            g_autoptr(Answer) answer = client_send(client, "GET", path, NULL, NULL);
            assert_status(answer, 200);
        }
    }
    g_autoptr(Client) mona = client_login(&world->f, "mona");
    g_autoptr(Answer) cut = client_send(mona, "DELETE", "/api/v1/connections/x", NULL, NULL);
    assert_problem(cut, 404, "not-found");
    g_autofree char *path = g_strdup_printf("/api/v1/connections/%s", world->own.connection);
    g_autoptr(Answer) done = client_send(mona, "DELETE", path, NULL, NULL);
    assert_status(done, 204);
}

// Connecting is for one's own desktop only, whatever the role.
static void
test_connect_is_own(World *world, gconstpointer data)
{
    g_autofree char *path = g_strdup_printf("/api/v1/desktops/%s/connections", world->own.desktop);
    for (Person person = MANAGER; person < N_PEOPLE; person++) {
        g_autoptr(Client) client = client_login(&world->f, names[person]);
        g_autoptr(Answer) no = client_send(client, "POST", path, NULL, "{\"protocol\":\"rdp\"}");
        g_assert_true(is_denied(no));
    }
    g_autoptr(Client) anna = client_login(&world->f, "anna");
    g_autoptr(Answer) console = client_send(anna, "POST", path, NULL, "{\"protocol\":\"console\"}");
    g_assert_true(is_denied(console));
}

#define ADD(name, function) g_test_add("/api/roles/" name, World, NULL, set_up, function, tear_down)

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    ADD("without-right", test_without_right);
    ADD("foreign", test_foreign);
    ADD("unknown", test_unknown);
    ADD("nothing-leaks", test_nothing_leaks);
    ADD("lists", test_lists);
    ADD("own", test_own);
    ADD("connect-is-own", test_connect_is_own);
    return g_test_run();
}
