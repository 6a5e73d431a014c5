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
  const origins = new Map<string, UndiciUpstream>();
  return {
    adapter: async (config) => {
      const url = new URL(config.url ?? '');
      const upstream = origins.get(url.origin) ?? createUndiciUpstream(url.origin, upstreamOptions(config));
      origins.set(url.origin, upstream);
      return send(upstream.call, url, config);
    },
    close: async () => {
      await Promise.all([...origins.values()].map((upstream) => upstream.close()));
    },
  };
}

function upstreamOptions(config: InternalAxiosRequestConfig) {
  return { connections, connectTimeoutMs: config.timeout ?? 0 };
}

async function send(call: UpstreamCall, url: URL, config: InternalAxiosRequestConfig) {
  const answer = await call({
    method: config.method?.toUpperCase() === 'POST' ? 'POST' : 'GET',
    url,
    headers: config.headers.toJSON() as Record<string, string>,
    ...(typeof config.data === 'string' ? { body: config.data } : {}),
    timeoutMs: config.timeout ?? 0,
    maxBytes: config.maxContentLength ?? 0,
  });
  if (!answer.ok) throw new UpstreamError(answer, config);
  const headers = new AxiosHeaders(answer.value.headers as Record<string, string>);
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

/** The UpstreamCall over an axios instance whose adapter is that of {@link createOktaTransport}. */
export function axiosUpstreamCall(axios: AxiosInstance): UpstreamCall {
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
