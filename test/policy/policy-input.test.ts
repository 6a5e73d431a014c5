import { describe, expect, it } from 'vitest';
import { probeInput, serializeHttpInput } from '../../src/policy/policy-input.js';
import type { VerifiedToken } from '../../src/token/principal.js';

const request = {
  method: 'GET',
  api: '/orders/7',
  route: '/orders/:id',
  params: { id: '7' },
  tokenValue: 'eyJ.eyJ.sig',
};

function verified(changes: Partial<VerifiedToken['principal']> = {}): VerifiedToken {
  const principal = {
    sub: 'roach@example.test',
    cid: '0oa1',
    uid: null,
    scopes: ['read_sayhello'],
    claims: { team: 'red' },
    validation: 'local',
    ...changes,
  } as const;
  return { principal, tokenHash: 'h', jti: 'AT.1', expiresAt: 1 };
}

describe('the policy input of an HTTP request', () => {
  it("has the article's members first and the others after them", () => {
    const text = serializeHttpInput(request, verified());
    expect(text).toBe(
      '{"method":"GET","api":"/orders/7","jwt":{"tokenValue":"eyJ.eyJ.sig"},' +
        '"route":"/orders/:id","params":{"id":"7"},' +
        '"principal":{"sub":"roach@example.test","cid":"0oa1","uid":null,"scopes":["read_sayhello"],' +
        '"claims":{"team":"red"},"validation":"local"}}',
    );
  });

  it('has an empty object of params for a route without any', () => {
    const text = serializeHttpInput({ ...request, params: {} }, verified());
    expect(JSON.parse(text)).toHaveProperty('params', {});
  });

  it('keeps two tokens with equal content apart', () => {
    const [one, other] = [verified({ sub: 'one' }), verified({ sub: 'other' })];
    serializeHttpInput(request, one);
    expect(JSON.parse(serializeHttpInput(request, other))).toHaveProperty('principal.sub', 'other');
  });

  it.each([
    { what: 'quotes and backslashes', text: '"\\' },
    { what: 'control characters', text: '\0\n\u007f' },
    { what: 'characters beyond the first plane', text: '\u{1f600}' },
    { what: 'a backslash before what looks like an escape', text: '\\ud800' },
  ])('carries $what unchanged in every text', ({ text }) => {
    const input = { method: text, api: text, route: text, params: { [text]: text } };
    const json = serializeHttpInput({ ...input, tokenValue: text }, verified({ sub: text }));
    expect(JSON.parse(json)).toMatchObject({
      ...input,
      jwt: { tokenValue: text },
      principal: { sub: text },
    });
  });

  it('puts U+FFFD for half a surrogate pair, wherever one is', () => {
    const half = 'a\ud800b\udc00';
    const input = { method: half, api: half, route: half, params: { [half]: half }, tokenValue: half };
    const text = serializeHttpInput(input, verified({ claims: { [half]: [half] }, scopes: [half] }));
    expect(text.isWellFormed()).toBe(true);
    expect(text).not.toMatch(/\\ud[89a-f]/i);
    expect(JSON.parse(text)).toMatchObject({
      api: 'a\ufffdb\ufffd',
      principal: { scopes: ['a\ufffdb\ufffd'] },
    });
  });

  it('of a probe asks for nothing and belongs to nobody', () => {
    expect(JSON.parse(probeInput)).toEqual({
      method: 'GET',
      api: '/',
      jwt: { tokenValue: '' },
      route: '/',
      params: {},
      principal: { sub: '', cid: null, uid: null, scopes: [], claims: {}, validation: 'local' },
    });
  });
});
