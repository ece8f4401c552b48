// SPDX-License-Identifier: Apache-2.0
// A MariaDB server for a test: on loopback with TLS, a database user with a password, killed and started again at will.

import fs from 'node:fs';
import path from 'node:path';
import { Program, dir, ok, poll, run } from './process.mjs';
import { freePort } from './product.mjs';

let count = 0;

export class Database {
  static async start() {
    const db = new Database();
    db.home = path.join(dir, `mariadb${count++ || ''}`);
    db.socket = path.join(db.home, 's');
    db.data = path.join(db.home, 'data');
    db.port = await freePort();
    fs.mkdirSync(db.home);
    await ok('mariadb-install-db', ['--no-defaults', '--user=root', `--datadir=${db.data}`, '--auth-root-authentication-method=normal', '--skip-test-db']);
    await db.certificates();
    await db.up();
    db.passwordFile = path.join(db.home, 'password');
    fs.writeFileSync(db.passwordFile, 'Geheim-7\n', { mode: 0o600 });
    await db.sql("CREATE USER yundesk@'127.0.0.1' IDENTIFIED BY 'Geheim-7' REQUIRE SSL; GRANT ALL ON yundesk.* TO yundesk@'127.0.0.1'");
    return db;
  }

  // A CA of its own, a server certificate for localhost, and a CA that has nothing to do with it.
  async certificates() {
    const at = (name) => path.join(this.home, name);
    const key = (name) => ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', at(`${name}.key`)];
    for (const name of ['ca', 'other']) {
      await ok('openssl', ['req', '-x509', ...key(name), '-out', at(`${name}.pem`), '-days', '30', '-subj', `/CN=Test ${name}`]);
    }
    await ok('openssl', ['req', ...key('server'), '-out', at('server.csr'), '-subj', '/CN=localhost']);
    fs.writeFileSync(at('ext'), 'subjectAltName=DNS:localhost\n');
    await ok('openssl', ['x509', '-req', '-in', at('server.csr'), '-CA', at('ca.pem'), '-CAkey', at('ca.key'), '-CAcreateserial', '-out', at('server.pem'), '-days', '30', '-extfile', at('ext')]);
  }

  // Starts the server and waits until it answers.
  async up() {
    const at = (name) => path.join(this.home, name);
    this.program = new Program('mariadbd', 'mariadbd', ['--no-defaults', '--user=root', `--datadir=${this.data}`, `--socket=${this.socket}`,
      `--port=${this.port}`, '--bind-address=127.0.0.1', '--skip-name-resolve', '--performance-schema=off', '--innodb-buffer-pool-size=64M',
      '--max-connections=300', `--ssl-ca=${at('ca.pem')}`, `--ssl-cert=${at('server.pem')}`, `--ssl-key=${at('server.key')}`]);
    await poll('mariadbd answers', async () => (await run('mariadb', ['--no-defaults', '-S', this.socket, '-uroot', '-e', 'SELECT 1'])).code === 0, { seconds: 60 });
  }

  url({ ca = 'ca', name = 'yundesk' } = {}) {
    return `mariadb://yundesk@localhost:${this.port}/${name}?password-file=${this.passwordFile}&ssl-ca=${path.join(this.home, `${ca}.pem`)}`;
  }

  async sql(text) {
    return (await ok('mariadb', ['--no-defaults', '-S', this.socket, '-uroot', '-Nse', text])).trim();
  }

  kill() { return this.program.kill(); }

  stop() { return this.program.stop(); }
}
