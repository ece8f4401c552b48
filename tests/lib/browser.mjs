// SPDX-License-Identifier: Apache-2.0
// The console in a real browser (Debian's Chromium, driven by playwright-core of web/node_modules): log in, look, click,
// run axe, take pictures. Errors on the page's console and breaches of its content policy are gathered; Browser.stop
// fails on them.

import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { createRequire } from 'node:module';
import { logDir } from './process.mjs';
import { source } from './product.mjs';

const require = createRequire(path.join(source, 'web/package.json'));
const { chromium } = require('playwright-core');
const axeSource = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync'];
// What the browser, or noVNC, says of answers from 400 on and of a server that is away: tests bring those about.
const EXPECTED = /^Failed to load resource|net::ERR_|WebSocket connection to .* failed|^Failed when connecting: Connection closed/;
const screenshots = process.env.YD_SCREENSHOTS ? path.join(source, 'docs/screenshots') : null;

export class Browser {
  // With a screen of startScreen() its windows are on that; otherwise they are nowhere. With a link it runs at the far end.
  static async start(yd, screen = null, link = null) {
    const browser = new Browser();
    browser.yd = yd;
    browser.url = link ? `https://${link.near}:${yd.port}` : yd.url;
    browser.faults = [];
    browser.chromium = await chromium.launch({ executablePath: link ? link.script('/usr/bin/chromium') : '/usr/bin/chromium', headless: !screen,
      args: screen ? [...FLAGS, '--window-position=0,0', `--window-size=${screen.width},${screen.height}`] : FLAGS,
      env: { ...process.env, ...screen?.env } });
    return browser;
  }

  // A window of its own: no cookies or storage are shared with other windows. Returns playwright's page.
  async open({ language = 'en-US', dark = false, width = 1280, height = 800, where = '/', storageState, hasTouch = false,
    viewport = { width, height } } = {}) {
    const context = await this.chromium.newContext({ ignoreHTTPSErrors: true, baseURL: this.url, locale: language,
      colorScheme: dark ? 'dark' : 'light', viewport, hasTouch, acceptDownloads: true, storageState,
      permissions: ['clipboard-read', 'clipboard-write'], reducedMotion: 'reduce' });
    context.setDefaultTimeout(45000); // generous: the machine may be busy with guests
    await context.addInitScript(() => {
      document.addEventListener('securitypolicyviolation', (event) => {
        console.error(`policy breach: ${event.violatedDirective} by ${event.blockedURI} at ${event.sourceFile}:${event.lineNumber}`);
      });
    });
    const page = await context.newPage();
    page.on('console', (message) => {
      if (message.type() === 'error' && !EXPECTED.test(message.text())) this.faults.push(`${page.url()}: ${message.text()}`);
    });
    page.on('pageerror', (error) => this.faults.push(`${page.url()}: ${error.stack}`));
    await page.goto(where);
    return page;
  }

  // A window in which this person is logged in, by the form as they would.
  async as(person, options = {}) {
    const page = await this.open(options);
    await logIn(page, person);
    await page.locator('[data-testid=user-menu], .yd-viewer').first().waitFor();
    return page;
  }

  async stop() {
    let number = 0; // what was on the screens when it ended, for whoever looks into a failure
    for (const page of this.chromium.contexts().flatMap((context) => context.pages())) {
      await page.screenshot({ path: path.join(logDir, `window-${++number}.png`) }).catch(() => {});
    }
    await this.chromium.close();
    assert.deepEqual(this.faults, [], 'errors on the console of the browser');
  }
}

export async function logIn(page, { username, password }) {
  await page.locator('#login-username').fill(username);
  await page.locator('#login-password').fill(password);
  await page.locator('#login-password').press('Enter');
}

// Ends with its window; what it still loads is of no interest.
export const close = (page) => page.context().close();

// At the end of a file: the product also when the browser's end failed; either may be undefined.
export async function stopBoth(browser, yd) {
  try {
    await browser?.stop();
  } finally {
    await yd?.stop();
  }
}

// Pastes as hands do, in place of what stands in the viewer's clipboard panel.
export async function paste(page, text) {
  await page.evaluate((it) => navigator.clipboard.writeText(it), text);
  await page.getByTestId('clipboard').focus();
  await page.keyboard.press('Control+A');
  await page.keyboard.press('Control+V');
  await page.waitForFunction((length) => document.querySelector('[data-testid=clipboard]').value.length === length, text.length);
}

// Fails on anything that axe finds against WCAG 2.1 A and AA, or its best practices.
export async function axe(page, what) {
  await page.evaluate(axeSource);
  const { violations } = await page.evaluate(() => window.axe.run(document, { resultTypes: ['violations'] }));
  const told = violations.map((it) => `${it.id} (${it.impact}): ${it.help}\n${it.nodes.slice(0, 4).map((node) => `    ${node.target.join(' ')}  ${node.html.slice(0, 160)}\n    ${node.failureSummary?.split('\n').slice(1, 3).join(' ')}`).join('\n')}`);
  assert.equal(told.join('\n'), '', `axe on ${what}`);
}

// The page must not be wider than the window: nothing but tables may scroll sideways.
export async function fitsWidth(page, what) {
  const [inner, full] = await page.evaluate(() => [document.documentElement.clientWidth, document.documentElement.scrollWidth]);
  assert.ok(full <= inner, `${what}: ${full} px wide in a window of ${inner} px`);
}

// A picture of the window: in docs/screenshots when YD_SCREENSHOTS is set, else among the logs.
export async function picture(page, name) {
  await page.mouse.move(0, 0);
  await page.screenshot({ path: path.join(screenshots ?? logDir, `${name}.png`), animations: 'disabled' });
}
