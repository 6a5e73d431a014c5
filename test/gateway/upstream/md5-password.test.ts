import { expect, it } from 'vitest';
import { md5Password } from '../../../src/gateway/upstream/md5-password.js';

// By Python's hashlib, from the formula of section 55.2.1.
it('the answer to AuthenticationMD5Password is the one that PostgreSQL computes (20)', () => {
  const answer = md5Password('alice', 'secretć', Buffer.from('00ff80c3', 'hex'));
  expect(answer).toBe('md5f8dfeeaba4aada411f5c5264446780d3');
});
