import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { errorText } from '../base/error-text.js';
import { listen } from './listening.js';
import type { ListenAddress } from './listening.js';
import type { MetricsPage } from './metrics.js';
import type { Readiness } from './readiness.js';

export interface ManagementOptions {
  readonly address: ListenAddress;
  readonly readiness: Readiness;
  readonly metrics: MetricsPage;
}

export interface ManagementServer {
  readonly port: number;
  /** Ends at once, open connections included: a probe can be repeated. */
  close(): Promise<void>;
}

interface Page {
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
}

type Pages = Readonly<Record<string, () => Promise<Page>>>;

/** Probes and scrapes are small and quick; nothing else has business here. */
const limits = {
  maxHeaderSize: 4096,
  headersTimeout: 5000,
  requestTimeout: 10_000,
  keepAliveTimeout: 5000,
  connectionsCheckingInterval: 1000,
} as const;

const maxConnections = 100;

/**
 * Serves `/health/live`, `/health/ready` and `/metrics` on a port of their own, which need not be reachable from outside.
 *
 * @throws ListenError when the port is in use
 */
export async function startManagementServer(options: ManagementOptions): Promise<ManagementServer> {
  const pages = createPages(options);
  const server = createServer(limits, (request, response) => {
    void answer(pages, request, response);
  });
  server.maxConnections = maxConnections;
  const port = await listen(server, options.address);
  return { port, close: () => close(server) };
}

function createPages({ readiness, metrics }: ManagementOptions): Pages {
  return {
    '/health/live': () => Promise.resolve(jsonPage(200, { status: 'live' })),
    '/health/ready': async () => {
      const report = await readiness.report();
      return jsonPage(report.status === 'ready' ? 200 : 503, report);
    },
    '/metrics': async () => ({ status: 200, contentType: metrics.contentType, text: await metrics.text() }),
  };
}

async function answer(pages: Pages, request: IncomingMessage, response: ServerResponse): Promise<void> {
  try {
    const page = await choosePage(pages, request);
    if (page.status === 405) response.setHeader('allow', 'GET, HEAD');
    send(request, response, page);
  } catch (error) {
    send(request, response, jsonPage(500, { status: 'failed', reason: errorText(error) }));
  }
}

async function choosePage(pages: Pages, request: IncomingMessage): Promise<Page> {
  const path = request.url?.split('?', 1)[0] ?? '';
  const page = Object.hasOwn(pages, path) ? pages[path] : undefined;
  if (page === undefined) return jsonPage(404, { status: 'not_found' });
  if (request.method !== 'GET' && request.method !== 'HEAD')
    return jsonPage(405, { status: 'method_not_allowed' });
  return page();
}

function send(request: IncomingMessage, response: ServerResponse, { status, contentType, text }: Page): void {
  // A body that nobody reads must not hold the connection.
  const hasBody =
    request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined;
  if (hasBody) response.setHeader('connection', 'close');
  response.writeHead(status, {
    'content-type': contentType,
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
  });
  response.end(request.method === 'HEAD' ? undefined : text);
}

function jsonPage(status: number, body: object): Page {
  return { status, contentType: 'application/json; charset=utf-8', text: JSON.stringify(body) };
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
    server.closeAllConnections();
  });
}
