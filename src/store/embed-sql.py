#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Writes the steps of the schema (sql/NNNN-what.sql and their twins for MariaDB, given as arguments) as C tables.
import os
import sys

BASELINE = 21  # the first step of MariaDB has all that SQLite's steps up to this one made


def literal(line):
    return '        "' + line.replace('\\', '\\\\').replace('"', '\\"') + '\\n"\n'


def table(name, steps, first):
    out = [f'const YdMigration {name}[] = {{\n']
    for number, (what, path) in enumerate(steps, first):
        if int(what[:4]) != number:
            sys.exit(f'{path}: step {number} is expected here; steps have no gaps')
        with open(path, encoding='utf-8') as file:
            text = ''.join(literal(line.rstrip('\n')) for line in file)
        out.append(f'    {{{number}, "{what}",\n{text}    }},\n')
    out.append('};\n\n')
    return ''.join(out)


plain, twins = [], []
for path in sys.argv[2:]:
    what = os.path.basename(path)[:-len('.sql')]
    if what.endswith('.mariadb'):
        twins.append((what[:-len('.mariadb')], path))
    else:
        plain.append((what, path))
for what, path in plain[BASELINE:]:
    if what not in dict(twins):
        sys.exit(f'{path}: its twin {what}.mariadb.sql is missing; docs/internals/store.md says how to write it')
with open(sys.argv[1], 'w', encoding='utf-8') as file:
    file.write('#include "store/migrate.h"\n\n')
    file.write(table('yd_migrations', plain, 1))
    file.write(table('yd_migrations_mariadb', twins, BASELINE))
    file.write('const guint yd_n_migrations = G_N_ELEMENTS(yd_migrations);\n'
               'const guint yd_n_migrations_mariadb = G_N_ELEMENTS(yd_migrations_mariadb);\n')
