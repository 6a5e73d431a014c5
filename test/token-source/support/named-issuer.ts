import type { Clock } from '../../../src/base/clock.js';
import { freePort } from '../../conformance/support/free-port.js';
import { startTestIssuer } from '../../issuer/support/issuer.js';
import type { TestIssuer } from '../../issuer/support/issuer.js';

/** The real issuer under the name that its metadata says, so that it can be discovered. */
export async function startNamedIssuer(clock?: Clock): Promise<TestIssuer> {
  const port = String(await freePort());
  return startTestIssuer({ ISSUER_PORT: port, ISSUER_BASE_URL: `http://127.0.0.1:${port}` }, clock);
}
