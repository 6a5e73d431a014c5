import { beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Misbehave } from '../support/misbehaviours.js';
import { introspectionOf } from '../support/token-table.js';
import { machineClaims } from '../support/tokens.js';
import { observedApi, patientWithOkta, patientWithOpa } from './support/observed-api.js';
import { serverOf } from './support/outage.js';
import type { Outage } from './support/outage.js';

const introspection: Outage = { upstream: 'okta_introspection', code: 'authentication_unavailable' };
const opa: Outage = { upstream: 'opa', code: 'authorization_unavailable' };

/** More requests at once than there are sockets to an upstream: some wait for the connection of others. */
const crowd = 100;

describe.each([
  { from: 'introspection', outage: introspection, no: '{"active":false}', refused: 401 },
  { from: 'OPA', outage: opa, no: '{"result":{"allow":false}}', refused: 403 },
])('an answer of $from', ({ outage, no, refused }) => {
  const observed = observedApi({ ...patientWithOkta, ...patientWithOpa, OKTA_VALIDATION: 'remote' });
  const server = () => serverOf(observed(), outage);
  let tokens: readonly string[];
  let yes: string;

  beforeAll(async () => {
    tokens = await Promise.all(Array.from({ length: crowd }, () => observed().world.token()));
    const active = introspectionOf(machineClaims({ iss: observed().world.okta.issuer }));
    yes = JSON.stringify(outage === opa ? { result: { allow: true } } : active);
  });
  beforeEach(() => server().misbehave('well'));

  const askAll = () => Promise.all(tokens.map(async (token) => (await observed().ask(token)).status));

  it('that says yes opens the door', async () => {
    await server().misbehave(raw(() => answer(yes)));
    expect(new Set(await askAll())).toEqual(new Set([200]));
  });

  it('counts by its body, whatever type the head names', async () => {
    await server().misbehave(raw(() => answer(yes).replace('application/json', 'text/plain')));
    expect((await observed().ask(tokens[0] ?? '')).status).toBe(200);
  });

  it('is not followed by another one that nobody asked for', async () => {
    await server().misbehave(raw(() => answer(no) + answer(yes)));
    for (let round = 0; round < 3; round++) expect(new Set(await askAll())).toEqual(new Set([refused]));
  });

  it('that comes when nobody asked ends the connection', async () => {
    const unasked = Promise.withResolvers<() => void>();
    await server().misbehave(({ req }) => {
      req.socket.write(answer(no));
      unasked.resolve(() => req.socket.write(answer(yes)));
    });
    expect((await observed().ask(tokens[0] ?? '')).status).toBe(refused);
    const open = server().openSockets;
    (await unasked.promise)();
    await vi.waitFor(() => {
      expect(server().openSockets).toBe(open - 1);
    });
    expect((await observed().ask(tokens[0] ?? '')).status).toBe(refused);
  });
});

/** Writes bytes past Node's own server, which would not send them, and keeps the connection. */
function raw(bytes: () => string): Misbehave {
  return ({ req }) => req.socket.write(bytes(), 'latin1');
}

function answer(body: string): string {
  return `HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
}
