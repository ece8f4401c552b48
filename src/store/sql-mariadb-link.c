// SPDX-License-Identifier: Apache-2.0
// libmariadb: connecting with limits on time, prepared statements, results copied at once, so that
// none of them hangs on a connection that may go.
#include "store/sql-mariadb-link.h"

#include <errmsg.h>
#include <mysql.h>
#include <mysqld_error.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/id.h"
#include "store/sql-mariadb-text.h"
#include "store/sql-mariadb-url.h"

#define CONNECT_S 3
#define ANSWER_S 60 // longer than the wait for a lock, and than a change of the schema
#define STATEMENTS_MAX 128
#define VERSION_MIN 101000 // the collation that tells accents but not case came with 10.10
#define PAUSE_US 200000

// Strict: what does not fit is refused, not cut. "||" and quotes mean what they mean in SQLite.
#define SESSION                                                                                    \
    "SET SESSION sql_mode = 'STRICT_ALL_TABLES,ERROR_FOR_DIVISION_BY_ZERO,"                        \
    "NO_ENGINE_SUBSTITUTION,SIMULTANEOUS_ASSIGNMENT,"                                              \
    "PIPES_AS_CONCAT,NO_BACKSLASH_ESCAPES,ANSI_QUOTES', "                                          \
    "collation_connection = 'utf8mb4_nopad_bin', "                                                 \
    "innodb_lock_wait_timeout = 10, foreign_key_checks = 1, autocommit = 1, "                      \
    "in_predicate_conversion_threshold = 0, group_concat_max_len = 1048576"

struct _YdMariadbLink {
    YdMariadbUrl *url;
    char *name, *writer;
    MYSQL *mysql;           // NULL: not connected
    GHashTable *statements; // text -> MYSQL_STMT
};

static gint preferred;   // the server that answered last, by its place in the URL
static gint64 out_since; // when all servers had been silent for the whole time; 0: they are not

void
yd_mariadb_result_free(YdMariadbResult *result)
{
    if (!result)
        return;
    g_array_unref(result->cells);
    g_string_chunk_free(result->texts);
    g_free(result);
}

static void
close_statement(gpointer statement)
{
    mysql_stmt_close(statement);
}

YdMariadbLink *
yd_mariadb_link_new(const char *url, GError **error)
{
    static gsize once;
    if (g_once_init_enter(&once)) {
        mysql_library_init(0, NULL, NULL);
        g_once_init_leave(&once, 1);
    }
    YdMariadbUrl *parsed = yd_mariadb_url_parse(url, error);
    if (!parsed)
        return NULL;
    YdMariadbLink *link = g_new0(YdMariadbLink, 1);
    link->url = parsed;
    link->name = yd_mariadb_url_name(parsed);
    link->statements = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, close_statement);
    return link;
}

void
yd_mariadb_link_drop(YdMariadbLink *link)
{
    g_hash_table_remove_all(link->statements);
    g_clear_pointer(&link->mysql, mysql_close);
}

void
yd_mariadb_link_free(YdMariadbLink *link)
{
    if (!link)
        return;
    yd_mariadb_link_drop(link);
    g_hash_table_unref(link->statements);
    yd_mariadb_url_free(link->url);
    g_free(link->name);
    g_free(link->writer);
    g_free(link);
}

static YdMariadbOutcome
fail(YdMariadbLink *link, guint code, const char *message, GError **error)
{
    YdMariadbOutcome outcome = yd_mariadb_fail(link->name, code, message, error);
    if (outcome == YD_MARIADB_LOST)
        yd_mariadb_link_drop(link);
    return outcome;
}

// ---- connecting

// A server whose power is gone sends nothing: the kernel asks.
static void
watch_socket(MYSQL *mysql)
{
    int fd = (int)mysql_get_socket(mysql), on = 1, idle = 5, each = 2, count = 3, limit = 11000;
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof idle);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &each, sizeof each);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
    setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &limit, sizeof limit);
}

static void
set_options(MYSQL *mysql, const YdMariadbUrl *url)
{
    guint connect = CONNECT_S, answer = ANSWER_S;
    my_bool on = 1;
    enum mysql_protocol_type tcp = MYSQL_PROTOCOL_TCP;
    if (!url->socket) // else "localhost" would be the socket that libmariadb knows
        mysql_options(mysql, MYSQL_OPT_PROTOCOL, &tcp);
    mysql_options(mysql, MYSQL_OPT_CONNECT_TIMEOUT, &connect);
    mysql_options(mysql, MYSQL_OPT_READ_TIMEOUT, &answer);
    mysql_options(mysql, MYSQL_OPT_WRITE_TIMEOUT, &answer);
    mysql_options(mysql, MYSQL_SET_CHARSET_NAME, "utf8mb4");
    if (!url->ssl_ca)
        return;
    mysql_ssl_set(mysql, url->ssl_key, url->ssl_cert, url->ssl_ca, NULL, NULL);
    mysql_options(mysql, MYSQL_OPT_SSL_ENFORCE, &on);
    mysql_options(mysql, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, &on);
}

static gboolean
show(MYSQL *mysql, const char *query, const char *wanted)
{
    if (mysql_query(mysql, query) != 0)
        return FALSE;
    MYSQL_RES *result = mysql_store_result(mysql);
    MYSQL_ROW row = result ? mysql_fetch_row(result) : NULL;
    gboolean is = row && g_strcmp0(row[1], wanted) == 0;
    mysql_free_result(result);
    return is;
}

static gboolean
refuse(GError **error, const char *text)
{
    g_set_error_literal(error, YD_ERROR, YD_ERROR_UNAVAILABLE, text);
    return FALSE;
}

// STATE: waiting does not help.
static gboolean
refuse_for_good(GError **error, const char *text)
{
    g_set_error_literal(error, YD_ERROR, YD_ERROR_STATE, text);
    return FALSE;
}

static gboolean
refuse_connection(MYSQL *mysql, GError **error)
{
    static const guint hopeless[] = {ER_ACCESS_DENIED_ERROR, ER_DBACCESS_DENIED_ERROR,
                                     ER_ACCESS_DENIED_NO_PASSWORD_ERROR, ER_HOST_NOT_PRIVILEGED};
    for (gsize i = 0; i < G_N_ELEMENTS(hopeless); i++) {
        if (mysql_errno(mysql) == hopeless[i])
            return refuse_for_good(error, mysql_error(mysql));
    }
    return refuse(error, mysql_error(mysql));
}

// A node of Galera serves only while it belongs to a majority, and first catches up with what
// others have committed.
static gboolean
check_galera(MYSQL *mysql, GError **error)
{
    if (!show(mysql, "SHOW VARIABLES LIKE 'wsrep_on'", "ON"))
        return TRUE;
    if (!show(mysql, "SHOW STATUS LIKE 'wsrep_ready'", "ON"))
        return refuse(error, "this node of the cluster is not ready (no majority?)");
    if (mysql_query(mysql, "SET SESSION wsrep_sync_wait = 1") != 0 ||
        mysql_query(mysql, "SELECT 1") != 0)
        return refuse(error, mysql_error(mysql));
    mysql_free_result(mysql_store_result(mysql));
    return mysql_query(mysql, "SET SESSION wsrep_sync_wait = 0") == 0 ||
           refuse(error, mysql_error(mysql));
}

static gboolean
make_database(MYSQL *mysql, const char *database, GError **error)
{
    g_autofree char *text =
        g_strdup_printf("CREATE DATABASE IF NOT EXISTS `%s` CHARACTER SET utf8mb4 COLLATE "
                        "utf8mb4_nopad_bin",
                        database);
    return mysql_query(mysql, text) == 0 || refuse_connection(mysql, error);
}

static gboolean
set_up(YdMariadbLink *link, MYSQL *mysql, GError **error)
{
    if (!mariadb_connection(mysql) || mysql_get_server_version(mysql) < VERSION_MIN) {
        g_autofree char *text = g_strdup_printf("it is %s, but MariaDB 10.10 or newer is needed",
                                                mysql_get_server_info(mysql));
        return refuse_for_good(error, text);
    }
    if (mysql_query(mysql, SESSION) != 0 ||
        mysql_query(mysql, "SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ") != 0)
        return refuse(error, mysql_error(mysql));
    if (!check_galera(mysql, error))
        return FALSE;
    if (mysql_select_db(mysql, link->url->database) == 0)
        return TRUE;
    if (mysql_errno(mysql) != ER_BAD_DB_ERROR)
        return refuse_connection(mysql, error);
    return make_database(mysql, link->url->database, error) &&
           (mysql_select_db(mysql, link->url->database) == 0 || refuse(error, mysql_error(mysql)));
}

static gboolean
connect_to(YdMariadbLink *link, const YdMariadbHost *host, GError **error)
{
    g_autoptr(YdSecret) password = yd_mariadb_url_password(link->url, error);
    if (!password) {
        if (error && *error)
            (*error)->code = YD_ERROR_STATE; // waiting does not help
        return FALSE;
    }
    MYSQL *mysql = mysql_init(NULL);
    set_options(mysql, link->url);
    gboolean up = mysql_real_connect(mysql, host->host ? host->host : "localhost", link->url->user,
                                     yd_secret_reveal(password), NULL, host->port,
                                     host->host ? NULL : link->url->socket,
                                     CLIENT_FOUND_ROWS | CLIENT_MULTI_STATEMENTS) != NULL;
    if (!up)
        refuse_connection(mysql, error);
    if (!up || !set_up(link, mysql, error)) {
        mysql_close(mysql);
        return FALSE;
    }
    if (host->host)
        watch_socket(mysql);
    link->mysql = mysql;
    g_free(link->writer);
    link->writer = yd_id_new("wr");
    return TRUE;
}

// One round over the servers; says in `told` what each answered. There is no hope where all of them
// refuse for good.
static gboolean
connect_round(YdMariadbLink *link, GString *told, gboolean *ret_hope)
{
    guint n = link->url->hosts->len;
    guint first = (guint)g_atomic_int_get(&preferred) % n;
    g_string_truncate(told, 0);
    *ret_hope = FALSE;
    for (guint i = 0; i < n; i++) {
        guint at = (first + i) % n;
        const YdMariadbHost *host = &g_array_index(link->url->hosts, YdMariadbHost, at);
        g_autoptr(GError) error = NULL;
        if (connect_to(link, host, &error)) {
            g_atomic_int_set(&preferred, (gint)at);
            return TRUE;
        }
        *ret_hope = *ret_hope || g_error_matches(error, YD_ERROR, YD_ERROR_UNAVAILABLE);
        if (host->host)
            g_string_append_printf(told, "%s%s:%u: %s", told->len ? "; " : "", host->host,
                                   host->port, error->message);
        else
            g_string_append(told, error->message);
    }
    return FALSE;
}

gboolean
yd_mariadb_link_up(YdMariadbLink *link, GError **error)
{
    static GMutex lock;
    if (link->mysql)
        return TRUE;
    gint64 now = g_get_monotonic_time();
    g_mutex_lock(&lock);
    // where another thread has waited in vain, one round is enough
    gint64 until = out_since ? now : now + YD_MARIADB_WAIT_MS * 1000;
    g_mutex_unlock(&lock);
    g_autoptr(GString) told = g_string_new(NULL);
    gboolean hope = FALSE, up = connect_round(link, told, &hope);
    while (!up && hope && g_get_monotonic_time() < until) {
        g_usleep(PAUSE_US);
        up = connect_round(link, told, &hope);
    }
    g_mutex_lock(&lock);
    out_since = up || !hope ? 0 : now;
    g_mutex_unlock(&lock);
    if (!up)
        g_set_error(error, YD_ERROR, YD_ERROR_UNAVAILABLE,
                    "The store %s does not answer (%s); look at its servers", link->name,
                    told->str);
    return up;
}

// ---- statements

static MYSQL_STMT *
statement_for(YdMariadbLink *link, const char *text, YdMariadbOutcome *ret_outcome, GError **error)
{
    MYSQL_STMT *kept = g_hash_table_lookup(link->statements, text);
    if (kept)
        return kept;
    if (g_hash_table_size(link->statements) >= STATEMENTS_MAX)
        g_hash_table_remove_all(link->statements);
    g_autofree char *adjusted = yd_mariadb_text(text);
    MYSQL_STMT *statement = mysql_stmt_init(link->mysql);
    if (mysql_stmt_prepare(statement, adjusted, strlen(adjusted)) != 0) {
        guint code = mysql_stmt_errno(statement);
        g_autofree char *message = g_strdup(mysql_stmt_error(statement));
        mysql_stmt_close(statement);
        *ret_outcome = fail(link, code, message, error);
        return NULL;
    }
    my_bool on = 1;
    mysql_stmt_attr_set(statement, STMT_ATTR_UPDATE_MAX_LENGTH, &on);
    g_hash_table_insert(link->statements, g_strdup(text), statement);
    return statement;
}

static void
fill_parameters(MYSQL_BIND *to, const GArray *binds)
{
    for (guint i = 0; i < binds->len; i++) {
        YdMariadbBind *bind = &g_array_index(binds, YdMariadbBind, i);
        if (bind->type == 'i') {
            to[i].buffer_type = MYSQL_TYPE_LONGLONG;
            to[i].buffer = &bind->number;
        } else if (bind->type == 'd') {
            to[i].buffer_type = MYSQL_TYPE_DOUBLE;
            to[i].buffer = &bind->real;
        } else if (bind->text) {
            to[i].buffer_type = MYSQL_TYPE_STRING;
            to[i].buffer = bind->text;
            to[i].buffer_length = strlen(bind->text);
        } else {
            to[i].buffer_type = MYSQL_TYPE_NULL;
        }
    }
}

typedef struct {
    MYSQL_BIND *binds;
    YdMariadbCell *cells;
    char **texts;
    unsigned long *lengths;
    my_bool *nulls;
} Columns;

static void
columns_clear(Columns *columns, guint n)
{
    for (guint i = 0; i < n; i++)
        g_free(columns->texts[i]);
    g_free(columns->binds);
    g_free(columns->cells);
    g_free(columns->texts);
    g_free(columns->lengths);
    g_free(columns->nulls);
}

static char
kind_of(enum enum_field_types type)
{
    switch (type) {
    case MYSQL_TYPE_TINY:
    case MYSQL_TYPE_SHORT:
    case MYSQL_TYPE_INT24:
    case MYSQL_TYPE_LONG:
    case MYSQL_TYPE_LONGLONG:
        return 'i';
    case MYSQL_TYPE_FLOAT:
    case MYSQL_TYPE_DOUBLE:
        return 'd';
    default:
        return 't';
    }
}

static void
columns_init(Columns *columns, const MYSQL_FIELD *fields, guint n)
{
    *columns = (Columns){g_new0(MYSQL_BIND, n), g_new0(YdMariadbCell, n), g_new0(char *, n),
                         g_new0(unsigned long, n), g_new0(my_bool, n)};
    for (guint i = 0; i < n; i++) {
        YdMariadbCell *cell = &columns->cells[i];
        MYSQL_BIND *bind = &columns->binds[i];
        cell->kind = kind_of(fields[i].type);
        bind->is_null = &columns->nulls[i];
        bind->length = &columns->lengths[i];
        if (cell->kind == 'i') {
            bind->buffer_type = MYSQL_TYPE_LONGLONG;
            bind->buffer = &cell->number;
        } else if (cell->kind == 'd') {
            bind->buffer_type = MYSQL_TYPE_DOUBLE;
            bind->buffer = &cell->real;
        } else {
            columns->texts[i] = g_malloc(fields[i].max_length + 1);
            bind->buffer_type = MYSQL_TYPE_STRING;
            bind->buffer = columns->texts[i];
            bind->buffer_length = fields[i].max_length + 1;
        }
    }
}

static void
take_row(YdMariadbResult *result, const Columns *columns)
{
    for (guint i = 0; i < result->columns; i++) {
        YdMariadbCell cell = columns->cells[i];
        if (columns->nulls[i])
            cell.kind = '0';
        else if (cell.kind == 't')
            cell.text = g_string_chunk_insert_len(result->texts, columns->texts[i],
                                                  (gssize)columns->lengths[i]);
        g_array_append_val(result->cells, cell);
    }
    result->rows++;
}

// All rows; FALSE: the statement has the error.
static gboolean
fetch(MYSQL_STMT *statement, YdMariadbResult *result)
{
    if (mysql_stmt_field_count(statement) == 0)
        return TRUE;
    if (mysql_stmt_store_result(statement) != 0)
        return FALSE;
    MYSQL_RES *meta = mysql_stmt_result_metadata(statement);
    if (!meta)
        return FALSE;
    Columns columns;
    int code = 0;
    result->columns = mysql_num_fields(meta);
    columns_init(&columns, mysql_fetch_fields(meta), result->columns);
    mysql_stmt_bind_result(statement, columns.binds);
    while ((code = mysql_stmt_fetch(statement)) == 0)
        take_row(result, &columns);
    columns_clear(&columns, result->columns);
    mysql_free_result(meta);
    mysql_stmt_free_result(statement);
    return code == MYSQL_NO_DATA;
}

YdMariadbOutcome
yd_mariadb_link_execute(YdMariadbLink *link, const char *text, const GArray *binds,
                        YdMariadbResult **ret_result, GError **error)
{
    YdMariadbOutcome outcome = YD_MARIADB_DONE;
    if (!link->mysql)
        return fail(link, CR_SERVER_GONE_ERROR, "there is no connection", error);
    MYSQL_STMT *statement = statement_for(link, text, &outcome, error);
    if (!statement)
        return outcome;
    if (mysql_stmt_param_count(statement) != binds->len) {
        g_set_error(error, YD_ERROR, YD_ERROR_INTERNAL, "%lu parameters are wanted, %u given: %s",
                    mysql_stmt_param_count(statement), binds->len, text);
        return YD_MARIADB_REFUSED;
    }
    g_autofree MYSQL_BIND *parameters = g_new0(MYSQL_BIND, binds->len + 1);
    fill_parameters(parameters, binds);
    g_autoptr(YdMariadbResult) result = g_new0(YdMariadbResult, 1);
    result->cells = g_array_new(FALSE, TRUE, sizeof(YdMariadbCell));
    result->texts = g_string_chunk_new(1024);
    if ((binds->len > 0 && mysql_stmt_bind_param(statement, parameters) != 0) ||
        mysql_stmt_execute(statement) != 0 || !fetch(statement, result)) {
        g_autofree char *message = g_strdup(mysql_stmt_error(statement));
        return fail(link, mysql_stmt_errno(statement), message, error);
    }
    if (result->columns == 0)
        result->affected = (gint64)mysql_stmt_affected_rows(statement);
    *ret_result = g_steal_pointer(&result);
    return YD_MARIADB_DONE;
}

YdMariadbOutcome
yd_mariadb_link_script(YdMariadbLink *link, const char *text, gint64 *ret_affected, GError **error)
{
    if (!link->mysql)
        return fail(link, CR_SERVER_GONE_ERROR, "there is no connection", error);
    int code = mysql_real_query(link->mysql, text, strlen(text)) == 0 ? 0 : 1;
    while (code == 0) {
        MYSQL_RES *result = mysql_store_result(link->mysql);
        if (ret_affected)
            *ret_affected = (gint64)mysql_affected_rows(link->mysql);
        mysql_free_result(result);
        code = mysql_next_result(link->mysql); // -1: no more
    }
    if (code < 0)
        return YD_MARIADB_DONE;
    g_autofree char *message = g_strdup(mysql_error(link->mysql));
    return fail(link, mysql_errno(link->mysql), message, error);
}

gboolean
yd_mariadb_link_in_transaction(const YdMariadbLink *link)
{
    unsigned int status = 0;
    return link->mysql &&
           mariadb_get_infov(link->mysql, MARIADB_CONNECTION_SERVER_STATUS, &status) == 0 &&
           (status & SERVER_STATUS_IN_TRANS);
}

const char *
yd_mariadb_link_writer(const YdMariadbLink *link)
{
    return link->writer;
}

const char *
yd_mariadb_link_name(const YdMariadbLink *link)
{
    return link->name;
}
