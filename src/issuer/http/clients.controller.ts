import type { IncomingMessage } from 'node:http';
import {
  Body,
  Controller,
  Delete,
  Get,
  Header,
  HttpCode,
  Inject,
  Param,
  Post,
  Put,
  Query,
  Req,
  Res,
} from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { Actor } from '../audit/audit.js';
import { AdminAccess } from '../admin/admin-access.js';
import {
  invalidClient,
  readClientDocument,
  writeClientDocument,
  writeClientWithSecret,
} from '../clients/client-document.js';
import { ClientRegistry } from '../clients/client-registry.js';
import { ListCursors } from '../clients/list-cursors.js';
import { BaseUrl } from '../base-url.js';

interface AdminRequest {
  readonly raw: IncomingMessage;
}

/** Okta's dynamic client registration (RFC 7591, RFC 7592), for admins. */
@Controller('oauth2/v1/clients')
export class ClientsController {
  readonly #registry: ClientRegistry;
  readonly #admin: AdminAccess;
  readonly #cursors: ListCursors;
  readonly #baseUrl: BaseUrl;

  constructor(
    @Inject(ClientRegistry) registry: ClientRegistry,
    @Inject(AdminAccess) admin: AdminAccess,
    @Inject(ListCursors) cursors: ListCursors,
    @Inject(BaseUrl) baseUrl: BaseUrl,
  ) {
    this.#registry = registry;
    this.#admin = admin;
    this.#cursors = cursors;
    this.#baseUrl = baseUrl;
  }

  @Post()
  @HttpCode(201)
  @Header('cache-control', 'no-cache, no-store')
  async create(@Req() request: AdminRequest, @Body() body: unknown) {
    const actor = await this.#actor(request);
    return writeClientWithSecret(await this.#registry.add(readClientDocument(body), actor));
  }

  @Get()
  @Header('cache-control', 'no-cache, no-store')
  async list(
    @Req() request: AdminRequest,
    @Query() query: Readonly<Record<string, unknown>>,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    await this.#actor(request);
    const { limit, after, startsWith } = this.#readQuery(query);
    const { clients, next } = await this.#registry.page({ limit, after, startsWith });
    if (next !== undefined)
      void reply.header('link', this.#nextLink(limit, startsWith, this.#cursors.write(next)));
    return clients.map(writeClientDocument);
  }

  @Get(':clientId')
  @Header('cache-control', 'no-cache, no-store')
  async get(@Req() request: AdminRequest, @Param('clientId') clientId: string) {
    await this.#actor(request);
    return writeClientDocument(await this.#registry.get(clientId));
  }

  @Put(':clientId')
  @Header('cache-control', 'no-cache, no-store')
  async replace(@Req() request: AdminRequest, @Param('clientId') clientId: string, @Body() body: unknown) {
    const actor = await this.#actor(request);
    return writeClientWithSecret(await this.#registry.replace(clientId, readClientDocument(body), actor));
  }

  @Delete(':clientId')
  @HttpCode(204)
  async remove(@Req() request: AdminRequest, @Param('clientId') clientId: string): Promise<void> {
    await this.#registry.remove(clientId, await this.#actor(request));
  }

  @Post(':clientId/lifecycle/newSecret')
  @HttpCode(200)
  @Header('cache-control', 'no-cache, no-store')
  async newSecret(@Req() request: AdminRequest, @Param('clientId') clientId: string) {
    const actor = await this.#actor(request);
    return writeClientWithSecret(await this.#registry.rotateSecret(clientId, actor));
  }

  @Post(':clientId/lifecycle/activate')
  @HttpCode(200)
  async activate(@Req() request: AdminRequest, @Param('clientId') clientId: string) {
    const actor = await this.#actor(request);
    return writeClientDocument(await this.#registry.setEnabled(clientId, true, actor));
  }

  @Post(':clientId/lifecycle/deactivate')
  @HttpCode(200)
  async deactivate(@Req() request: AdminRequest, @Param('clientId') clientId: string) {
    const actor = await this.#actor(request);
    return writeClientDocument(await this.#registry.setEnabled(clientId, false, actor));
  }

  async #actor({ raw }: AdminRequest): Promise<Actor> {
    const { id } = await this.#admin.check(raw);
    return `client:${id}`;
  }

  #readQuery({ limit = '20', after, q = '' }: Readonly<Record<string, unknown>>) {
    const isNumber = typeof limit === 'string' && /^\d{1,3}$/.test(limit);
    if (!isNumber || Number(limit) < 1 || Number(limit) > 200)
      throw invalidClient(['limit: a whole number from 1 to 200']);
    if (typeof q !== 'string' || q.length > 100 || q.includes('\0'))
      throw invalidClient(['q: what the name or the id starts with, at most 100 characters']);
    const position = typeof after === 'string' ? this.#cursors.read(after) : undefined;
    if (after !== undefined && position === undefined)
      throw invalidClient(['after: a cursor out of the Link header of the page before']);
    return { limit: Number(limit), after: position, startsWith: q };
  }

  /** RFC 8288. */
  #nextLink(limit: number, startsWith: string, after: string): string {
    const query = new URLSearchParams({ limit: String(limit), ...(startsWith && { q: startsWith }), after });
    return `<${this.#baseUrl.value}/oauth2/v1/clients?${query.toString()}>; rel="next"`;
  }
}
