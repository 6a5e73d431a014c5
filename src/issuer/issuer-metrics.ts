import { Counter, Registry, collectDefaultMetrics } from 'prom-client';
import type { MetricsPage } from '../operations/metrics.js';
import type { EndpointName } from './endpoints.js';

export interface IssuerMetrics extends MetricsPage {
  /** Counts one answer; requests for anything that is no endpoint count together. */
  answered(endpoint: EndpointName | undefined, status: number): void;
}

/** Labels come from closed sets only: no client, server or scope. */
export function createIssuerMetrics(): IssuerMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const requests = new Counter({
    name: 'nest_okta_opa_issuer_requests_total',
    help: 'Requests to the issuer by endpoint and status.',
    labelNames: ['endpoint', 'status'],
    registers: [registry],
  });
  return {
    contentType: registry.contentType,
    text: () => registry.metrics(),
    answered: (endpoint, status) => {
      requests.inc({ endpoint: endpoint ?? 'none', status });
    },
  };
}
