// A clinic for one test file: its site, its console, its clients.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { Person } from './person.mjs';

export class Clinic {
  #site;
  #lines;
  #folder;

  /**
   * A new database whose settings are the given ones and an issuer with a port of its own, in a host with this
   * environment beside ours.
   */
  static async open(settings = {}, environment = {}) {
    const { WARDKEY_HOST, WARDKEY_TLS_KEY, WARDKEY_TLS_CERTIFICATE } = process.env;
    const clinic = new Clinic();
    clinic.#folder = await mkdtemp(join(tmpdir(), 'wardkey-'));
    const script = fileURLToPath(new URL('site.mjs', import.meta.url));
    const database = join(clinic.#folder, 'clinic.db');
    const parts = [script, WARDKEY_HOST, database, WARDKEY_TLS_KEY, WARDKEY_TLS_CERTIFICATE];
    const env = { ...process.env, ...environment };
    clinic.#site = spawn(process.execPath, parts, { stdio: ['pipe', 'pipe', 'inherit'], env });
    clinic.#lines = createInterface({ input: clinic.#site.stdout })[Symbol.asyncIterator]();
    clinic.issuer = (await clinic.#lines.next()).value;
    await clinic.call('settings.set', { audience: AUDIENCE, ...settings });
    return clinic;
  }

  /** Runs an operation at the console. */
  async call(operation, document = {}) {
    this.#site.stdin.write(`${operation} ${JSON.stringify(document)}\n`);
    const answer = JSON.parse((await this.#lines.next()).value);
    if (answer.error) throw new Error(answer.error);
    return answer;
  }

  /** A client that may read and write the laboratory's data, unless told otherwise. */
  register(members = {}) {
    return this.call('client.create', { client_name: 'Lab', scope: 'lab:read lab:write', ...members });
  }

  /** A client of before Wardkey, whose id and secret say something else when they are not encoded well. */
  async adopt(members = {}) {
    const known = { client_id: 'lab bridge/7%41+b', client_secret: 'a+b %41: "c"&d=ä?' };
    const client = { client_name: 'Bridge', scope: 'lab:read', ...known, ...members };
    return { ...(await this.call('client.import', client)), ...known, ...members };
  }

  /** A client of people, which gets codes and refreshes; with `none` it has no secret. */
  registerPortal(token_endpoint_auth_method, members = {}) {
    return this.register({
      client_name: 'Portal',
      redirect_uris: [BACK],
      grant_types: ['authorization_code', 'refresh_token'],
      token_endpoint_auth_method,
      ...members,
    });
  }

  /** Somebody who works here, with a browser. */
  async employ(username = 'anna', scope = 'lab:read lab:write') {
    const password = `nobodys guess at ${username}'s`;
    const { user_id } = await this.call('user.create', { username, password, scope });
    return Object.assign(new Person({ username, password }), { user_id });
  }

  url(path) {
    return new URL(path, this.issuer);
  }

  /** Asks the clinic's own API, as any program would. */
  async results(token) {
    const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
    const response = await fetch(this.url('/api/results'), { headers });
    const challenge = response.headers.get('www-authenticate');
    return { status: response.status, challenge, body: await response.json() };
  }

  async close() {
    this.#site.stdin.end();
    const [code] = await once(this.#site, 'exit');
    await rm(this.#folder, { recursive: true });
    if (code !== 0) throw new Error(`the host ended with ${code}`);
  }
}

/** What a promise fails with. */
export async function failure(promise) {
  const value = await promise.catch((error) => ({ error }));
  if (!(value?.error instanceof Error)) throw new Error(`it should have failed: ${JSON.stringify(value)}`);
  return value.error;
}

/** Where portals have people sent back to. Nothing is there: the tests read the address. */
export const BACK = 'https://portal.example/back';

export const AUDIENCE = 'https://api.clinic.example';
