import { AxiosError, AxiosHeaders } from 'axios';
import type { AxiosAdapter, AxiosInstance, InternalAxiosRequestConfig } from 'axios';
import { accept, refuse } from '../base/outcome.js';
import type { Refused } from '../base/outcome.js';
import { createUndiciUpstream } from '../base/undici-upstream.js';
import type { UndiciUpstream } from '../base/undici-upstream.js';
import type { UpstreamCall, UpstreamFailure } from '../base/upstream.js';

/** Sockets to the issuer at most. */
const connections = 64;

/** An adapter for axios, and the sockets it holds. */
export interface OktaTransport {
  readonly adapter: AxiosAdapter;
  close(): Promise<void>;
}

/**
 * Lets axios speak through the project's bounded undici calls: axios' own Node adapter has an idle time-out only,
 * follows redirects, decodes bodies of any size, and costs three times the CPU.
 */
export function createOktaTransport(): OktaTransport {
  const targets = new Map<string, Target>();
  return {
    adapter: (config) => {
      const { url: href = '' } = config;
      const target = targets.get(href) ?? toTarget(href, config);
      // Key set and introspection: there are no more.
      targets.set(href, target);
      return send(target, config);
    },
    close: async () => {
      await Promise.all([...targets.values()].map(({ upstream }) => upstream.close()));
    },
  };
}

/** One endpoint of the issuer, with sockets of its own. */
interface Target {
  readonly url: URL;
  readonly upstream: UndiciUpstream;
}

function toTarget(href: string, { timeout = 0 }: InternalAxiosRequestConfig): Target {
  const url = new URL(href);
  return { url, upstream: createUndiciUpstream(url.origin, { connections, connectTimeoutMs: timeout }) };
}

async function send({ url, upstream }: Target, config: InternalAxiosRequestConfig) {
  const answer = await upstream.call({
    method: config.method?.toUpperCase() === 'POST' ? 'POST' : 'GET',
    url,
    headers: config.headers.toJSON() as Record<string, string>,
    ...(typeof config.data === 'string' ? { body: config.data } : {}),
    timeoutMs: config.timeout ?? 0,
    maxBytes: config.maxContentLength ?? 0,
  });
  if (!answer.ok) throw new UpstreamError(answer, config);
  // Their names are in lower case already; `set` would look for each among all others.
  const headers = Object.assign(new AxiosHeaders(), answer.value.headers);
  return { data: answer.value.text, status: answer.value.status, statusText: '', headers, config };
}

/** How a refusal travels through axios, whose adapters can only throw. */
class UpstreamError extends AxiosError {
  readonly refusal: Refused<UpstreamFailure>;

  constructor(refusal: Refused<UpstreamFailure>, config: InternalAxiosRequestConfig) {
    super(refusal.reason, refusal.code, config);
    this.refusal = refusal;
  }
}

/**
 * The UpstreamCall over an axios instance of one's own, whose adapter is that of {@link createOktaTransport}.
 *
 * The library's defaults are for its own adapters, and merging them into each request is half of what a call through
 * axios costs: they are taken away.
 */
export function axiosUpstreamCall(axios: AxiosInstance): UpstreamCall {
  for (const name of Object.keys(axios.defaults))
    if (name !== 'adapter') Reflect.deleteProperty(axios.defaults, name);
  return async (request) => {
    try {
      const response = await axios.request<string>({
        method: request.method,
        url: request.url.href,
        headers: request.headers ?? {},
        data: request.body,
        timeout: request.timeoutMs,
        maxContentLength: request.maxBytes,
        // The answer is parsed by its reader, strictly.
        transformResponse: [],
        transformRequest: [],
      });
      const headers = response.headers as Record<string, string | undefined>;
      return accept({ status: response.status, headers, text: response.data });
    } catch (error) {
      if (error instanceof UpstreamError) return error.refusal;
      return refuse('unreachable', 'the call failed before it was sent', { cause: error });
    }
  };
}
