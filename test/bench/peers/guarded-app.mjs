// A service that uses the guard of this project, with as many routes as wanted.
// Environment: PORT, ISSUER, AUDIENCE, BUNDLE, ROUTES (how many), CACHE_ENTRIES.
import 'reflect-metadata';
import { Controller, Get, Inject, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { AccessModule, AccessRuntime, Public } from '../../../dist/index.js';

const { PORT, ISSUER, AUDIENCE, BUNDLE, ROUTES, CACHE_ENTRIES } = process.env;

/** Applies method decorators without a compiler. */
function decorate(type, method, ...decorators) {
  const descriptor = Object.getOwnPropertyDescriptor(type.prototype, method);
  for (const decorator of decorators) decorator(type.prototype, method, descriptor);
}

class ScaleController {
  constructor(runtime) {
    this.runtime = runtime;
  }

  answer() {
    return { message: 'Hello there!!' };
  }

  /** What the benchmark checks: that the tokens it means to be cached are. */
  cache() {
    const { hits, misses, size } = this.runtime.verifier.verifiedTokens;
    return { hits, misses, size };
  }
}
decorate(ScaleController, 'answer', Get(Array.from({ length: Number(ROUTES) }, (_, index) => `r${index}`)));
decorate(ScaleController, 'cache', Get('cache'), Public());
Inject(AccessRuntime)(ScaleController, undefined, 0);
Controller()(ScaleController);

class ScaleModule {}
Module({
  imports: [
    AccessModule.forRoot({
      okta: {
        issuer: ISSUER,
        audience: AUDIENCE,
        clientIds: 'any',
        validation: 'local',
        tokenCacheEntries: Number(CACHE_ENTRIES),
      },
      opa: { mode: 'embedded', bundle: BUNDLE, url: 'http://localhost:8181/v1/data/bench/authz/allow' },
    }),
  ],
  controllers: [ScaleController],
})(ScaleModule);

const app = await NestFactory.create(ScaleModule, new FastifyAdapter(), { logger: ['error'] });
await app.listen(Number(PORT), '127.0.0.1');
