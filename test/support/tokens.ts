import { generateKeyPairSync, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { CompactSign } from 'jose';
import type { Clock } from '../../src/base/clock.js';

/** Who issues the test tokens, to whom and for whom, unless a test says otherwise. */
export const testIssuer = 'https://idp.test/oauth2/default';
export const testAudience = 'api://default';
export const testClientId = '0oaTestClient';

/** The frozen present of the tests, in milliseconds. In the past, so that real clocks accept `iat` as well. */
export const testNow = Date.UTC(2026, 5, 1);

/** 2100-01-01 in seconds: `@okta/jwt-verifier` compares `exp` with the real clock, whatever clock a test injects. */
export const farExpiry = 4_102_444_800;

/** A clock that stands still until it is told to go on. */
export interface FrozenClock {
  readonly now: Clock;
  advance(milliseconds: number): void;
}

export function frozenClock(at: number = testNow): FrozenClock {
  let time = at;
  return {
    now: () => time,
    advance: (milliseconds) => {
      time += milliseconds;
    },
  };
}

/** A public signing key as Okta publishes it. */
interface PublishedKey {
  readonly kty: string;
  readonly alg: string;
  readonly use: string;
  readonly kid: string;
  readonly n: string;
  readonly e: string;
}

export interface TestKey {
  readonly kid: string;
  readonly privateKey: KeyObject;
  readonly published: PublishedKey;
}

export function makeKey(kid: string, modulusLength = 2048): TestKey {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength });
  const { n = '', e = '' } = publicKey.export({ format: 'jwk' });
  return { kid, privateKey, published: { kty: 'RSA', alg: 'RS256', use: 'sig', kid, n, e } };
}

export interface PublishedKeySet {
  readonly keys: readonly PublishedKey[];
}

export function keySetOf(...keys: readonly TestKey[]): PublishedKeySet {
  return { keys: keys.map(({ published }) => published) };
}

export type Claims = Readonly<Record<string, unknown>>;

/** What Okta puts into a token of the client credentials grant. A member that is undefined is left out. */
export function machineClaims(changes: Claims = {}): Claims {
  return {
    ver: 1,
    jti: 'AT.machine',
    iss: testIssuer,
    aud: testAudience,
    iat: testNow / 1000,
    exp: farExpiry,
    cid: testClientId,
    scp: ['read_sayhello'],
    sub: testClientId,
    ...changes,
  };
}

/** What Okta puts into the token of a person. */
export function userClaims(changes: Claims = {}): Claims {
  return machineClaims({
    jti: 'AT.user',
    uid: '00uTestUser',
    auth_time: testNow / 1000 - 60,
    sub: 'roach@example.test',
    ...changes,
  });
}

/** A token as Okta makes it: header exactly `kid` and `alg`. */
export function mint(key: TestKey, claims: Claims = machineClaims(), header: Claims = {}): Promise<string> {
  return new CompactSign(new TextEncoder().encode(JSON.stringify(claims)))
    .setProtectedHeader({ kid: key.kid, alg: 'RS256', ...header })
    .sign(key.privateKey);
}

/** A correctly signed token out of any header and payload text, for what no JSON serializer would write. */
export function mintText(key: TestKey, header: string | Uint8Array, payload: string | Uint8Array): string {
  const signed = `${base64url(header)}.${base64url(payload)}`;
  return `${signed}.${sign('RSA-SHA256', Buffer.from(signed), key.privateKey).toString('base64url')}`;
}

/** The header text of a token of this key, for {@link mintText}. */
export function headerText(key: TestKey): string {
  return JSON.stringify({ kid: key.kid, alg: 'RS256' });
}

/** The same claims under another `sub`, with the signature of the first: a tampered token. */
export function tamper(token: string): string {
  const [header = '', payload = '', signature = ''] = token.split('.');
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString()) as Record<string, unknown>;
  return [header, base64url(JSON.stringify({ ...claims, sub: 'mallory' })), signature].join('.');
}

export function base64url(content: string | Uint8Array): string {
  return Buffer.from(content).toString('base64url');
}
