import {
  BadRequestException,
  Controller,
  Get,
  HttpException,
  Module,
  Param,
  ParseIntPipe,
  Post,
  UnauthorizedException,
} from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ProblemFilter } from '../../src/api/problem.filter.js';
import { createLogger } from '../../src/operations/logging.js';
import { nestLogger } from '../../src/operations/nest-logger.js';
import { bearer, json, send } from '../support/api-client.js';
import { startGuardedApp } from '../support/api-guarded-app.js';
import type { GuardedApp } from '../support/api-guarded-app.js';
import { startApiWorld } from '../support/api-world.js';
import type { ApiWorld } from '../support/api-world.js';

const inside = 'postgres://roach:hunter2@db/inside';

/** Whatever a handler may throw, and the status that becomes of it. */
const thrown: Readonly<Record<string, readonly [value: unknown, status: number]>> = {
  error: [new Error(inside), 500],
  text: [inside, 500],
  nothing: [undefined, 500],
  null: [null, 500],
  number: [404, 500],
  object: [{ message: inside, statusCode: 700 }, 500],
  success: [{ message: inside, statusCode: 200 }, 500],
  lying: [{ message: inside, getStatus: 'no function' }, 500],
  cause: [new Error('outside', { cause: new Error(inside) }), 500],
  aggregate: [new AggregateError([new Error(inside)], inside), 500],
  internal: [new HttpException({ message: inside }, 500), 500],
  gateway: [new HttpException(inside, 502), 502],
  bad: [new BadRequestException([inside]), 400],
  unauthorized: [new UnauthorizedException(inside), 401],
  teapot: [new HttpException(inside, 418), 418],
};

@Controller()
class ThrowingController {
  @Get('throw/:what')
  throw(@Param('what') what: string) {
    throw thrown[what]?.[0];
  }

  @Get('reject/:what')
  async reject(@Param('what') what: string) {
    await Promise.resolve();
    throw thrown[what]?.[0];
  }

  @Get('number/:n')
  number(@Param('n', ParseIntPipe) n: number) {
    return { n };
  }

  @Post('body')
  body() {
    return {};
  }

  @Get('circle')
  circle() {
    const circle: Record<string, unknown> = { inside };
    circle.circle = circle;
    return circle;
  }
}

@Module({ providers: [{ provide: APP_FILTER, useClass: ProblemFilter }] })
class ProblemModule {}

describe('what goes wrong behind the guard', () => {
  const lines: string[] = [];
  let world: ApiWorld;
  let guarded: GuardedApp;

  beforeAll(async () => {
    world = await startApiWorld();
    world.opa.decidesBy(() => true);
    guarded = await startGuardedApp(world, 'Fastify', [ThrowingController], [ProblemModule]);
    const destination = { write: (line: string) => void lines.push(line), flush: () => Promise.resolve() };
    guarded.app.useLogger(nestLogger(createLogger({ level: 'info', destination })));
  });

  beforeEach(() => {
    lines.length = 0;
  });

  afterAll(async () => {
    await guarded.app.close();
    await world.close();
  });

  async function ask(target: string, method = 'GET', body?: { type: string; text: string }) {
    const type = body === undefined ? [] : [['Content-Type', body.type] as const];
    const headers = [bearer(await world.token()), ...type];
    return send(guarded.port, {
      method,
      target,
      headers,
      ...(body === undefined ? {} : { body: body.text }),
    });
  }

  const cases = ['throw', 'reject'].flatMap((how) =>
    Object.entries(thrown).map(([what, [, status]]) => ({ target: `/${how}/${what}`, status })),
  );

  it.each(cases)(
    '$target is answered $status with nothing of what was thrown',
    async ({ target, status }) => {
      const answer = await ask(target);
      expect(answer.status).toBe(status);
      expect(answer.headers['content-type']).toContain('application/problem+json');
      expect(json(answer)).toMatchObject({ status });
      expect(answer.body).not.toMatch(/hunter2|inside|outside|stack/);
      expect(lines.length).toBe(status >= 500 ? 1 : 0);
    },
  );

  it('the log tells what the client is not told, but for the password in it', async () => {
    await ask('/throw/cause');
    expect(lines.join('')).toContain('outside');
    expect(lines.join('')).toContain('roach');
    expect(lines.join('')).not.toContain('hunter2');
  });

  it.each([
    ['an argument that a pipe refuses', '/number/x', 'GET', undefined, 400, 'bad_request'],
    ['JSON that is none', '/body', 'POST', { type: 'application/json', text: '{"a":' }, 400, 'bad_request'],
    ['a type that nobody reads', '/body', 'POST', { type: 'a/b', text: 'x' }, 415, 'unsupported_media_type'],
    ['an answer that can’t be written', '/circle', 'GET', undefined, 500, 'internal_error'],
  ] as const)('%s', async (_, target, method, body, status, code) => {
    const answer = await ask(target, method, body);
    expect([answer.status, json(answer).code]).toEqual([status, code]);
    expect(answer.body).not.toContain('hunter2');
  });

  it('__proto__ in a body changes no prototype', async () => {
    const body = { type: 'application/json', text: '{"__proto__":{"polluted":true}}' };
    expect((await ask('/body', 'POST', body)).status).toBe(400);
    expect({}).not.toHaveProperty('polluted');
  });
});
