// What the tests of the pages share: a clinic, an app's two origins, a browser.

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { Clinic } from '../clients/clinic.mjs';

/** Where the app is at home, and where it is a stranger: to a browser, two origins and two sites. */
const HOSTS = ['127.0.0.1', 'localhost'];

export class Stage {
  #browser;
  #servers = [];
  #later = join(tmpdir(), `wardkey-later-${process.pid}`);

  static async open(settings = {}) {
    const stage = new Stage();
    const preloaded = { LD_PRELOAD: process.env.WARDKEY_LATER_LIBRARY, WARDKEY_LATER: stage.#later };
    stage.clinic = await Clinic.open(settings, preloaded);
    [stage.home, stage.elsewhere] = await Promise.all(HOSTS.map((host) => stage.#serve(host)));
    stage.#browser = await chromium.launch({
      executablePath: process.env.WARDKEY_CHROMIUM,
      // Root may not start Chromium's sandbox; the pages are our own.
      args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking',
        '--disable-component-update', '--disable-sync'],
    });
    return stage;
  }

  /** The app as a client, which both origins may send people back to; one of them may call endpoints. */
  register(members = {}) {
    return this.clinic.registerPortal('none', {
      redirect_uris: [`${this.home}/back`, `${this.elsewhere}/back`],
      allowed_origins: [this.home],
      ...members,
    });
  }

  /** The authorization request that an app makes, as a link. */
  link({ client_id }, redirect_uri, scope = 'lab:read') {
    const link = this.clinic.url('/oauth/authorize');
    link.search = new URLSearchParams({
      response_type: 'code', client_id, redirect_uri, scope, state: 'xyz',
      code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM', code_challenge_method: 'S256',
    });
    return link;
  }

  /** Somebody's browser with the app open, `width` pixels wide. */
  async visit({ client_id }, { width = 1280, at = this.home, scope = 'lab:read' } = {}) {
    const viewport = { width, height: 800 };
    const context = await this.#browser.newContext({ viewport, ignoreHTTPSErrors: true });
    context.setDefaultTimeout(10_000);
    const visit = new Visit(await context.newPage(), width);
    const query = new URLSearchParams({ issuer: this.clinic.issuer, client_id, scope });
    await visit.page.goto(`${at}/?${query}`);
    return visit;
  }

  /** Sets the host's clock ahead, for good. */
  pass(seconds) {
    writeFileSync(this.#later, Buffer.alloc(seconds));
  }

  async close() {
    await this.#browser.close();
    for (const server of this.#servers) server.close();
    await this.clinic.close();
    rmSync(this.#later, { force: true });
  }

  // Serves the app; and what would like to show our pages inside its own.
  async #serve(host) {
    const { WARDKEY_TLS_KEY, WARDKEY_TLS_CERTIFICATE } = process.env;
    const secrets = { key: readFileSync(WARDKEY_TLS_KEY), cert: readFileSync(WARDKEY_TLS_CERTIFICATE) };
    const app = readFileSync(new URL('app.html', import.meta.url));
    const server = https.createServer(secrets, (request, response) => {
      const { pathname, searchParams } = new URL(request.url, 'https://app');
      response.setHeader('content-type', 'text/html');
      // A callback that knows the way and sends people on at once.
      if (pathname === '/hop') {
        const place = searchParams.get('to');
        searchParams.delete('to');
        response.writeHead(302, { location: `${place}?${searchParams}` }).end();
        return;
      }
      const framed = searchParams.get('framed')?.replaceAll('&', '&amp;');
      response.end(pathname === '/frame' ? `<iframe src="${framed}"></iframe>` : app);
    });
    server.listen(0, host);
    await once(server, 'listening');
    this.#servers.push(server);
    return `https://${host}:${server.address().port}`;
  }
}

/** One person's browser. */
class Visit {
  /** What the browser's console has to say. Violations of a content security policy are told there. */
  complaints = [];

  constructor(page, width) {
    this.page = page;
    this.width = width;
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) this.complaints.push(message.text());
    });
    page.on('pageerror', (error) => this.complaints.push(String(error)));
  }

  /** Leaves the app for the login page. */
  async leave() {
    await this.page.click('#sign-in');
    await this.page.waitForSelector('#p');
  }

  async signIn({ credentials }, password = credentials.password) {
    await this.page.fill('#u', credentials.username);
    await this.page.fill('#p', password);
    await this.press('login');
  }

  /** Presses a button of one of our pages, and waits for where it leads. */
  press(button) {
    return this.#follow(() => this.page.click(`button[value=${button}]`));
  }

  /** Presses a key that leads elsewhere. */
  key(key) {
    return this.#follow(() => this.page.keyboard.press(key));
  }

  /** Goes back or forward as many steps as one wants, which is one click in a browser's menu. */
  travel(steps) {
    return this.#follow(() => this.page.evaluate((steps) => history.go(steps), steps));
  }

  /** Waits for the page to put the focus there. */
  async focusOn(id) {
    await this.page.waitForFunction((id) => document.activeElement.id === id, id);
  }

  async #follow(action) {
    await Promise.all([this.page.waitForEvent('load'), action()]);
  }

  /** What the app has learnt. */
  async told() {
    const output = this.page.locator('output:not(:empty)');
    return JSON.parse(await output.textContent());
  }

  text() {
    return this.page.innerText('main');
  }

  /** Takes a picture, of a page that fits into the window's width. */
  async picture(name) {
    const [content, window] = await this.page.evaluate(() => {
      const { scrollWidth, clientWidth } = document.documentElement;
      return [scrollWidth, clientWidth];
    });
    assert.ok(content <= window, `${name} is ${content} px wide, the window ${window}`);
    const path = join(process.env.WARDKEY_SCREENSHOTS, `${name}-${this.width}.png`);
    await this.page.screenshot({ path, fullPage: true });
  }

  async close() {
    await this.page.context().close();
  }
}
