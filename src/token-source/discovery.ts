import { isJsonObject, parseJson } from '../base/json.js';
import { accept, refuse } from '../base/outcome.js';
import type { Outcome } from '../base/outcome.js';
import { isSecureUrl } from '../base/secure-url.js';
import type { Transport, TransportFailure } from './transport.js';

/** Where an issuer tells its endpoints; the second is asked where there is no first. */
const wellKnown = ['oauth-authorization-server', 'openid-configuration'] as const;

/**
 * The token endpoint out of an issuer's metadata (RFC 8414, as Okta serves it: below the issuer; OpenID Connect
 * Discovery).
 *
 * @param deadline by the steady clock
 */
export async function discoverTokenEndpoint(
  issuer: string,
  transport: Transport,
  deadline: number,
): Promise<Outcome<URL, TransportFailure>> {
  let status = 0;
  for (const name of wellKnown) {
    const url = new URL(`${issuer.replace(/\/$/, '')}/.well-known/${name}`);
    const headers = { accept: 'application/json' };
    const answer = await transport.send({ method: 'GET', url, headers }, deadline);
    if (!answer.ok) return answer;
    if (answer.value.status === 200) return readMetadata(answer.value.text, issuer);
    status = answer.value.status;
  }
  return refuse('bad_response', `the issuer has no metadata: it answered ${status}`);
}

function readMetadata(text: string, issuer: string): Outcome<URL, 'bad_response'> {
  const metadata = parseJson(text);
  if (!isJsonObject(metadata)) return refuse('bad_response', 'the metadata is no JSON object');
  // RFC 8414 section 3.3: else a server could pass itself off as another one, and be sent its clients' secrets.
  if (metadata.issuer !== issuer) return refuse('bad_response', 'the metadata is that of another issuer');
  const { token_endpoint: endpoint } = metadata;
  if (typeof endpoint === 'string' && isSecureUrl(endpoint)) return accept(new URL(endpoint));
  return refuse('bad_response', 'the metadata has no token_endpoint of https, or of http on loopback');
}
