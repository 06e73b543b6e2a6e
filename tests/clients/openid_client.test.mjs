// openid-client: finds the server by itself and percent-encodes even `-` in HTTP Basic.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import * as openid from 'openid-client';
import { BACK, Clinic, failure } from './clinic.mjs';

const METHODS = { basic: openid.ClientSecretBasic, form: openid.ClientSecretPost };

// What a portal is registered with, and how it then proves itself.
const PORTALS = {
  client_secret_basic: openid.ClientSecretBasic,
  client_secret_post: openid.ClientSecretPost,
  none: openid.None,
};

let clinic, lab, anna;

before(async () => {
  clinic = await Clinic.open();
  lab = await clinic.register();
  anna = await clinic.employ();
});
after(() => clinic.close());

describe('discovery', () => {
  for (const algorithm of ['oauth2', 'oidc']) {
    test(`by the rules of ${algorithm}`, async () => {
      const server = (await configure(lab, METHODS.basic, algorithm)).serverMetadata();
      assert.equal(server.issuer, clinic.issuer);
      assert.equal(server.revocation_endpoint, `${clinic.issuer}/oauth/revoke`);
      assert.equal(server.introspection_endpoint, `${clinic.issuer}/oauth/introspect`);
      assert.equal(server.supportsPKCE(), true);
    });
  }
});

for (const [name, method] of Object.entries(METHODS)) {
  describe(`by ${name}`, () => {
    test('client credentials, introspection, revocation', async () => {
      const config = await configure(lab, method);
      const token = await openid.clientCredentialsGrant(config, { scope: 'lab:read' });
      assert.equal(token.scope, 'lab:read');
      assert.equal(token.expiresIn() > 3590, true);

      const found = await openid.tokenIntrospection(config, token.access_token);
      assert.deepEqual([found.active, found.client_id, found.scope], [true, lab.client_id, 'lab:read']);
      assert.equal((await ask(config, token.access_token)).status, 200);

      await openid.tokenRevocation(config, token.access_token);
      assert.deepEqual(await openid.tokenIntrospection(config, token.access_token), { active: false });
      const refused = await failure(ask(config, token.access_token));
      assert.deepEqual(challenge(refused), [401, 'bearer', 'invalid_token']);
      await openid.tokenRevocation(config, token.access_token);
    });

    test('an id and a secret that need escapes', async () => {
      const client_id = `lab bridge/7%41+${name}`;
      const config = await configure(await clinic.adopt({ client_id }), method);
      const token = await openid.clientCredentialsGrant(config);
      assert.equal((await clinic.results(token.access_token)).body.for, client_id);
    });

    test('a wrong secret is invalid_client', async () => {
      const config = await configure({ ...lab, client_secret: 'wrong' }, method);
      const refused = await failure(openid.clientCredentialsGrant(config));
      assert.deepEqual(challenge(refused), [401, 'basic', undefined]);
      assert.equal((await refused.response.json()).error, 'invalid_client');
    });
  });
}

test('a scope that the client does not have is invalid_scope', async () => {
  const config = await configure(lab, METHODS.basic);
  const refused = await failure(openid.clientCredentialsGrant(config, { scope: 'billing:read' }));
  assert.deepEqual([refused.status, refused.error], [400, 'invalid_scope']);
});

test('a token without the scope is 403 at the API', async () => {
  const config = await configure(lab, METHODS.basic);
  const { access_token } = await openid.clientCredentialsGrant(config, { scope: 'lab:write' });
  const refused = await failure(ask(config, access_token));
  assert.deepEqual(challenge(refused), [403, 'bearer', 'insufficient_scope']);
});

describe('the authorization code flow', () => {
  for (const [name, method] of Object.entries(PORTALS)) {
    test(`a portal, by ${name}, gets a token for the user, refreshes it and revokes it`, async () => {
      const config = await configure(await clinic.registerPortal(name), method);
      const { link, checks } = await begin(config, { scope: 'lab:read' });
      const token = await openid.authorizationCodeGrant(config, await anna.answer(link), checks);
      assert.deepEqual([token.scope, token.token_type], ['lab:read', 'bearer']);
      assert.equal(token.expiresIn() > 3590, true);
      assert.equal((await ask(config, token.access_token)).status, 200);

      const next = await openid.refreshTokenGrant(config, token.refresh_token);
      assert.notEqual(next.access_token, token.access_token);
      assert.equal(next.refresh_token !== token.refresh_token, name === 'none');
      assert.equal((await ask(config, next.access_token)).status, 200);

      await openid.tokenRevocation(config, next.refresh_token, { token_type_hint: 'refresh_token' });
      for (const { access_token } of [token, next]) {
        assert.deepEqual(challenge(await failure(ask(config, access_token))), [401, 'bearer', 'invalid_token']);
      }
      const refused = await failure(openid.refreshTokenGrant(config, next.refresh_token));
      assert.deepEqual([refused.status, refused.error], [400, 'invalid_grant']);
    });
  }

  test('the library accepts no answer of another issuer or to another request', async () => {
    const config = await configure(await clinic.registerPortal('none'), openid.None);
    const { link, checks } = await begin(config);
    const back = await anna.answer(link);
    for (const name of ['iss', 'state']) {
      const changed = new URL(back);
      changed.searchParams.set(name, 'https://a.example');
      const refused = await failure(openid.authorizationCodeGrant(config, changed, checks));
      assert.equal(refused.code, 'OAUTH_INVALID_RESPONSE');
    }
    const token = await openid.authorizationCodeGrant(config, back, checks);
    assert.equal((await clinic.results(token.access_token)).status, 200);
  });

  test('a denial is access_denied', async () => {
    const config = await configure(await clinic.registerPortal('none'), openid.None);
    const { link, checks } = await begin(config);
    const back = await anna.answer(link, 'deny');
    const refused = await failure(openid.authorizationCodeGrant(config, back, checks));
    assert.deepEqual([refused.code, refused.error], ['OAUTH_AUTHORIZATION_RESPONSE_ERROR', 'access_denied']);
  });
});

// The link to an authorization request, and what its answer is checked against.
async function begin(config, more = {}) {
  const checks = {
    pkceCodeVerifier: openid.randomPKCECodeVerifier(),
    expectedState: openid.randomState(),
  };
  const link = openid.buildAuthorizationUrl(config, {
    redirect_uri: BACK,
    state: checks.expectedState,
    code_challenge: await openid.calculatePKCECodeChallenge(checks.pkceCodeVerifier),
    code_challenge_method: 'S256',
    ...more,
  });
  return { link, checks };
}

function configure(client, method, algorithm = 'oauth2') {
  const issuer = new URL(clinic.issuer);
  return openid.discovery(issuer, client.client_id, undefined, method(client.client_secret), { algorithm });
}

function ask(config, token) {
  return openid.fetchProtectedResource(config, token, clinic.url('/api/results'), 'GET');
}

function challenge({ status, cause: [{ scheme, parameters }] }) {
  return [status, scheme, parameters.error];
}
