import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/base/json.js';
import { principalOfIntrospection, principalOfToken } from '../../src/token/principal.js';
import { introspectionOf } from '../support/token-table.js';
import { machineClaims, testClientId, userClaims } from '../support/tokens.js';
import type { Claims } from '../support/tokens.js';

const json = (claims: Claims) => JSON.parse(JSON.stringify(claims)) as JsonObject;

describe('a principal', () => {
  it('of a machine has the client as its subject and no uid', () => {
    expect(principalOfToken(json(machineClaims()), 'local')).toEqual({
      sub: testClientId,
      cid: testClientId,
      uid: null,
      scopes: ['read_sayhello'],
      claims: {},
      validation: 'local',
    });
  });

  it.each([
    { note: 'a machine', claims: machineClaims() },
    { note: 'a person', claims: userClaims({ groups: ['a'], nested: { b: [1, { c: null }] } }) },
    { note: 'several scopes', claims: machineClaims({ scp: ['a', 'b'] }) },
    { note: 'no scope', claims: machineClaims({ scp: undefined }) },
  ])('is the same from a token and from its introspection: $note', ({ claims }) => {
    const fromToken = principalOfToken(json(claims), 'both');
    expect(principalOfIntrospection(json(introspectionOf(claims)), 'both')).toEqual(fromToken);
  });

  it('has custom claims only among its claims, under whichever names the others came', () => {
    const reserved = ['iss', 'aud', 'exp', 'nbf', 'iat', 'jti', 'ver', 'auth_time'];
    const answered = [
      'active',
      'username',
      'token_type',
      'device_id',
      'scope',
      'client_id',
      'cid',
      'scp',
      'uid',
    ];
    const members = Object.fromEntries([...reserved, ...answered].map((name) => [name, 'x']));
    const { claims } = principalOfIntrospection({ ...members, sub: 'a', tenant: 't' }, 'remote');
    expect(claims).toEqual({ tenant: 't' });
  });

  it.each([
    { scope: undefined, scopes: [] },
    { scope: '', scopes: [] },
    { scope: 'a', scopes: ['a'] },
    { scope: 'a b', scopes: ['a', 'b'] },
  ])('of an answer with scope $scope has the scopes $scopes', ({ scope, scopes }) => {
    const answer = json({ active: true, sub: 'a', scope });
    expect(principalOfIntrospection(answer, 'remote').scopes).toEqual(scopes);
  });

  it('of an answer without client_id has no client', () => {
    expect(principalOfIntrospection({ active: true, sub: 'a' }, 'remote').cid).toBeNull();
  });
});
