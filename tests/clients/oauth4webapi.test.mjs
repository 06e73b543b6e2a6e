// oauth4webapi, the strictest of the clients: exact statuses, media types and issuers.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import * as oauth from 'oauth4webapi';
import { AUDIENCE, BACK, Clinic, failure } from './clinic.mjs';

const METHODS = { basic: oauth.ClientSecretBasic, form: oauth.ClientSecretPost };

// What a portal is registered with, and how it then proves itself.
const PORTALS = {
  client_secret_basic: (portal) => oauth.ClientSecretBasic(portal.client_secret),
  client_secret_post: (portal) => oauth.ClientSecretPost(portal.client_secret),
  none: () => oauth.None(),
};

let clinic, server, lab, anna;

before(async () => {
  clinic = await Clinic.open();
  server = await discover('oauth2');
  lab = await clinic.register();
  anna = await clinic.employ();
});
after(() => clinic.close());

describe('discovery', () => {
  test('the metadata is found where RFC 8414 and where OpenID Connect look', async () => {
    assert.equal(server.issuer, clinic.issuer);
    assert.equal(server.token_endpoint, `${clinic.issuer}/oauth/token`);
    assert.equal(server.jwks_uri, `${clinic.issuer}/oauth/jwks`);
    assert.ok(server.grant_types_supported.includes('client_credentials'));
    assert.deepEqual(server.code_challenge_methods_supported, ['S256']);
    assert.deepEqual(await discover('oidc'), server);
  });
});

describe('client credentials', () => {
  for (const [name, method] of Object.entries(METHODS)) {
    test(`a token by ${name}`, async () => {
      const token = await obtain(lab, method, { scope: 'lab:read' });
      assert.equal(token.token_type, 'bearer');
      assert.equal(token.expires_in, 3600);
      assert.equal(token.scope, 'lab:read');
      assert.equal(token.refresh_token, undefined);
      const { status, body } = await clinic.results(token.access_token);
      assert.deepEqual([status, body.for], [200, lab.client_id]);
    });

    test(`a token by ${name} for an id and a secret that need escapes`, async () => {
      const token_endpoint_auth_method = `client_secret_${name === 'form' ? 'post' : name}`;
      const client_id = `lab bridge/7%41+${name}`;
      const bridge = await clinic.adopt({ client_id, token_endpoint_auth_method });
      const token = await obtain(bridge, method);
      assert.equal((await clinic.results(token.access_token)).body.for, client_id);
    });

    test(`a wrong secret by ${name} is invalid_client`, async () => {
      const wrong = { ...lab, client_secret: `${lab.client_secret}x` };
      const refused = await failure(obtain(wrong, method));
      // It reads the challenge of a 401 and leaves the body to the caller.
      assert.equal(refused.code, oauth.WWW_AUTHENTICATE_CHALLENGE);
      assert.equal(refused.status, 401);
      assert.equal(refused.cause[0].scheme, 'basic');
      assert.equal((await refused.response.json()).error, 'invalid_client');
    });
  }

  test('a scope that the client does not have is invalid_scope', async () => {
    const refused = await failure(obtain(lab, METHODS.basic, { scope: 'billing:read' }));
    assert.equal(refused.code, oauth.RESPONSE_BODY_ERROR);
    assert.deepEqual([refused.status, refused.error], [400, 'invalid_scope']);
  });
});

describe('the token at an API', () => {
  test('without the scope it is 403 insufficient_scope', async () => {
    const { access_token } = await obtain(lab, METHODS.basic, { scope: 'lab:write' });
    assert.deepEqual(challenge(await failure(ask(access_token))), [403, 'bearer', 'insufficient_scope']);
  });

  test('revoked it is 401 invalid_token', async () => {
    const { access_token } = await obtain(lab, METHODS.basic);
    assert.equal((await ask(access_token)).status, 200);
    await revoke(access_token);
    assert.deepEqual(challenge(await failure(ask(access_token))), [401, 'bearer', 'invalid_token']);
  });

  test('a JWT access token of RFC 9068, with each algorithm', async () => {
    const tokens = new Map();
    for (const algorithm of ['ES256', 'EdDSA', 'RS256']) {
      const client = await clinic.register({ algorithm });
      const { access_token } = await obtain(client, METHODS.basic, { scope: 'lab:read' });
      tokens.set(client.client_id, bearing(access_token));
    }
    // All keys are made now; oauth4webapi keeps what it fetches for a minute.
    for (const [client_id, request] of tokens) {
      const claims = await oauth.validateJwtAccessToken(server, request, AUDIENCE);
      assert.equal(claims.iss, clinic.issuer);
      assert.deepEqual([claims.client_id, claims.sub], [client_id, client_id]);
      assert.equal(claims.scope, 'lab:read');
      assert.equal(claims.exp - claims.iat, 3600);
      const elsewhere = oauth.validateJwtAccessToken(server, request, 'https://a.example');
      assert.equal((await failure(elsewhere)).code, oauth.JWT_CLAIM_COMPARISON);
    }
  });
});

describe('introspection', () => {
  for (const [name, method] of Object.entries(METHODS)) {
    test(`of an own token, by ${name}`, async () => {
      const { access_token } = await obtain(lab, method, { scope: 'lab:read' });
      const found = await introspect(access_token, lab, method);
      assert.equal(found.active, true);
      assert.equal(found.client_id, lab.client_id);
      assert.equal(found.scope, 'lab:read');
      assert.equal(found.iss, clinic.issuer);
      assert.equal(found.aud, AUDIENCE);
      assert.equal(found.exp - found.iat, 3600);
    });
  }

  test('of another client\'s token: a resource server sees it, anybody else does not', async () => {
    const { access_token } = await obtain(lab, METHODS.basic);
    const api = await clinic.register({ resource_server: true });
    const stranger = await clinic.register();
    assert.equal((await introspect(access_token, api, METHODS.basic)).client_id, lab.client_id);
    assert.deepEqual(await introspect(access_token, stranger, METHODS.basic), { active: false });
  });
});

describe('revocation', () => {
  for (const [name, method] of Object.entries(METHODS)) {
    test(`by ${name} takes effect at once, and again is no error`, async () => {
      const { access_token } = await obtain(lab, METHODS.basic);
      assert.equal(await revoke(access_token, method), undefined);
      assert.deepEqual(await introspect(access_token, lab, METHODS.basic), { active: false });
      assert.equal(await revoke(access_token, method), undefined);
      assert.equal(await revoke('never-was-one', method), undefined);
    });
  }
});

describe('the authorization code flow', () => {
  test('the metadata says what there is', () => {
    assert.equal(server.authorization_endpoint, `${clinic.issuer}/oauth/authorize`);
    assert.equal(server.authorization_response_iss_parameter_supported, true);
    assert.deepEqual(server.response_types_supported, ['code']);
    for (const method of Object.keys(PORTALS)) {
      assert.ok(server.token_endpoint_auth_methods_supported.includes(method), method);
    }
  });

  for (const method of Object.keys(PORTALS)) {
    test(`a portal, by ${method}, gets a token for the user, refreshes it and revokes it`, async () => {
      const portal = await clinic.registerPortal(method);
      const token = await flow(portal, method, { scope: 'lab:read' });
      assert.equal(token.token_type, 'bearer');
      assert.equal(token.scope, 'lab:read');
      const request = bearing(token.access_token);
      const claims = await oauth.validateJwtAccessToken(server, request, AUDIENCE);
      assert.deepEqual([claims.sub, claims.client_id], [anna.user_id, portal.client_id]);
      assert.equal((await ask(token.access_token)).status, 200);

      const next = await refresh(portal, method, token.refresh_token);
      assert.notEqual(next.access_token, token.access_token);
      assert.equal(next.scope, 'lab:read');
      // RFC 9700 2.2.2: "Refresh tokens for public clients MUST be sender-constrained or use refresh token
      // rotation".
      assert.equal(next.refresh_token !== token.refresh_token, method === 'none');
      assert.equal((await ask(next.access_token)).status, 200);

      await revokeAs(portal, method, next.refresh_token);
      for (const { access_token } of [token, next]) {
        assert.deepEqual(challenge(await failure(ask(access_token))), [401, 'bearer', 'invalid_token']);
      }
      const refused = await failure(refresh(portal, method, next.refresh_token));
      assert.deepEqual([refused.status, refused.error], [400, 'invalid_grant']);
    });
  }

  test('a refresh may ask for less, not for more', async () => {
    const portal = await clinic.registerPortal('none');
    const token = await flow(portal, 'none');
    assert.equal(token.scope, 'lab:read lab:write');
    const less = await refresh(portal, 'none', token.refresh_token, { scope: 'lab:write' });
    assert.equal(less.scope, 'lab:write');
    assert.deepEqual(challenge(await failure(ask(less.access_token))), [403, 'bearer', 'insufficient_scope']);
    const more = await failure(refresh(portal, 'none', less.refresh_token, { scope: 'billing:read' }));
    assert.deepEqual([more.status, more.error], [400, 'invalid_scope']);
  });

  test('a public client\'s refresh token that comes twice ends the login', async () => {
    const portal = await clinic.registerPortal('none');
    const first = await flow(portal, 'none');
    const second = await refresh(portal, 'none', first.refresh_token);
    // A retry whose answer got lost.
    const again = await refresh(portal, 'none', first.refresh_token);
    assert.equal(again.refresh_token, second.refresh_token);
    const third = await refresh(portal, 'none', second.refresh_token);
    assert.equal((await ask(third.access_token)).status, 200);
    assert.equal((await failure(refresh(portal, 'none', first.refresh_token))).error, 'invalid_grant');
    assert.deepEqual(challenge(await failure(ask(third.access_token))), [401, 'bearer', 'invalid_token']);
    assert.equal((await failure(refresh(portal, 'none', third.refresh_token))).error, 'invalid_grant');
  });

  test('a code that comes twice ends what it gave', async () => {
    const portal = await clinic.registerPortal('none');
    const request = await begin(portal);
    const parameters = request.read(await anna.answer(request.link));
    const { access_token } = await redeem(portal, 'none', parameters, request.verifier);
    assert.equal((await ask(access_token)).status, 200);
    const refused = await failure(redeem(portal, 'none', parameters, request.verifier));
    assert.deepEqual([refused.status, refused.error], [400, 'invalid_grant']);
    assert.deepEqual(challenge(await failure(ask(access_token))), [401, 'bearer', 'invalid_token']);
  });

  test('a code with another verifier is invalid_grant', async () => {
    const portal = await clinic.registerPortal('none');
    const request = await begin(portal);
    const parameters = request.read(await anna.answer(request.link));
    const other = oauth.generateRandomCodeVerifier();
    assert.equal((await failure(redeem(portal, 'none', parameters, other))).error, 'invalid_grant');
    assert.equal((await redeem(portal, 'none', parameters, request.verifier)).token_type, 'bearer');
  });

  test('the library accepts no answer of another issuer or to another request', async () => {
    const { link, read } = await begin(await clinic.registerPortal('none'));
    const back = await anna.answer(link);
    assert.deepEqual([...back.searchParams.keys()].sort(), ['code', 'iss', 'state']);
    for (const name of ['iss', 'state']) {
      const changed = new URL(back);
      changed.searchParams.set(name, 'https://a.example');
      assert.throws(() => read(changed), { code: oauth.INVALID_RESPONSE });
    }
    read(back);
  });

  test('a denial and an error come back with the state and the issuer', async () => {
    const portal = await clinic.registerPortal('none');
    const denied = await begin(portal);
    const back = await anna.answer(denied.link, 'deny');
    assert.throws(() => denied.read(back), { code: oauth.AUTHORIZATION_RESPONSE_ERROR, error: 'access_denied' });
    const wrong = await begin(portal, { scope: 'billing:read' });
    const { sentTo } = await anna.open(wrong.link);
    assert.throws(() => wrong.read(sentTo), { code: oauth.AUTHORIZATION_RESPONSE_ERROR, error: 'invalid_scope' });
    const plain = await begin(portal, { code_challenge_method: 'plain' });
    const { sentTo: refused } = await anna.open(plain.link);
    assert.throws(() => plain.read(refused), { error: 'invalid_request' });
  });
});

// The whole flow.
async function flow(portal, method, more) {
  const request = await begin(portal, more);
  const parameters = request.read(await anna.answer(request.link));
  return redeem(portal, method, parameters, request.verifier);
}

// The link to an authorization request, and how to read what comes back.
async function begin({ client_id }, more = {}) {
  const verifier = oauth.generateRandomCodeVerifier();
  const state = oauth.generateRandomState();
  const link = new URL(server.authorization_endpoint);
  link.search = new URLSearchParams({
    response_type: 'code',
    client_id,
    redirect_uri: BACK,
    state,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    ...more,
  });
  return { link, verifier, read: (back) => oauth.validateAuthResponse(server, { client_id }, back, state) };
}

async function redeem(portal, method, parameters, verifier) {
  const proof = PORTALS[method](portal);
  const response = await oauth.authorizationCodeGrantRequest(server, portal, proof, parameters, BACK, verifier);
  return oauth.processAuthorizationCodeResponse(server, portal, response);
}

async function refresh(portal, method, token, additionalParameters = {}) {
  const options = { additionalParameters };
  const response = await oauth.refreshTokenGrantRequest(server, portal, PORTALS[method](portal), token, options);
  return oauth.processRefreshTokenResponse(server, portal, response);
}

async function revokeAs(portal, method, token) {
  const response = await oauth.revocationRequest(server, portal, PORTALS[method](portal), token);
  return oauth.processRevocationResponse(response);
}

async function discover(algorithm) {
  const issuer = new URL(clinic.issuer);
  return oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, { algorithm }));
}

async function obtain(client, method, parameters = {}) {
  const proof = method(client.client_secret);
  const response = await oauth.clientCredentialsGrantRequest(server, client, proof, parameters);
  return oauth.processClientCredentialsResponse(server, client, response);
}

async function introspect(token, client, method) {
  const response = await oauth.introspectionRequest(server, client, method(client.client_secret), token);
  return oauth.processIntrospectionResponse(server, client, response);
}

async function revoke(token, method = METHODS.basic) {
  const response = await oauth.revocationRequest(server, lab, method(lab.client_secret), token);
  return oauth.processRevocationResponse(response);
}

function ask(token) {
  return oauth.protectedResourceRequest(token, 'GET', clinic.url('/api/results'));
}

function bearing(token) {
  return new Request(clinic.url('/api/results'), { headers: { authorization: `Bearer ${token}` } });
}

function challenge({ status, cause: [{ scheme, parameters }] }) {
  return [status, scheme, parameters.error];
}
