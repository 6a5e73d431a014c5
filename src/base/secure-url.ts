import { isIP } from 'node:net';

/** Whether the text is an absolute http(s) URL without credentials or fragment. */
export function isPlainUrl(value: string): boolean {
  // The URL parser drops white space, and the sign of an empty fragment, without a word.
  if (!URL.canParse(value) || /[\s#]/.test(value)) return false;
  const { protocol, username, password } = new URL(value);
  return /^https?:$/.test(protocol) && username === '' && password === '';
}

/** Whether the text is a plain URL of https, or of http where nobody can listen in: on loopback. */
export function isSecureUrl(value: string): boolean {
  return isPlainUrl(value) && (value.startsWith('https:') || isLoopback(new URL(value).hostname));
}

export function isLoopback(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, '');
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}
