import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
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

/** Made once for each version of its requirements; by several tests at once, each makes it and one of them stays. */
function pythonWith(requirementsFile: string, name: string): string | undefined {
  const requirements = join(folder, 'python', requirementsFile);
  const version = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 8);
  const environment = join(cache, `${name}-${version}`);
  return attempt(() => {
    if (!existsSync(environment)) {
      mkdirSync(cache, { recursive: true });
      // Its programs know where they are: it can't be moved.
      const made = mkdtempSync(`${environment}-`);
      run('python3', ['-m', 'venv', made]);
      run(join(made, 'bin', 'pip'), ['install', '--quiet', '--requirement', requirements]);
      linkUnlessThere(made, environment);
    }
    return join(environment, 'bin', 'python');
  });
}

function linkUnlessThere(folder: string, name: string): void {
  try {
    symlinkSync(folder, name);
  } catch (error) {
    if (!existsSync(name)) throw error;
    rmSync(folder, { recursive: true });
  }
}

/** The Go verifier; undefined where it can't be built. */
export function goVerifier(): string | undefined {
  return goProgram('go', 'verify');
}

/** The program that logs in by pgx; undefined where it can't be built. */
export function pgxLogin(): string | undefined {
  return goProgram('pgx', 'login');
}

/** Built once for each version of its sources. */
function goProgram(name: string, program: string): string | undefined {
  const output = join(cache, `conformance-${name}`);
  return attempt(() => {
    mkdirSync(output, { recursive: true });
    run('go', ['build', '-o', join(output, program), '.'], join(folder, name));
    return join(output, program);
  });
}

const jdbcDriver = 'org.postgresql:postgresql:42.7.8';

/** The jar of the JDBC driver; undefined where there is no Java, or no Maven to fetch it. */
export function jdbcJar(): string | undefined {
  const [, artifact, version] = jdbcDriver.split(':');
  const output = join(cache, 'conformance-jdbc');
  const jar = join(output, `${artifact}-${version}.jar`);
  return attempt(() => {
    run('javac', ['-version']);
    const copy = ['dependency:copy', `-Dartifact=${jdbcDriver}`, `-DoutputDirectory=${output}`];
    if (!existsSync(jar)) run('mvn', ['--quiet', '--batch-mode', ...copy]);
    return jar;
  });
}

/** psql, of whatever version; undefined where there is none. */
export function psqlProgram(): string | undefined {
  return attempt(() => {
    run('psql', ['--version']);
    return 'psql';
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
