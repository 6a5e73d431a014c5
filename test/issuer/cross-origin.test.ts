import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { send, startTestIssuer } from './support/issuer.js';
import type { TestIssuer } from './support/issuer.js';

let issuer: TestIssuer;
beforeAll(async () => {
  issuer = await startTestIssuer();
});
afterAll(() => issuer.close());

const origin = 'https://app.example.test';
const at = (path: string) => `${issuer.origin}/oauth2/default/${path}`;

describe('a script of another origin', () => {
  it.each(['v1/token', 'v1/revoke', 'v1/userinfo'])('may ask to post to %s', async (path) => {
    const { status, headers } = await send(at(path), {
      method: 'OPTIONS',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization',
      },
    });
    expect(status).toBe(204);
    expect(headers.get('access-control-allow-origin')).toBe('*');
    expect(headers.get('access-control-allow-methods')).toBe('GET, POST');
    expect(headers.get('access-control-allow-headers')).toContain('authorization');
    expect(headers.get('access-control-allow-credentials')).toBeNull();
  });

  it.each([
    ['.well-known/openid-configuration', 200],
    ['v1/keys', 200],
    ['v1/userinfo', 401],
  ])('may read what %s answers', async (path, expected) => {
    const { status, headers } = await send(at(path), { headers: { origin } });
    expect(status).toBe(expected);
    expect(headers.get('access-control-allow-origin')).toBe('*');
  });
});
