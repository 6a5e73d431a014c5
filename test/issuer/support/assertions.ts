import { generateKeyPairSync, randomUUID } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { CompactSign } from 'jose';
import type { PublicJwks } from '../../../src/issuer/store/schema.js';
import type { Claims } from '../../support/tokens.js';

/** The base URL of test issuers, wherever they listen. */
export const testBase = 'http://127.0.0.1:8087';

export interface ClientKey {
  readonly privateKey: KeyObject;
  readonly jwk: PublicJwks['keys'][number];
}

export function clientKey(type: 'RSA' | 'P-256' | 'P-384' | 'Ed25519', members: Claims = {}): ClientKey {
  const { privateKey, publicKey } = pairOf(type);
  return { privateKey, jwk: { ...publicKey.export({ format: 'jwk' }), ...members } };
}

function pairOf(type: 'RSA' | 'P-256' | 'P-384' | 'Ed25519') {
  if (type === 'RSA') return generateKeyPairSync('rsa', { modulusLength: 2048 });
  return type === 'Ed25519'
    ? generateKeyPairSync('ed25519')
    : generateKeyPairSync('ec', { namedCurve: type });
}

/** Claims of a good assertion for the token endpoint. A member that is undefined is left out. */
export function assertionClaims(clientId: string, changes: Claims = {}): Claims {
  const now = Math.floor(Date.now() / 1000);
  return {
    iss: clientId,
    sub: clientId,
    aud: `${testBase}/oauth2/default/v1/token`,
    iat: now,
    exp: now + 300,
    jti: randomUUID(),
    ...changes,
  };
}

export function signAssertion(key: KeyObject | Uint8Array, claims: Claims, header: Claims): Promise<string> {
  return new CompactSign(new TextEncoder().encode(JSON.stringify(claims)))
    .setProtectedHeader({ alg: 'RS256', ...header })
    .sign(key, { crit: { exp: true } });
}

/** The parameters that carry an assertion (RFC 7523 section 2.2). */
export function asAssertion(jwt: string): Record<string, string> {
  return {
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: jwt,
  };
}

let sources = 0;

/** Headers that make a request come from a source of its own, for an issuer that trusts 127.0.0.1 as its proxy. */
export function fromElsewhere(): { 'x-forwarded-for': string } {
  sources++;
  return { 'x-forwarded-for': `198.51.100.${sources}` };
}
