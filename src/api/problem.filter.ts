import { STATUS_CODES } from 'node:http';
import { Catch, Inject, Logger } from '@nestjs/common';
import type { ArgumentsHost, ExceptionFilter } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import { httpProblem } from './http-problem.js';

/** Every error that is no refusal of the guard, as RFC 9457 document. Of a 5xx, the client learns nothing more. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  readonly #adapterHost: HttpAdapterHost;
  readonly #logger = new Logger('Api');

  constructor(@Inject(HttpAdapterHost) adapterHost: HttpAdapterHost) {
    this.#adapterHost = adapterHost;
  }

  catch(exception: unknown, host: ArgumentsHost): void {
    const status = statusOf(exception);
    if (status >= 500) this.#logger.error(exception);
    const { httpAdapter } = this.#adapterHost;
    const response: unknown = host.switchToHttp().getResponse();
    const { headers, body } = httpProblem(status);
    for (const [name, value] of Object.entries(headers)) httpAdapter.setHeader(response, name, value);
    httpAdapter.reply(response, body, status);
  }
}

/** Nest's exceptions tell their status by a method, Fastify's by a member. */
function statusOf(exception: unknown): number {
  const { getStatus, statusCode } = exception as { getStatus?: () => number; statusCode?: unknown };
  const status = typeof getStatus === 'function' ? getStatus.call(exception) : statusCode;
  return typeof status === 'number' && status in STATUS_CODES && status >= 400 ? status : 500;
}
