// SPDX-License-Identifier: Apache-2.0
// Lays out tables. Cells are texts first; then each column gets the width it needs, or less.
#include "deskctl/table.h"

#include <string.h>

#include "deskctl/text-width.h"

#define GAP 2
#define NARROWEST 6

static const json_t *
member(const json_t *object, const char *name)
{
    const json_t *direct = json_object_get(object, name);
    const char *dot = strchr(name, '.');
    if (direct || !dot)
        return direct;
    g_autofree char *head = g_strndup(name, (gsize)(dot - name));
    return member(json_object_get(object, head), dot + 1);
}

static char *
bytes_text(double bytes)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    gsize i = 0;
    while (bytes >= 1024 && i + 1 < G_N_ELEMENTS(units)) {
        bytes /= 1024;
        i++;
    }
    gboolean whole = i == 0 || bytes >= 100 || bytes == (double)(gint64)bytes;
    return g_strdup_printf(whole ? "%.0f %s" : "%.1f %s", bytes, units[i]);
}

static char *
time_text(const char *text)
{
    g_autoptr(GDateTime) time = g_date_time_new_from_iso8601(text, NULL);
    if (!time)
        return g_strdup(text);
    g_autoptr(GDateTime) local = g_date_time_to_local(time);
    return g_date_time_format(local, "%Y-%m-%d %H:%M:%S");
}

static char *
number_text(double value, CtlCell cell)
{
    if (value < 0 && cell != CTL_CELL_INT)
        return g_strdup("-"); // not known
    switch (cell) {
    case CTL_CELL_BYTES:
        return bytes_text(value);
    case CTL_CELL_MIB:
        return bytes_text(value * (1 << 20));
    case CTL_CELL_GIB:
        return value == 0 ? g_strdup("-") : bytes_text(value * (1 << 30));
    case CTL_CELL_PERCENT:
        return g_strdup_printf("%.0f %%", value);
    case CTL_CELL_MICRO:
        return g_strdup_printf("%.1f ms", value / 1000);
    case CTL_CELL_MILLI:
        return value == 0 ? g_strdup("-") : g_strdup_printf("%.0f ms", value);
    case CTL_CELL_PPM:
        return g_strdup_printf("%.1f %%", value / 10000);
    case CTL_CELL_PORT:
        return value == 0 ? g_strdup("-") : g_strdup_printf("%.0f", value);
    case CTL_CELL_SCORE:
        return g_strdup_printf("%.0f", value);
    default:
        return NULL;
    }
}

static char *
value_text(const json_t *value, CtlCell cell)
{
    if (!value || json_is_null(value))
        return g_strdup("-");
    if (json_is_boolean(value))
        return g_strdup(json_is_true(value) ? "yes" : "no");
    if (json_is_string(value)) {
        const char *text = json_string_value(value);
        if (!*text)
            return g_strdup("-");
        return cell == CTL_CELL_TIME ? time_text(text) : g_strdup(text);
    }
    char *formatted = json_is_number(value) ? number_text(json_number_value(value), cell) : NULL;
    if (formatted)
        return formatted;
    if (json_is_real(value))
        return g_strdup_printf("%.2f", json_real_value(value));
    char *dump = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);
    char *copy = g_strdup(dump);
    free(dump);
    return copy;
}

char *
ctl_cell(const json_t *object, const CtlColumn *column)
{
    g_autofree char *text = value_text(member(object, column->name), column->cell);
    return ctl_clean(text);
}

static gboolean
is_right(CtlCell cell)
{
    return cell != CTL_CELL_TEXT && cell != CTL_CELL_TIME && cell != CTL_CELL_BOOL;
}

// Ids are there to be copied, so they stay whole.
static gboolean
may_shrink(const CtlColumn *column)
{
    return !g_str_equal(column->name, "id");
}

static void
shrink(const CtlColumn *columns, guint *widths, guint n, guint available)
{
    for (;;) {
        guint sum = (n - 1) * GAP, widest = n;
        for (guint i = 0; i < n; i++) {
            sum += widths[i];
            if (may_shrink(&columns[i]) && (widest == n || widths[i] > widths[widest]))
                widest = i;
        }
        if (sum <= available || widest == n || widths[widest] <= NARROWEST)
            return;
        widths[widest]--;
    }
}

static void
append_cell(GString *out, const char *text, guint width, gboolean right, gboolean last)
{
    g_autofree char *cut = ctl_cut(text, width);
    guint pad = width - ctl_width(cut);
    for (guint i = 0; right && i < pad; i++)
        g_string_append_c(out, ' ');
    g_string_append(out, cut);
    for (guint i = 0; !last && i < GAP + (right ? 0 : pad); i++)
        g_string_append_c(out, ' ');
}

// Rows of texts, the headings first.
static GPtrArray *
texts(const json_t *items, const CtlColumn *columns, guint n, gboolean header)
{
    GPtrArray *rows = g_ptr_array_new_with_free_func((GDestroyNotify)g_strfreev);
    if (header) {
        char **row = g_new0(char *, n + 1);
        for (guint i = 0; i < n; i++)
            row[i] = g_strdup(columns[i].title);
        g_ptr_array_add(rows, row);
    }
    for (gsize k = 0; k < json_array_size(items); k++) {
        char **row = g_new0(char *, n + 1);
        for (guint i = 0; i < n; i++)
            row[i] = ctl_cell(json_array_get(items, k), &columns[i]);
        g_ptr_array_add(rows, row);
    }
    return rows;
}

char *
ctl_table(const json_t *items, const CtlColumn *columns, gboolean header, guint width)
{
    guint n = 0;
    while (columns[n].name)
        n++;
    g_autoptr(GPtrArray) rows = texts(items, columns, n, header);
    g_autofree guint *widths = g_new0(guint, n);
    for (guint r = 0; r < rows->len; r++) {
        char **row = g_ptr_array_index(rows, r);
        for (guint i = 0; i < n; i++)
            widths[i] = MAX(widths[i], ctl_width(row[i]));
    }
    if (width)
        shrink(columns, widths, n, width);
    GString *out = g_string_new(NULL);
    for (guint r = 0; r < rows->len; r++) {
        char **row = g_ptr_array_index(rows, r);
        for (guint i = 0; i < n; i++)
            append_cell(out, row[i], widths[i], is_right(columns[i].cell), i + 1 == n);
        g_string_append_c(out, '\n');
    }
    return g_string_free(out, FALSE);
}

static const CtlColumn *
find(const CtlColumn *columns, const char *name)
{
    for (; columns && columns->name; columns++) {
        if (g_str_equal(columns->name, name))
            return columns;
    }
    return NULL;
}

static void
add_line(json_t *lines, const char *title, const json_t *object, const CtlColumn *column)
{
    g_autofree char *value = ctl_cell(object, column);
    json_array_append_new(lines, json_pack("{s:s, s:s}", "k", title, "v", value));
}

char *
ctl_details(const json_t *object, const CtlColumn *columns)
{
    static const CtlColumn layout[] = {{"k", ""}, {"v", ""}, {0}};
    json_t *lines = json_array();
    for (const CtlColumn *column = columns; column && column->name; column++)
        add_line(lines, column->title, object, column);
    const char *name;
    json_t *value;
    json_object_foreach((json_t *)object, name, value)
    {
        // RFC 3339 times explain themselves by their shape.
        gboolean time = json_string_length(value) >= 20 && json_string_value(value)[10] == 'T';
        CtlColumn plain = {name, name, time ? CTL_CELL_TIME : CTL_CELL_TEXT};
        if (!find(columns, name))
            add_line(lines, name, object, &plain);
    }
    char *text = ctl_table(lines, layout, FALSE, 0);
    json_decref(lines);
    return text;
}

static gboolean
any_has(const json_t *items, const char *name)
{
    for (gsize i = 0; i < json_array_size(items); i++) {
        if (member(json_array_get(items, i), name))
            return TRUE;
    }
    return json_array_size(items) == 0;
}

CtlColumn *
ctl_columns_pick(const CtlColumn *known, const char *const *names, const json_t *items,
                 GError **error)
{
    guint n = g_strv_length((char **)names);
    g_autofree CtlColumn *picked = g_new0(CtlColumn, n + 1);
    for (guint i = 0; i < n; i++) {
        const CtlColumn *column = find(known, names[i]);
        if (!column && !any_has(items, names[i])) {
            g_autoptr(GString) list = g_string_new(NULL);
            const char *name;
            json_t *value;
            json_object_foreach(json_array_get(items, 0), name, value)
                g_string_append_printf(list, "%s%s", list->len ? ", " : "", name);
            g_set_error(error, CTL_USAGE, 0, "there is no column '%s'; there are: %s", names[i],
                        list->str);
            return NULL;
        }
        picked[i] = column ? *column : (CtlColumn){names[i], names[i], CTL_CELL_TEXT};
    }
    return g_steal_pointer(&picked);
}
