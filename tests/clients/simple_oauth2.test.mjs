// simple-oauth2: knows its paths beforehand and demands JSON of every answer, of a revocation's too.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { after, before, describe, test } from 'node:test';
import { AuthorizationCode, ClientCredentials } from 'simple-oauth2';
import { BACK, Clinic, failure } from './clinic.mjs';

const DIALECTS = {
  'bio-ecko': { path: '/api/v1/auth/token', type: 'Bearer', method: 'body' },
  nikohealth: { path: '/api/identity/connect/token', type: 'Bearer', method: 'header' },
  medblocks: { path: '/oauth2/token', type: 'bearer', method: 'header' },
};

// Where the credentials go, for each way to register a portal. It knows no client without a secret; an empty
// one in the form is none (RFC 6749 2.3.1).
const PORTALS = { client_secret_basic: 'header', client_secret_post: 'body', none: 'body' };

let clinic, lab, anna;

before(async () => {
  clinic = await Clinic.open({ dialects: Object.keys(DIALECTS) });
  lab = await clinic.register();
  anna = await clinic.employ();
});
after(() => clinic.close());

for (const authorizationMethod of ['header', 'body']) {
  describe(`credentials in the ${authorizationMethod}`, () => {
    test('a token, used and revoked', async () => {
      const found = await client(lab, { authorizationMethod }).getToken({ scope: ['lab:read'] });
      assert.equal(found.token.scope, 'lab:read');
      assert.equal(found.token.token_type, 'Bearer');
      assert.equal(found.expired(3500), false);
      assert.equal(found.expired(3700), true);
      assert.equal((await clinic.results(found.token.access_token)).body.for, lab.client_id);
      await found.revoke('access_token');
      const { status, challenge } = await clinic.results(found.token.access_token);
      assert.equal(status, 401);
      assert.match(challenge, /^Bearer .*error="invalid_token"/);
      await found.revoke('access_token');
    });

    test('a wrong secret is 401 invalid_client', async () => {
      const wrong = { ...lab, client_secret: 'wrong' };
      const { output, data } = await failure(client(wrong, { authorizationMethod }).getToken());
      assert.deepEqual([output.statusCode, data.payload.error], [401, 'invalid_client']);
    });
  });
}

for (const credentialsEncodingMode of ['strict', 'loose']) {
  test(`an id and a secret that need escapes, encoded in the ${credentialsEncodingMode} way`, async () => {
    const client_id = `lab ${credentialsEncodingMode}/7%41+b`;
    const client_secret = 'a+b %41: "c"&d=?';
    const bridge = await clinic.adopt({ client_id, client_secret });
    const { token } = await client(bridge, { credentialsEncodingMode }).getToken();
    assert.equal((await clinic.results(token.access_token)).body.for, client_id);
  });
}

test('a scope that the client does not have is invalid_scope', async () => {
  const { output, data } = await failure(client(lab).getToken({ scope: 'billing:read' }));
  assert.deepEqual([output.statusCode, data.payload.error], [400, 'invalid_scope']);
});

test('a token without the scope is 403 at the API', async () => {
  const { token } = await client(lab).getToken({ scope: 'lab:write' });
  const { status, challenge } = await clinic.results(token.access_token);
  assert.equal(status, 403);
  assert.match(challenge, /error="insufficient_scope".*scope="lab:read"/);
});

for (const [dialect, { path, type, method }] of Object.entries(DIALECTS)) {
  test(`a token on the route of ${dialect}`, async () => {
    const found = await client(lab, { authorizationMethod: method }, path).getToken();
    assert.equal(found.token.token_type, type);
    assert.equal(found.token.scope, 'lab:read lab:write');
    assert.equal((await clinic.results(found.token.access_token)).status, 200);
  });
}

for (const [method, authorizationMethod] of Object.entries(PORTALS)) {
  test(`a portal, by ${method}, gets a code and a token, refreshes it and revokes it`, async () => {
    const registered = { client_secret: '', ...(await clinic.registerPortal(method)) };
    const portal = new AuthorizationCode(configuration(registered, { authorizationMethod }));
    const first = await redeem(portal);
    assert.equal(first.token.scope, 'lab:read');
    assert.equal(first.token.token_type, 'Bearer');
    assert.equal((await clinic.results(first.token.access_token)).body.for, registered.client_id);

    // It keeps no refresh token of its own from one refresh to the next: the answer must have it.
    let last = first;
    for (let times = 0; times < 3; times += 1) {
      const next = await last.refresh();
      assert.equal(next.token.refresh_token !== last.token.refresh_token, method === 'none');
      assert.equal((await clinic.results(next.token.access_token)).status, 200);
      last = next;
    }
    const narrowed = await last.refresh({ scope: ['lab:read'] });
    assert.equal(narrowed.token.scope, 'lab:read');

    await narrowed.revokeAll();
    for (const { token } of [first, last, narrowed]) {
      assert.equal((await clinic.results(token.access_token)).status, 401);
    }
    const { output, data } = await failure(narrowed.refresh());
    assert.deepEqual([output.statusCode, data.payload.error], [400, 'invalid_grant']);
  });
}

test('a code that comes twice is invalid_grant', async () => {
  const portal = new AuthorizationCode(configuration(await clinic.registerPortal('client_secret_basic')));
  const parameters = await obtain(portal);
  const { token } = await portal.getToken(parameters);
  const { output, data } = await failure(portal.getToken(parameters));
  assert.deepEqual([output.statusCode, data.payload.error], [400, 'invalid_grant']);
  assert.equal((await clinic.results(token.access_token)).status, 401);
});

async function redeem(portal) {
  return portal.getToken(await obtain(portal));
}

// A code, with what it takes to redeem it: the library leaves PKCE, state and issuer to its user.
async function obtain(portal) {
  const code_verifier = randomBytes(32).toString('base64url');
  const state = randomBytes(16).toString('base64url');
  const link = portal.authorizeURL({
    redirect_uri: BACK,
    scope: ['lab:read'],
    state,
    code_challenge: createHash('sha256').update(code_verifier).digest('base64url'),
    code_challenge_method: 'S256',
  });
  const { code, ...others } = Object.fromEntries((await anna.answer(link)).searchParams);
  assert.deepEqual(others, { state, iss: clinic.issuer });
  return { code, redirect_uri: BACK, code_verifier };
}

function client(registered, options, tokenPath) {
  return new ClientCredentials(configuration(registered, options, tokenPath));
}

function configuration({ client_id, client_secret }, options, tokenPath = '/oauth/token') {
  const auth = { tokenHost: clinic.issuer, tokenPath, revokePath: '/oauth/revoke' };
  return { client: { id: client_id, secret: client_secret }, auth, options };
}
