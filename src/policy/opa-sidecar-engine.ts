import { FailureCounts } from '../base/failure-counts.js';
import { isJsonObject, parseJson } from '../base/json.js';
import type { JsonObject } from '../base/json.js';
import { accept, refuse } from '../base/outcome.js';
import type { Outcome, Refused } from '../base/outcome.js';
import { createUndiciUpstream } from '../base/undici-upstream.js';
import type { UndiciUpstream } from '../base/undici-upstream.js';
import type { UpstreamAnswer, UpstreamFailure } from '../base/upstream.js';
import { toDecision } from './decision-result.js';
import type { NoDecision, PolicyOutcome } from './decision.js';
import { decisionUrl } from './opa-url.js';
import type { OpaUrl } from './opa-url.js';
import type { PolicyEngine } from './policy-engine.js';
import { maxInputLength, probeInput } from './policy-input.js';

export { parseOpaUrl } from './opa-url.js';
export type { OpaUrl } from './opa-url.js';

export interface OpaSidecarEngineOptions {
  readonly url: OpaUrl;
  /** Whole decision, connect to last byte, in milliseconds. */
  readonly timeoutMs: number;
}

const headers = { accept: 'application/json', 'content-type': 'application/json' };
const maxAnswerBytes = 64 * 1024;
const maxRevisionLength = 200;

/** Sockets to OPA at most. Each carries one decision at a time, and OPA takes some 0.1 ms for one. */
const connections = 64;

type Asked = Outcome<JsonObject, 'unavailable'>;

/** Asks an OPA over HTTP or a Unix socket, by its Data API (POST /v1/data/…). */
export class OpaSidecarEngine implements PolicyEngine {
  readonly mode = 'sidecar';
  /** Calls without a usable answer, by class. */
  readonly failures = new FailureCounts('opa');
  readonly #options: OpaSidecarEngineOptions;
  readonly #upstream: UndiciUpstream;
  readonly #urls = new Map<string, URL>();
  #revision: string | null = null;

  constructor(options: OpaSidecarEngineOptions) {
    this.#options = options;
    const { origin, socketPath } = options.url;
    this.#upstream = createUndiciUpstream(origin, {
      connections,
      connectTimeoutMs: options.timeoutMs,
      ...(socketPath === undefined ? {} : { socketPath }),
    });
  }

  decide(inputJson: string, decisionPath: string): PolicyOutcome | Promise<PolicyOutcome> {
    if (inputJson.length > maxInputLength) return refuse('unavailable', 'the policy input is too large');
    const url = this.#urlOf(decisionPath);
    if (url === undefined) return refuse('undefined', 'the decision path is none');
    return this.#ask(url, inputJson).then(decisionOf);
  }

  async probe(decisionPath: string): Promise<Outcome<null, NoDecision>> {
    const url = this.#urlOf(decisionPath);
    if (url === undefined) return refuse('undefined', 'the decision path is none');
    const withProvenance = new URL(url);
    withProvenance.search = '?provenance=true';
    const asked = await this.#ask(withProvenance, probeInput);
    this.#revision = asked.ok ? revisionIn(asked.value.provenance) : null;
    const decision = decisionOf(asked);
    return decision.ok ? accept(null) : decision;
  }

  revision(): string | null {
    return this.#revision;
  }

  close(): Promise<void> {
    return this.#upstream.close();
  }

  #urlOf(decisionPath: string): URL | undefined {
    const known = this.#urls.get(decisionPath);
    if (known !== undefined) return known;
    const url = decisionUrl(this.#options.url, decisionPath);
    // Paths come from the settings and from routes; there are as many as these.
    if (url !== undefined) this.#urls.set(decisionPath, url);
    return url;
  }

  async #ask(url: URL, inputJson: string): Promise<Asked> {
    const answer = await this.#upstream.call({
      method: 'POST',
      url,
      headers,
      body: `{"input":${inputJson}}`,
      timeoutMs: this.#options.timeoutMs,
      maxBytes: maxAnswerBytes,
    });
    return answer.ok ? this.#read(answer.value) : this.#unavailable(answer);
  }

  #read({ text }: UpstreamAnswer): Asked {
    const answer = parseJson(text);
    // An object with a code is OPA's error, whatever the status says.
    if (isJsonObject(answer) && !Object.hasOwn(answer, 'code')) return accept(answer);
    return this.#unavailable(refuse('misshapen', 'the answer is not one of the Data API'));
  }

  #unavailable(failure: Refused<UpstreamFailure>): Refused<'unavailable'> {
    this.failures.add(failure.code);
    const { retryAfterSeconds = 1, cause } = failure;
    return refuse('unavailable', `OPA: ${failure.reason}`, { retryAfterSeconds, cause });
  }
}

/** An engine that asks the OPA at this URL; the first connection is made by the first decision. */
export function createOpaSidecarEngine(options: OpaSidecarEngineOptions): OpaSidecarEngine {
  return new OpaSidecarEngine(options);
}

/** OPA leaves `result` out where nothing is defined. */
function decisionOf(asked: Asked): PolicyOutcome {
  return asked.ok ? toDecision(asked.value.result) : asked;
}

/** `provenance` of the Data API: one revision as it is, several as `name=revision`, sorted by name. */
function revisionIn(provenance: unknown): string | null {
  if (!isJsonObject(provenance)) return null;
  if (!isJsonObject(provenance.bundles)) return revisionText(provenance.revision);
  const revisions = Object.entries(provenance.bundles).map(
    ([name, bundle]) => [name, isJsonObject(bundle) ? revisionText(bundle.revision) : null] as const,
  );
  const [only] = revisions;
  if (revisions.length === 1 && only) return only[1];
  const named = revisions.filter(([, revision]) => revision !== null).map((pair) => pair.join('='));
  return revisionText(named.sort().join(','));
}

function revisionText(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value.slice(0, maxRevisionLength) : null;
}
