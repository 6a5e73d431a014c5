import { STATUS_CODES } from 'node:http';

/** The HTTP status that an exception asks for: Nest's tell it by a method, Fastify's by a member; any other means 500. */
export function exceptionStatus(exception: unknown): number {
  const { getStatus, statusCode } = Object(exception) as { getStatus?: () => number; statusCode?: unknown };
  const status = typeof getStatus === 'function' ? getStatus.call(exception) : statusCode;
  return typeof status === 'number' && status in STATUS_CODES && status >= 400 ? status : 500;
}
