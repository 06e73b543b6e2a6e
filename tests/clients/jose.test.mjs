// jose: what an API in JavaScript verifies tokens with that it gets from elsewhere, by the published keys.

import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createRemoteJWKSet, jwtVerify } from 'jose';
import { AUDIENCE, Clinic, failure } from './clinic.mjs';

const ALGORITHMS = ['ES256', 'EdDSA', 'RS256'];

let clinic, clients, keys, expected;

before(async () => {
  clinic = await Clinic.open();
  // An algorithm's first token makes its key, and jose fetches the keys no more than every 30 s.
  clients = {};
  for (const algorithm of ALGORITHMS) {
    clients[algorithm] = await clinic.register({ algorithm, access_token_lifetime: 600 });
    await obtain(clients[algorithm]);
  }
  keys = createRemoteJWKSet(clinic.url('/oauth/jwks'));
  expected = { typ: 'at+jwt', issuer: clinic.issuer, audience: AUDIENCE };
});
after(() => clinic.close());

for (const algorithm of ALGORITHMS) {
  test(`a token signed with ${algorithm} is verified with the published key`, async () => {
    const client = clients[algorithm];
    const token = await obtain(client);
    const { payload, protectedHeader } = await jwtVerify(token, keys, {
      ...expected,
      algorithms: [algorithm],
      subject: client.client_id,
      requiredClaims: ['client_id', 'exp', 'iat', 'jti', 'scope'],
      maxTokenAge: 30,
    });
    assert.equal(protectedHeader.alg, algorithm);
    assert.equal(payload.client_id, client.client_id);
    assert.equal(payload.exp - payload.iat, 600);
  });

  test(`a forged ${algorithm} token is refused here and there`, async () => {
    const token = await obtain(clients[algorithm]);
    const [header, claims, signature] = token.split('.');
    const changed = { ...JSON.parse(Buffer.from(claims, 'base64url')), scope: 'billing:write' };
    const forged = [header, Buffer.from(JSON.stringify(changed)).toString('base64url'), signature].join('.');
    const refused = await failure(jwtVerify(forged, keys, expected));
    assert.equal(refused.code, 'ERR_JWS_SIGNATURE_VERIFICATION_FAILED');
    assert.equal((await clinic.results(forged)).status, 401);
    assert.equal((await clinic.results(token)).status, 200);
  });
}

test('another audience or issuer is refused', async () => {
  const token = await obtain(clients.ES256);
  for (const wrong of [{ audience: 'https://a.example' }, { issuer: 'https://a.example' }, { typ: 'JWT' }]) {
    const refused = await failure(jwtVerify(token, keys, { ...expected, ...wrong }));
    assert.equal(refused.code, 'ERR_JWT_CLAIM_VALIDATION_FAILED');
    assert.equal(refused.claim, { audience: 'aud', issuer: 'iss', typ: 'typ' }[Object.keys(wrong)[0]]);
  }
});

async function obtain({ client_id, client_secret }) {
  const body = new URLSearchParams({ grant_type: 'client_credentials', client_id, client_secret });
  const response = await fetch(clinic.url('/oauth/token'), { method: 'POST', body });
  assert.equal(response.status, 200);
  return (await response.json()).access_token;
}
