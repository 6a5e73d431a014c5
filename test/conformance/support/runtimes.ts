import { execFileSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

const folder = join(import.meta.dirname, '..');
const cache = resolve('.cache');

/** The Python of an environment with Okta's verifiers in it; undefined where it can't be made. */
export function pythonWithVerifiers(): string | undefined {
  return pythonWith('requirements.txt', 'conformance-venv');
}

/** The Python of an environment with schemathesis in it; undefined where it can't be made. */
export function pythonWithSchemathesis(): string | undefined {
  return pythonWith('schemathesis-requirements.txt', 'schemathesis-venv');
}

/** The Python of an environment with the drivers of PostgreSQL in it; undefined where it can't be made. */
export function pythonWithDrivers(): string | undefined {
  return pythonWith('sql-requirements.txt', 'sql-venv');
}

/** Made once for each version of its requirements. */
function pythonWith(requirementsFile: string, name: string): string | undefined {
  const requirements = join(folder, 'python', requirementsFile);
  const environment = join(cache, name);
  const done = join(environment, 'installed.txt');
  const python = join(environment, 'bin', 'python');
  if (isSame(done, requirements)) return python;
  return attempt(() => {
    run('python3', ['-m', 'venv', '--clear', environment]);
    run(join(environment, 'bin', 'pip'), ['install', '--quiet', '--requirement', requirements]);
    copyFileSync(requirements, done);
    return python;
  });
}

/** The Go verifier, built once for each version of its sources; undefined where it can't be built. */
export function goVerifier(): string | undefined {
  const sources = join(folder, 'go');
  const output = join(cache, 'conformance-go');
  return attempt(() => {
    mkdirSync(output, { recursive: true });
    run('go', ['build', '-o', join(output, 'verify'), '.'], sources);
    return join(output, 'verify');
  });
}

/** A certificate for localhost that is its own authority; undefined without openssl. */
export function selfSigned(into: string): { readonly key: string; readonly cert: string } | undefined {
  const [key, cert] = [join(into, 'key.pem'), join(into, 'cert.pem')];
  const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost'];
  const made = ['-newkey', 'rsa:2048', '-nodes', '-days', '1', '-keyout', key, '-out', cert];
  return attempt(() => {
    run('openssl', ['req', '-x509', ...made, ...subject]);
    return { key, cert };
  });
}

function isSame(copy: string, original: string): boolean {
  return existsSync(copy) && readFileSync(copy, 'utf8') === readFileSync(original, 'utf8');
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}

function run(command: string, args: readonly string[], cwd?: string): void {
  execFileSync(command, args, { stdio: 'pipe', ...(cwd === undefined ? {} : { cwd }) });
}
