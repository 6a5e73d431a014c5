import type { IncomingMessage } from 'node:http';
import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Put, Req } from '@nestjs/common';
import { parseStrictObject } from '../../token/strict-json.js';
import { AdminAccess } from '../admin/admin-access.js';
import { OktaApiError } from '../okta-api-error.js';
import { faultSchema, faultyEndpoints } from './fault.js';
import type { Fault, FaultyEndpoint } from './fault.js';
import { OrderedFaults } from './ordered-faults.js';

interface IncomingRequest {
  readonly raw: IncomingMessage;
}

type Faults = ReturnType<OrderedFaults['all']>;

/**
 * Faults on demand, for those who test against the issuer; in development only. Every call needs an admin's access token.
 *
 * `PUT {base}/faults/{endpoint}` with a {@link Fault}, `endpoint` being token, introspect or keys, and `GET {base}/faults`
 * answer with all that is to come, by endpoint; `DELETE {base}/faults[/{endpoint}]` answers 204.
 */
@Controller('faults')
export class FaultsController {
  readonly #faults: OrderedFaults;
  readonly #admin: AdminAccess;

  constructor(@Inject(OrderedFaults) faults: OrderedFaults, @Inject(AdminAccess) admin: AdminAccess) {
    this.#faults = faults;
    this.#admin = admin;
  }

  @Put(':endpoint')
  async order(
    @Req() { raw }: IncomingRequest,
    @Param('endpoint') name: string,
    @Body() body: unknown,
  ): Promise<Faults> {
    await this.#admin.check(raw);
    this.#faults.order(endpointOf(name), readFault(body));
    return this.#faults.all();
  }

  @Get()
  async list(@Req() { raw }: IncomingRequest): Promise<Faults> {
    await this.#admin.check(raw);
    return this.#faults.all();
  }

  @Delete()
  @HttpCode(204)
  async cancelAll(@Req() { raw }: IncomingRequest): Promise<void> {
    await this.#admin.check(raw);
    this.#faults.cancelAll();
  }

  @Delete(':endpoint')
  @HttpCode(204)
  async cancel(@Req() { raw }: IncomingRequest, @Param('endpoint') name: string): Promise<void> {
    await this.#admin.check(raw);
    this.#faults.cancel(endpointOf(name));
  }
}

function endpointOf(name: string): FaultyEndpoint {
  const endpoint = faultyEndpoints.find((faulty) => faulty === name);
  if (endpoint === undefined)
    throw new OktaApiError(404, 'E0000007', 'Not found: faults are for token, introspect and keys.');
  return endpoint;
}

function readFault(body: unknown): Fault {
  const json = body instanceof Uint8Array ? parseStrictObject(body) : undefined;
  if (json === undefined)
    throw new OktaApiError(400, 'E0000003', 'The request body was not well-formed: expected a JSON object.');
  const read = faultSchema.safeParse(json);
  if (read.success) return read.data;
  const causes = read.error.issues.map(({ path, message }) => `${path.join('.') || 'fault'}: ${message}`);
  throw new OktaApiError(400, 'E0000001', 'Api validation failed: fault', { causes });
}
