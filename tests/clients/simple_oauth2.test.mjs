// simple-oauth2: knows its paths beforehand and demands JSON of every answer, of a revocation's too.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { ClientCredentials } from 'simple-oauth2';
import { Clinic, failure } from './clinic.mjs';

const DIALECTS = {
  'bio-ecko': { path: '/api/v1/auth/token', type: 'Bearer', method: 'body' },
  nikohealth: { path: '/api/identity/connect/token', type: 'Bearer', method: 'header' },
  medblocks: { path: '/oauth2/token', type: 'bearer', method: 'header' },
};

let clinic, lab;

before(async () => {
  clinic = await Clinic.open({ dialects: Object.keys(DIALECTS) });
  lab = await clinic.register();
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

function client({ client_id, client_secret }, options, tokenPath = '/oauth/token') {
  const auth = { tokenHost: clinic.issuer, tokenPath, revokePath: '/oauth/revoke' };
  return new ClientCredentials({ client: { id: client_id, secret: client_secret }, auth, options });
}
