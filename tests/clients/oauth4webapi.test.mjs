// oauth4webapi, the strictest of the clients: exact statuses, media types and issuers.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import * as oauth from 'oauth4webapi';
import { AUDIENCE, Clinic, failure } from './clinic.mjs';

const METHODS = { basic: oauth.ClientSecretBasic, form: oauth.ClientSecretPost };

let clinic, server, lab;

before(async () => {
  clinic = await Clinic.open();
  server = await discover('oauth2');
  lab = await clinic.register();
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
