import 'reflect-metadata';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { DynamicModule, ForwardReference, INestApplication, Type } from '@nestjs/common';
import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { AccessModule } from '../../src/access/access.module.js';
import type { AccessOptions } from '../../src/access/access-options.js';
import type { DecisionRecord } from '../../src/policy/decision-record.js';
import type { ApiWorld } from './api-world.js';
import { testAudience } from './tokens.js';

/** The adapters that another service may run on. */
const adapters = { Fastify: () => new FastifyAdapter(), Express: () => new ExpressAdapter() } as const;

export type AdapterName = keyof typeof adapters;

export const adapterNames = Object.keys(adapters) as AdapterName[];

type Import = Type | DynamicModule | ForwardReference;

/** A Nest application of somebody else's behind the guard. */
export interface GuardedApp {
  readonly app: INestApplication;
  readonly port: number;
  readonly records: readonly DecisionRecord[];
}

/** Options for a world's Okta and OPA. */
export function accessOptions(world: ApiWorld, changes: Partial<AccessOptions> = {}): AccessOptions {
  return {
    okta: {
      issuer: world.okta.issuer,
      audience: testAudience,
      clientIds: 'any',
      validation: 'local',
      timeoutMs: 10_000,
    },
    opa: { mode: 'sidecar', url: world.opa.urlOf('demoapi/authz/decision'), timeoutMs: 10_000 },
    ...changes,
  };
}

/** Starts an application of these controllers. */
export async function startGuardedApp(
  world: ApiWorld,
  adapter: AdapterName,
  controllers: readonly Type[],
  imports: readonly Import[] = [],
): Promise<GuardedApp> {
  const records: DecisionRecord[] = [];
  const access = AccessModule.forRoot(accessOptions(world, { onDecision: (record) => records.push(record) }));
  return { ...(await startApp(adapter, controllers, [access, ...imports])), records };
}

@Module({})
class AppModule {}

export async function startApp(
  adapter: AdapterName,
  controllers: readonly Type[],
  imports: readonly Import[],
): Promise<Pick<GuardedApp, 'app' | 'port'>> {
  const module = { module: AppModule, imports: [...imports], controllers: [...controllers] };
  const options = { logger: false, abortOnError: false } as const;
  const app = await NestFactory.create(module, adapters[adapter](), options);
  await app.listen(0, '127.0.0.1');
  const server = app.getHttpServer() as Server;
  return { app, port: (server.address() as AddressInfo).port };
}
