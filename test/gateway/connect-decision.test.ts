import { describe, expect, it } from 'vitest';
import { claimIsUser } from '../../src/gateway/connect-decision.js';
import { principalOfToken } from '../../src/token/principal.js';

const request = {
  user: 'alice',
  database: 'app',
  applicationName: '',
  options: {},
  client: { address: '127.0.0.1', tls: true },
  tokenValue: '',
};

const decide = (claim: string, claims: Record<string, never>) =>
  claimIsUser(claim).decide(request, {
    principal: principalOfToken({ sub: '00u1', ...claims }, 'local'),
    tokenHash: '',
    jti: null,
    expiresAt: 0,
  });

const accepted = { ok: true, value: { role: 'alice' } };
const refused = (code: string) => ({ ok: false, code });

describe('without a policy the claim is the user (16)', () => {
  it.each<{ claim: string; claims: object; outcome: object }>([
    { claim: 'sub', claims: { sub: 'alice' }, outcome: accepted },
    { claim: 'uid', claims: { uid: 'alice' }, outcome: accepted },
    { claim: 'preferred_username', claims: { preferred_username: 'alice' }, outcome: accepted },
    { claim: 'groups', claims: { groups: ['writers', 'alice'] }, outcome: accepted },
    { claim: 'preferred_username', claims: { sub: 'alice' }, outcome: refused('invalid_claim') },
    { claim: 'uid', claims: { sub: 'alice' }, outcome: refused('invalid_claim') },
    { claim: 'toString', claims: {}, outcome: refused('invalid_claim') },
    { claim: 'level', claims: { level: 7 }, outcome: refused('invalid_claim') },
    { claim: 'email', claims: { email: 'Alice' }, outcome: refused('wrong_user') },
    { claim: 'email', claims: { email: 'bob,alice' }, outcome: refused('wrong_user') },
    { claim: 'groups', claims: { groups: ['bob,alice', 7, ['alice']] }, outcome: refused('wrong_user') },
    { claim: 'groups', claims: { groups: [] }, outcome: refused('wrong_user') },
  ])('$claim of $claims', async ({ claim, claims, outcome }) => {
    expect(await decide(claim, claims as Record<string, never>)).toMatchObject(outcome);
  });
});
