// An app that is a page alone: it calls the endpoints by fetch, as far as the browser lets it.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Stage } from './stage.mjs';

let stage, clinic, anna;

before(async () => {
  stage = await Stage.open();
  clinic = stage.clinic;
  anna = await clinic.employ();
});
after(() => stage.close());

test('from its registered origin it discovers, redeems, refreshes and revokes', async () => {
  const app = await stage.register();
  const visit = await stage.visit(app);
  const tokens = [await signIn(visit)];
  for (let times = 0; times < 2; times += 1) {
    await visit.page.click('#refresh');
    tokens.push(await visit.told());
  }
  assert.equal(new Set(tokens.map((token) => token.access_token)).size, 3);
  assert.equal(new Set(tokens.map((token) => token.refresh_token)).size, 3);
  for (const { access_token, scope } of tokens) {
    assert.equal(scope, 'lab:read');
    assert.equal((await clinic.results(access_token)).body.for, app.client_id);
  }
  await visit.page.click('#sign-out');
  assert.deepEqual(await visit.told(), {});
  for (const { access_token } of tokens) {
    assert.equal((await clinic.results(access_token)).status, 401);
  }
  assert.deepEqual(visit.complaints, []);
  // It may read an error, too.
  await visit.page.click('#refresh');
  assert.equal((await visit.told()).error, 'invalid_grant');
  await visit.close();
});

test('from another origin the browser lets it read nothing', async () => {
  const app = await stage.register();
  const visit = await stage.visit(app, { at: stage.elsewhere });
  await visit.page.click('#sign-in');
  assert.deepEqual(await visit.told(), { failed: 'TypeError: Failed to fetch' });
  assert.match(visit.complaints[0], /blocked by CORS policy/);
  await visit.close();
});

test('with a preflight, as a request with another media type has one, it is the same', async () => {
  const app = await stage.register();
  for (const [at, told] of [[stage.home, 400], [stage.elsewhere, 'TypeError: Failed to fetch']]) {
    const visit = await stage.visit(app, { at });
    const status = await visit.page.evaluate(async (url) => {
      const headers = { 'content-type': 'application/json' };
      const response = await fetch(url, { method: 'POST', headers, body: '{}' }).catch(String);
      return response.status ?? response;
    }, clinic.url('/oauth/token').href);
    assert.equal(status, told);
    await visit.close();
  }
});

test('an origin counts as long as its client is enabled', async () => {
  const members = { redirect_uris: [`${stage.elsewhere}/back`], allowed_origins: [stage.elsewhere] };
  const app = await stage.register(members);
  const visit = await stage.visit(app, { at: stage.elsewhere });
  assert.equal((await signIn(visit)).scope, 'lab:read');
  await clinic.call('client.disable', { client_id: app.client_id });
  await visit.page.click('#refresh');
  assert.deepEqual(await visit.told(), { failed: 'TypeError: Failed to fetch' });
  await clinic.call('client.enable', { client_id: app.client_id });
  await visit.page.click('#refresh');
  assert.equal((await visit.told()).scope, 'lab:read');
  await visit.close();
});

async function signIn(visit) {
  await visit.leave();
  await visit.signIn(anna);
  await visit.press('approve');
  return visit.told();
}
