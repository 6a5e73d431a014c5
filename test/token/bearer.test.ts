import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { extractBearer, maxTokenLength } from '../../src/token/bearer.js';

const target = '/sayhello';

function outcomeOf(rawHeaders: readonly string[], requestTarget = target): string {
  const outcome = extractBearer(rawHeaders, requestTarget);
  return outcome.ok ? `token ${outcome.value}` : outcome.code;
}

describe('the bearer token of a request', () => {
  it.each([
    { note: 'one space behind the scheme', header: 'Bearer abc.DEF-1_~+/2', token: 'abc.DEF-1_~+/2' },
    { note: 'lower-case scheme (RFC 9110 section 11.1)', header: 'bearer abc', token: 'abc' },
    { note: 'upper-case scheme', header: 'BEARER abc', token: 'abc' },
    { note: 'padding at the end, which b64token allows', header: 'Bearer abc==', token: 'abc==' },
  ])('is taken with $note', ({ header, token }) => {
    expect(extractBearer(['Host', 'x', 'Authorization', header], target)).toEqual({ ok: true, value: token });
  });

  it.each(['authorization', 'AUTHORIZATION', 'aUtHoRiZaTiOn'])('is found under the name %s', (name) => {
    expect(outcomeOf([name, 'Bearer abc'])).toBe('token abc');
  });

  it.each([
    { note: 'no header at all', headers: [] },
    { note: 'another header of that value', headers: ['X-Authorization', 'Bearer abc'] },
    { note: 'a header of the same length', headers: ['authorizatiom', 'Bearer abc'] },
    { note: 'an empty header', headers: ['Authorization', ''] },
    { note: 'another scheme', headers: ['Authorization', 'Basic Zm9vOmJhcg=='] },
    { note: 'a scheme that begins alike', headers: ['Authorization', 'BearerX abc'] },
    { note: 'a token without a scheme', headers: ['Authorization', 'abc.def.ghi'] },
  ])('is missing with $note', ({ headers }) => {
    expect(outcomeOf(headers)).toBe('missing');
  });

  it.each([
    { note: 'nothing behind the scheme', value: 'Bearer' },
    { note: 'a space behind the scheme only', value: 'Bearer ' },
    { note: 'two spaces', value: 'Bearer  abc' },
    { note: 'a tab for the space', value: 'Bearer\tabc' },
    { note: 'a space in front of the scheme', value: ' Bearer abc', code: 'missing' },
    { note: 'a space behind the token', value: 'Bearer abc ' },
    { note: 'a second word', value: 'Bearer abc def' },
    { note: 'a line feed at the end', value: 'Bearer abc\n' },
    { note: 'a NUL in the token', value: 'Bearer a\u0000bc' },
    { note: 'a control character in the token', value: 'Bearer a\u001bbc' },
    { note: 'a character beyond ASCII', value: 'Bearer abć' },
    { note: 'quotes', value: 'Bearer "abc"' },
    { note: 'parameters', value: 'Bearer token=abc;x' },
    { note: 'padding in the middle', value: 'Bearer a=bc' },
    { note: 'only padding', value: 'Bearer ==' },
  ])('is refused with $note', ({ value, code = 'malformed' }) => {
    expect(outcomeOf(['Authorization', value])).toBe(code);
  });

  it.each([
    {
      note: 'two equal Authorization headers',
      headers: ['Authorization', 'Bearer a', 'authorization', 'Bearer a'],
    },
    {
      note: 'two schemes in two headers',
      headers: ['Authorization', 'Basic Zg==', 'Authorization', 'Bearer a'],
    },
    { note: 'an empty one beside a good one', headers: ['Authorization', '', 'Authorization', 'Bearer a'] },
    { note: 'two credentials in one header', headers: ['Authorization', 'Bearer a, Bearer b'] },
    { note: 'two schemes in one header', headers: ['Authorization', 'Basic Zg==, Bearer b'] },
    { note: 'a comma at the end', headers: ['Authorization', 'Bearer a,'] },
  ])('is ambiguous with $note', ({ headers }) => {
    expect(outcomeOf(headers)).toBe('ambiguous');
  });

  it.each([
    { note: 'a token in the query', query: '?access_token=abc' },
    { note: 'an empty token in the query', query: '?access_token=' },
    { note: 'a bare name in the query', query: '?access_token' },
    { note: 'a token behind other parameters', query: '?a=1&access_token=abc' },
    { note: 'a second question mark in front', query: '??a&access_token=x' },
  ])('is ambiguous with $note, beside a header or alone', ({ query }) => {
    expect(outcomeOf(['Authorization', 'Bearer abc'], `${target}${query}`)).toBe('ambiguous');
    expect(outcomeOf([], `${target}${query}`)).toBe('ambiguous');
  });

  it.each(['?access_token=abc', '?access%5Ftoken=abc', '?%61ccess_token=abc', '?access%5ftoken'])(
    'is ambiguous however the name in the query is spelled: %s',
    (query) => {
      expect(outcomeOf(['Authorization', 'Bearer abc'], `${target}${query}`)).toBe('ambiguous');
    },
  );

  it.each(['/access_token', '/x?my_access_token=1', '/x?q=access_token', '/x?access_tokens=1'])(
    'is taken although the target says %s',
    (requestTarget) => {
      expect(outcomeOf(['Authorization', 'Bearer abc'], requestTarget)).toBe('token abc');
    },
  );

  it(`may be ${maxTokenLength} characters long, and no longer`, () => {
    expect(outcomeOf(['Authorization', `Bearer ${'a'.repeat(maxTokenLength)}`])).toMatch(/^token a+$/);
    expect(outcomeOf(['Authorization', `Bearer ${'a'.repeat(maxTokenLength + 1)}`])).toBe('malformed');
  });

  it('appears in no reason', () => {
    const secret = 'c2VjcmV0LXRva2Vu';
    const refused = [`Bearer ${secret} x`, `Bearer ${secret}, Bearer x`, `Basic ${secret}`];
    const outcomes = refused.map((value) =>
      extractBearer(['Authorization', value], `/x?access_token=${secret}`),
    );
    expect(JSON.stringify(outcomes)).not.toContain(secret);
  });

  it('is a b64token or refused, whatever the header holds', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (value) => {
        const outcome = extractBearer(['Authorization', `Bearer ${value}`], target);
        expect(outcome.ok).toBe(/^[\w\-.~+/]+=*$/.test(value));
      }),
      { numRuns: 2000 },
    );
  });
});

describe('the headers that Node hands over', () => {
  it('show both Authorization headers of a request in rawHeaders, and only one in headers', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
    socket.write('GET / HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer a\r\nAuthorization: Bearer b\r\n\r\n');
    const [request] = (await once(server, 'request')) as [
      { headers: { authorization?: string }; rawHeaders: string[] },
    ];
    expect(request.headers.authorization).toBe('Bearer a');
    expect(outcomeOf(request.rawHeaders)).toBe('ambiguous');
    socket.destroy();
    server.close();
  });
});
