import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Logger } from 'pino';
import { systemClock } from '../base/clock.js';
import type { Clock } from '../base/clock.js';
import { toListenError } from '../operations/listening.js';
import { startManagementServer } from '../operations/management-server.js';
import { nestLogger } from '../operations/nest-logger.js';
import { Readiness } from '../operations/readiness.js';
import type { HealthCheck } from '../operations/readiness.js';
import type { RunningService } from '../operations/run-service.js';
import { startParts } from '../operations/start-parts.js';
import type { Opened } from '../operations/start-parts.js';
import type { IssuerSettings } from '../settings/issuer-settings.js';
import { administrationOf } from './admin/administration.js';
import type { Registries } from './admin/administration.js';
import { serveAdministration } from './admin/administration-socket.js';
import { registriesOf } from './admin/open-administration.js';
import type { ClientRegistry } from './clients/client-registry.js';
import { endpointAt } from './endpoints.js';
import { faultHook } from './faults/fault-hook.js';
import { OrderedFaults } from './faults/ordered-faults.js';
import { answerTogether } from './http/answer-together.js';
import { crossOrigin, httpOptions } from './http/http-server.js';
import { createIssuerMetrics } from './issuer-metrics.js';
import type { IssuerMetrics } from './issuer-metrics.js';
import { issuerParts } from './issuer-parts.js';
import { IssuerModule } from './issuer.module.js';
import { SigningKeyRing } from './keys/signing-key-ring.js';
import { peppersOf } from './pepper-file.js';
import { folderOf, openStore } from './store/open-store.js';
import type { Database } from './store/open-store.js';
import { sweepExpired } from './store/sweep.js';

/** The issuer while it runs. */
export interface RunningIssuer extends RunningService {
  /** The `iss` of its tokens. */
  readonly issuer: string;
  readonly port: number;
  readonly managementPort: number;
  readonly registry: ClientRegistry;
  readonly registries: Registries;
  readonly server: Server;
}

const sweepEveryMs = 10 * 60_000;
/** How long a rotation by another process may go unseen. */
const refreshKeysEveryMs = 5000;

/**
 * Starts the issuer: store, keys, endpoints, management port.
 *
 * @throws SetupError when the database can't be used or a port is in use
 */
export function startIssuer(
  settings: IssuerSettings,
  logger: Logger,
  clock: Clock = systemClock,
): Promise<RunningIssuer> {
  return startParts((opened) => start(settings, logger, clock, opened));
}

/** @param opened receives what has to be closed again, in the order of opening */
async function start(
  settings: IssuerSettings,
  logger: Logger,
  clock: Clock,
  opened: Opened,
): Promise<Omit<RunningIssuer, 'close'>> {
  const folder = folderOf(settings.databaseUrl);
  const store = await openStore(settings.databaseUrl, logger);
  opened.push(() => store.close());
  const peppers = peppersOf(settings, folder);
  const keys = await SigningKeyRing.open(store, peppers);
  opened.push(maintain(store.db, keys, logger));
  const registries = registriesOf(store, peppers, keys);
  if (folder !== undefined)
    opened.push(await serveAdministration(administrationOf(registries), folder, logger));
  const metrics = createIssuerMetrics();
  const parts = issuerParts({ settings, store, peppers, keys, registries, logger, clock });
  const app = await createApp(parts, settings, logger, metrics);
  opened.push(() => app.close());
  const readiness = new Readiness([databaseCheck(store.db)]);
  const { managementHost: host, managementPort: port } = settings;
  const address = { host, port, setting: 'ISSUER_MANAGEMENT_PORT' };
  const management = await startManagementServer({ address, readiness, metrics });
  opened.push(() => management.close());
  const server = await listen(app, settings);
  const running = {
    issuer: `${settings.baseUrl}/oauth2/default`,
    port: (server.address() as AddressInfo).port,
    managementPort: management.port,
  };
  logger.info(
    { ...running, mode: settings.mode, signingKey: keys.current('RS256').kid },
    'the issuer is listening',
  );
  return { ...running, registry: registries.clients, registries, server, readiness };
}

async function createApp(
  parts: readonly object[],
  { trustProxy }: IssuerSettings,
  logger: Logger,
  metrics: IssuerMetrics,
): Promise<NestFastifyApplication> {
  const adapter = new FastifyAdapter(httpOptions(trustProxy));
  const fastify = adapter.getInstance();
  // Forms are read by readOAuthParameters, which sees duplicates and bad encodings that other parsers smooth over.
  fastify.removeAllContentTypeParsers();
  fastify.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => {
    done(null, body);
  });
  fastify.addHook('onRequest', (_request, reply, done) => {
    void reply.header('x-okta-request-id', randomUUID());
    done();
  });
  fastify.addHook('onSend', answerTogether);
  fastify.addHook('onResponse', (request, reply, done) => {
    metrics.answered(endpointAt(request.url.split('?', 1)[0] ?? ''), reply.statusCode);
    done();
  });
  const faults = parts.find((part) => part instanceof OrderedFaults);
  if (faults !== undefined) fastify.addHook('preHandler', faultHook(faults, systemClock));
  const app = await NestFactory.create<NestFastifyApplication>(IssuerModule.forRoot(parts), adapter, {
    logger: nestLogger(logger),
    abortOnError: false,
    bodyParser: false,
  });
  app.enableCors(crossOrigin);
  return app;
}

async function listen(app: NestFastifyApplication, { host, port }: IssuerSettings): Promise<Server> {
  try {
    await app.listen(port, host);
    return app.getHttpServer();
  } catch (error) {
    throw toListenError(error, { host, port, setting: 'ISSUER_PORT' });
  }
}

function databaseCheck(db: Database): HealthCheck {
  return {
    name: 'database',
    check: async () => {
      await db.selectFrom('authorization_servers').select('id').limit(1).execute();
      return { ok: true };
    },
  };
}

/** What has to be done again and again. @returns what ends it */
function maintain(db: Database, keys: SigningKeyRing, logger: Logger): () => Promise<void> {
  const regularly = (everyMs: number, what: string, work: () => Promise<unknown>): NodeJS.Timeout =>
    setInterval(() => {
      work().catch((error: unknown) => {
        logger.warn({ err: error }, `${what} failed; it is tried again`);
      });
    }, everyMs).unref();
  const timers = [
    regularly(sweepEveryMs, 'sweeping expired rows', () => sweepExpired(db, systemClock)),
    regularly(refreshKeysEveryMs, 'reading the signing keys', () => keys.refresh()),
  ];
  return () => {
    timers.forEach(clearInterval);
    return Promise.resolve();
  };
}
