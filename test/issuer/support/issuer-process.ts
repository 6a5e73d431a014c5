import { onTestFinished } from 'vitest';
import { endNow, runProgram } from '../../support/api-process.js';
import type { ApiProcess } from '../../support/api-process.js';
import { testPepper } from './issuer.js';

/** The issuer in a process of its own, as `npm run start:issuer` runs it. */
export interface IssuerProcess extends ApiProcess {
  readonly origin: string;
  readonly managementPort: number;
}

/** Runs the issuer on free ports with this database; killed when the test ends, should it still run. */
export function issuerProcess(databaseUrl: string, environment: Record<string, string> = {}): ApiProcess {
  const running = runProgram('dist/issuer/main.js', {
    ISSUER_PORT: '0',
    ISSUER_MANAGEMENT_PORT: '0',
    ISSUER_DATABASE_URL: databaseUrl,
    ISSUER_PEPPER: testPepper,
    ...environment,
  });
  onTestFinished(() => endNow(running));
  return running;
}

/** {@link issuerProcess}, when it listens. */
export async function listeningIssuer(databaseUrl: string): Promise<IssuerProcess> {
  const running = issuerProcess(databaseUrl);
  const { port, managementPort } = await running.line(({ msg }) => msg === 'the issuer is listening');
  return { ...running, origin: `http://127.0.0.1:${Number(port)}`, managementPort: Number(managementPort) };
}
