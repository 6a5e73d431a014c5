import type { FastifyReply } from 'fastify';
import type { Page } from '../sign-in/pages.js';

/** Of every answer that a person's browser shows or follows. */
export const pageHeaders = {
  'cache-control': 'no-store',
  pragma: 'no-cache',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
};

export function sendPage(reply: FastifyReply, status: number, { html, contentSecurityPolicy }: Page): void {
  void reply
    .code(status)
    .headers({
      ...pageHeaders,
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': contentSecurityPolicy,
    })
    .send(html);
}
