import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder } from '../../../support/temporary-folder.js';

export interface Certified {
  /** PEM. */
  readonly key: string;
  /** PEM. */
  readonly cert: string;
}

/** An authority of one's own, in a temporary folder, by openssl. */
export interface Authority {
  /** PEM. */
  readonly ca: string;
  /** @param name such as `DNS:localhost` or `IP:127.0.0.1` */
  certify(name: string, validity?: 'valid' | 'expired'): Certified;
  close(): void;
}

const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];

export function makeAuthority(): Authority {
  const { path: folder, remove } = temporaryFolder();
  const run = (program: string, ...args: readonly string[]): void => {
    execFileSync(program, args, { cwd: folder, stdio: 'pipe' });
  };
  const read = (file: string): string => readFileSync(join(folder, file), 'utf8');
  run(
    'openssl',
    'req',
    '-x509',
    ...newKey,
    '-days',
    '2',
    '-subj',
    '/CN=ca',
    '-keyout',
    'ca.key',
    '-out',
    'ca.crt',
  );
  return {
    ca: read('ca.crt'),
    certify: (name, validity = 'valid') => {
      const subject = ['-subj', '/CN=server', '-addext', `subjectAltName=${name}`];
      run('openssl', 'req', ...newKey, ...subject, '-keyout', 'server.key', '-out', 'server.csr');
      const issuer = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-copy_extensions', 'copy'];
      // With no days at all it is over in the second in which it was made.
      const days = validity === 'valid' ? '2' : '0';
      run('openssl', 'x509', '-req', '-in', 'server.csr', ...issuer, '-days', days, '-out', 'server.crt');
      return { key: read('server.key'), cert: read('server.crt') };
    },
    close: () => {
      remove();
    },
  };
}
