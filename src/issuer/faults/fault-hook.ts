import type { preHandlerHookHandler } from 'fastify';
import type { Clock } from '../../base/clock.js';
import { rateLimited } from '../abuse/rate-limited.js';
import { endpointAt, endpoints } from '../endpoints.js';
import { OktaApiError } from '../okta-api-error.js';
import { faultyEndpoints } from './fault.js';
import type { Fault, FaultyEndpoint } from './fault.js';
import type { OrderedFaults } from './ordered-faults.js';

type Hook = Parameters<preHandlerHookHandler>;

/** Carries out what was ordered, before any controller has seen the request, and after its body has arrived. */
export function faultHook(faults: OrderedFaults, clock: Clock): preHandlerHookHandler {
  return (request, reply, done) => {
    const endpoint = faultyEndpointAt(request.method, request.url);
    const fault = endpoint && faults.take(endpoint);
    if (fault === undefined) done();
    else carryOut(fault, [request, reply, done], clock);
  };
}

function faultyEndpointAt(method: string, url: string): FaultyEndpoint | undefined {
  const name = endpointAt(url.split('?', 1)[0] ?? '');
  const endpoint = faultyEndpoints.find((faulty) => faulty === name);
  return endpoint !== undefined && endpoints[endpoint].method === method ? endpoint : undefined;
}

function carryOut(fault: Fault, [request, reply, done]: Hook, clock: Clock): void {
  switch (fault.kind) {
    case 'slow':
      setTimeout(done, fault.delayMs);
      return;
    case 'fail':
      done(new OktaApiError(fault.status, 'E0000009', 'The fault that was ordered for this call.'));
      return;
    case 'rate_limit':
      done(orderedRateLimit(fault.retryAfterSeconds, clock()));
      return;
    case 'drop':
      reply.hijack();
      request.raw.socket.destroy();
  }
}

/** Limits of Okta's own endpoints are of this size, in calls a minute. */
const limit = 600;

function orderedRateLimit(retryAfterSeconds: number, now: number): OktaApiError {
  return rateLimited({ limit, remaining: 0, resetAt: now + retryAfterSeconds * 1000 }, now);
}
