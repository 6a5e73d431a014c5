import { Catch, Inject } from '@nestjs/common';
import type { ArgumentsHost, ExceptionFilter } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { AccessRefused } from './access-refused.js';
import { ACCESS_OPTIONS } from './access-options.js';
import type { AccessOptions } from './access-options.js';
import { challengeOf, problemDocument, refusalForms } from './refusals.js';

/** Writes a refusal as RFC 9457 problem document with the challenge of RFC 6750. Other errors are the application's. */
@Catch(AccessRefused)
export class AccessRefusedFilter implements ExceptionFilter<AccessRefused> {
  readonly #adapterHost: HttpAdapterHost;
  readonly #realm: string;

  constructor(
    @Inject(HttpAdapterHost) adapterHost: HttpAdapterHost,
    @Inject(ACCESS_OPTIONS) options: AccessOptions,
  ) {
    this.#adapterHost = adapterHost;
    // It stands between quotation marks in a header (RFC 9110 section 5.6.4), where Node takes no other characters.
    this.#realm = (options.realm ?? 'api').replace(/[^ -~]|["\\]/g, '_');
  }

  catch(exception: AccessRefused, host: ArgumentsHost): void {
    // Outside HTTP there is no response to write to: the transport's own error handling refuses the call.
    if (host.getType() !== 'http') throw exception;
    const { refusal } = exception;
    const { httpAdapter } = this.#adapterHost;
    const response: unknown = host.switchToHttp().getResponse();
    for (const [name, value] of Object.entries(this.#headers(exception)))
      httpAdapter.setHeader(response, name, value);
    httpAdapter.reply(response, JSON.stringify(problemDocument(refusal)), refusalForms[refusal.code].status);
  }

  #headers({ refusal }: AccessRefused): Record<string, string> {
    const challenge = challengeOf(refusal, this.#realm);
    return {
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
      ...(challenge === undefined ? {} : { 'www-authenticate': challenge }),
      ...(refusal.retryAfterSeconds === undefined
        ? {}
        : { 'retry-after': String(refusal.retryAfterSeconds) }),
    };
  }
}
