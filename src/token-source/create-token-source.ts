import { checkOptions } from './check-options.js';
import { Grants } from './grants.js';
import { Pace } from './pace.js';
import { systemTiming } from './timing.js';
import type { Timing } from './timing.js';
import { TokenEndpoint } from './token-endpoint.js';
import { TokenFetch } from './token-fetch.js';
import { TokenSourceError } from './token-source-error.js';
import type { RefreshEvent, TokenSourceOptions } from './token-source-options.js';
import { TokenSource } from './token-source.js';
import { Transport } from './transport.js';

const defaultDeadlineMs = 10_000;

/**
 * A source of tokens of one client at one authorization server. Nothing is sent before the first token is asked for.
 *
 * @example
 * const source = createTokenSource({ issuer, clientId, clientSecret, grant: 'client_credentials', scope: 'read_sayhello' });
 * await fetch(url, { headers: await source.asHeader()() });
 *
 * @param timing for tests
 * @throws TokenSourceError `invalid_options`
 */
export function createTokenSource(options: TokenSourceOptions, timing: Timing = systemTiming): TokenSource {
  checkOptions(options);
  const { deadlineMs = defaultDeadlineMs, ca } = options;
  const report = reporter(options);
  const closing = new AbortController();
  const transport = new Transport({ timing, closing: closing.signal, connectTimeoutMs: deadlineMs, ca });
  const endpoint = new TokenEndpoint(options, transport, timing);
  const grants = new Grants(options, (cause) => {
    report({ ok: false, error: new TokenSourceError('not_kept', 'onRefreshToken threw', { cause }) });
  });
  const pace = new Pace(timing, deadlineMs);
  const fetch = new TokenFetch({ endpoint, grants, pace, timing, deadlineMs, closing: closing.signal });
  return new TokenSource(options, { transport, fetch, grants, pace, timing, closing, report });
}

/** What the caller's own code throws costs nobody the token. */
function reporter({ onRefresh }: TokenSourceOptions): (event: RefreshEvent) => void {
  return (event) => {
    const told = async (): Promise<void> => {
      await onRefresh?.(event);
    };
    told().catch(() => undefined);
  };
}
