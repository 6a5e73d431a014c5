import { Controller, Get } from '@nestjs/common';
import { ApplicationConfig } from '@nestjs/core';
import { ExecutionContextHost } from '@nestjs/core/helpers/execution-context-host.js';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AccessGuard } from '../../src/access/access.guard.js';
import { AccessRefused } from '../../src/access/access-refused.js';
import { AccessRefusedFilter } from '../../src/access/access-refused.filter.js';
import { Public } from '../../src/access/route-access.js';
import { bearer, get } from '../support/api-client.js';
import { startGuardedApp } from '../support/api-guarded-app.js';
import type { GuardedApp } from '../support/api-guarded-app.js';
import { startApiWorld } from '../support/api-world.js';
import type { ApiWorld } from '../support/api-world.js';

@Controller('both')
class BothController {
  @Get()
  guarded() {
    return { handler: 'guarded' };
  }

  @Public()
  @Get('open')
  open() {
    return { handler: 'open' };
  }
}

describe.each(['rpc', 'ws', 'graphql', 'something new'])('a handler that is reached by %s', (transport) => {
  let world: ApiWorld;
  let app: GuardedApp;
  let guard: AccessGuard;

  beforeAll(async () => {
    world = await startApiWorld();
    app = await startGuardedApp(world, 'Fastify', [BothController]);
    guard = partOf(app, AccessGuard);
  });

  afterAll(async () => {
    await app.app.close();
    await world.close();
  });

  /** As Nest makes it; the first argument looks like a good request to whoever doesn't ask for the type. */
  async function contextOf(name: keyof BothController): Promise<ExecutionContextHost> {
    const [header, value] = bearer(await world.token());
    const request = {
      method: 'GET',
      originalUrl: '/both',
      params: {},
      headers: { authorization: value },
      rawHeaders: [header, value],
      routeOptions: { url: '/both' },
    };
    const context = new ExecutionContextHost([request], BothController, handlerOf(name));
    context.setType(transport);
    return context;
  }

  it.each(['guarded', 'open'] as const)('is not let through: %s', async (name) => {
    const context = await contextOf(name);
    expect(() => guard.canActivate(context)).toThrow(AccessRefused);
    expect(() => guard.canActivate(context)).toThrow('Only HTTP requests can be authorized here.');
    expect(world.opa.asked()).toEqual([]);
  });

  it('gets the refusal through the transport’s own error handling', async () => {
    const context = await contextOf('guarded');
    const refused = refusalOf(() => guard.canActivate(context));
    const filter = partOf(app, AccessRefusedFilter);
    expect(() => {
      filter.catch(refused, context);
    }).toThrow(refused);
  });

  it('is reached by HTTP as ever', async () => {
    expect(await get(app.port, '/both/open')).toMatchObject({ status: 200 });
  });
});

function handlerOf(name: keyof BothController): () => unknown {
  return Reflect.get(BothController.prototype, name);
}

function refusalOf(run: () => unknown): AccessRefused {
  try {
    run();
  } catch (error) {
    if (error instanceof AccessRefused) return error;
  }
  throw new Error('no refusal');
}

/** One of the guards and filters that the module has made global. */
function partOf<T>({ app }: GuardedApp, type: abstract new (...args: never[]) => T): T {
  const config = app.get(ApplicationConfig);
  const parts = [...config.getGlobalGuards(), ...config.getGlobalFilters()];
  const part = parts.find((candidate) => candidate instanceof type);
  if (part === undefined) throw new Error(`no ${type.name}`);
  return part as T;
}
