import { z } from 'zod';
import type { EndpointName } from '../endpoints.js';

/** Endpoints that can be made to misbehave, those of every authorization server at once. */
export const faultyEndpoints = ['token', 'introspect', 'keys'] as const satisfies readonly EndpointName[];
export type FaultyEndpoint = (typeof faultyEndpoints)[number];

/** How many of the next calls have the fault; after them the endpoint is itself again. */
const calls = z.int().min(1).max(10_000);

/**
 * What shall happen to the next `calls` calls of an endpoint, as JSON. Other members are refused.
 *
 * - `{"kind":"slow","delayMs":1500,"calls":3}`: the usual answer, so many milliseconds later, 60,000 at most
 * - `{"kind":"fail","status":502,"calls":1}`: this status, 500 to 599, in Okta's form
 * - `{"kind":"rate_limit","retryAfterSeconds":2,"calls":1}`: 429 `E0000047` with the headers that go with it
 * - `{"kind":"drop","calls":1}`: the connection ends without an answer
 */
export const faultSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('slow'), delayMs: z.int().min(1).max(60_000), calls }),
  z.strictObject({ kind: z.literal('fail'), status: z.int().min(500).max(599), calls }),
  z.strictObject({ kind: z.literal('rate_limit'), retryAfterSeconds: z.int().min(1).max(3600), calls }),
  z.strictObject({ kind: z.literal('drop'), calls }),
]);

export type Fault = z.infer<typeof faultSchema>;
