import { createHash } from 'node:crypto';

/**
 * The answer to AuthenticationMD5Password: `md5` and 32 hexadecimal digits.
 *
 * @param role the user named in the StartupMessage
 * @param salt the four bytes of the request
 * @see PostgreSQL documentation, section 55.2.1: concat('md5', md5(concat(md5(concat(password, username)), salt)))
 */
export function md5Password(role: string, password: string, salt: Buffer): string {
  const stored = md5(Buffer.from(password + role));
  return `md5${md5(Buffer.concat([Buffer.from(stored), salt]))}`;
}

function md5(bytes: Buffer): string {
  return createHash('md5').update(bytes).digest('hex');
}
