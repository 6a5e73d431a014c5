import type { FastifyReply } from 'fastify';
import type { Page } from '../sign-in/pages.js';

/** Of every answer that a person's browser shows or follows. */
const pageHeaders = {
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

/** Sends the browser to a registered URI, which stays as it is but for the members that its query gets in addition. */
export function redirect(
  reply: FastifyReply,
  status: 302 | 303,
  uri: string,
  members: Readonly<Record<string, string>>,
): void {
  const target = new URL(uri);
  const queries = [target.search.slice(1), new URLSearchParams(members).toString()];
  target.search = queries.filter((query) => query !== '').join('&');
  void reply
    .code(status)
    .headers({ ...pageHeaders, location: target.href })
    .send();
}
