import 'reflect-metadata';
import type { RequestListener, Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import type { Logger } from 'pino';
import { AccessRuntime } from '../access/access-runtime.js';
import { toListenError } from '../operations/listening.js';
import { decisionLogSink, droppedLogLines } from '../operations/logging.js';
import { startManagementServer } from '../operations/management-server.js';
import type { ManagementServer } from '../operations/management-server.js';
import { createMetrics } from '../operations/metrics.js';
import type { Metrics } from '../operations/metrics.js';
import { nestLogger } from '../operations/nest-logger.js';
import { Readiness } from '../operations/readiness.js';
import type { DecisionSink } from '../policy/decision-record.js';
import type { ApiSettings } from '../settings/api-settings.js';
import { accessOptionsOf } from './access-options-of.js';
import { ApiModule } from './api.module.js';
import { answerClientError } from './http-problem.js';
import { answerProblem, createHttpServer } from './http-server.js';
import { metricSources } from './metric-sources.js';
import { version } from '../base/version.js';

/** The API while it runs. */
export interface RunningApi {
  readonly port: number;
  readonly managementPort: number;
  readonly server: Server;
  readonly readiness: Readiness;
  /** Ends everything that the API holds; requests under way should have been waited for. */
  close(): Promise<void>;
}

/** The API's own routes take no bodies of note, in bytes, and no long parameters, in characters. */
const routeLimits = { bodyLimit: 100 * 1024, routerOptions: { maxParamLength: 1024 } } as const;

/**
 * Starts the API: guard, controllers, management port.
 *
 * @throws ListenError when a port is in use; Error when the policy bundle can't be used
 */
export async function startApi(settings: ApiSettings, logger: Logger): Promise<RunningApi> {
  const sinks = new DecisionSinks(decisionLogSink(logger));
  const app = await createApp(settings, logger, sinks.emit);
  const runtime = app.get(AccessRuntime);
  const metrics = createMetrics(
    { version, validation: settings.validation, engine: settings.opaMode, issuer: settings.issuer },
    metricSources(runtime, () => droppedLogLines(logger)),
  );
  sinks.metrics = metrics;
  const readiness = new Readiness(runtime.readinessChecks());
  const management = await startManagement(settings, app, readiness, metrics);
  await listen(app, management, settings);
  const server = app.getHttpServer();
  const { port } = server.address() as AddressInfo;
  logger.info(inForce(settings, runtime, port, management.port), 'the API is listening');
  return { port, managementPort: management.port, server, readiness, close: () => close(app, management) };
}

async function createApp(
  settings: ApiSettings,
  logger: Logger,
  onDecision: DecisionSink,
): Promise<NestFastifyApplication> {
  const onWarning = (message: string): void => {
    logger.warn(message);
  };
  const module = ApiModule.forRoot({ ...accessOptionsOf(settings), onDecision, onWarning });
  return NestFactory.create<NestFastifyApplication>(module, createAdapter(settings), {
    logger: nestLogger(logger),
    abortOnError: false,
  });
}

function createAdapter({ trustProxy }: ApiSettings): FastifyAdapter {
  return new FastifyAdapter({
    ...routeLimits,
    trustProxy: trustProxy.length === 0 ? false : [...trustProxy],
    serverFactory: (handler: RequestListener) => createHttpServer(handler),
    clientErrorHandler: answerClientError,
    // Targets that the router can't read or finds too long; neither a filter nor a hook gets to see them.
    frameworkErrors: ({ statusCode = 400 }: FastifyError, _: FastifyRequest, reply: FastifyReply) => {
      answerProblem(reply.raw, statusCode);
    },
    // While stopping, a request on a connection that is still open is answered like any other.
    return503OnClosing: false,
  });
}

/** One record, two readers. The metrics need what the application holds, so they come second. */
class DecisionSinks {
  metrics: Metrics | undefined;
  readonly emit: DecisionSink;

  constructor(log: DecisionSink) {
    this.emit = (record) => {
      log(record);
      this.metrics?.counters.add(record);
    };
  }
}

async function startManagement(
  settings: ApiSettings,
  app: NestFastifyApplication,
  readiness: Readiness,
  metrics: Metrics,
): Promise<ManagementServer> {
  const address = {
    host: settings.managementHost,
    port: settings.managementPort,
    setting: 'MANAGEMENT_PORT',
  };
  try {
    return await startManagementServer({ address, readiness, metrics });
  } catch (error) {
    await app.close();
    throw error;
  }
}

async function listen(
  app: NestFastifyApplication,
  management: ManagementServer,
  settings: ApiSettings,
): Promise<void> {
  try {
    await app.listen(settings.port, settings.host);
  } catch (error) {
    await close(app, management);
    throw toListenError(error, { host: settings.host, port: settings.port, setting: 'PORT' });
  }
}

async function close(app: NestFastifyApplication, management: ManagementServer): Promise<void> {
  await app.close();
  await management.close();
}

/** One line says what is in force. */
function inForce(settings: ApiSettings, runtime: AccessRuntime, port: number, managementPort: number) {
  return {
    port,
    managementPort,
    validation: settings.validation,
    engine: settings.opaMode,
    issuer: settings.issuer,
    audience: settings.audience,
    decisionPath: runtime.decisionPath,
    revision: runtime.engine.revision(),
  };
}
