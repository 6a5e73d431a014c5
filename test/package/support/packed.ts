import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { temporaryFolder } from '../../support/temporary-folder.js';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../../..');

/** What comes with the packages of a Nest service. Versions are those of this repository. */
const servicePackages = [
  '@nestjs/common',
  '@nestjs/core',
  '@nestjs/platform-express',
  '@nestjs/platform-fastify',
  '@types/node',
  'reflect-metadata',
  'rxjs',
];

/** As the Nest CLI writes them for a new service, and a little stricter. */
const compilerOptions = {
  module: 'nodenext',
  target: 'es2024',
  types: ['node'],
  strict: true,
  exactOptionalPropertyTypes: true,
  experimentalDecorators: true,
  emitDecoratorMetadata: true,
  skipLibCheck: true,
};

/** A folder outside of the repository in which the packed package is installed. */
export interface Installation {
  readonly folder: string;
  /** Paths inside the package, as packed. */
  readonly files: readonly string[];
  /** What the compiler had to say of the service, which is `service.js` now. */
  readonly diagnostics: string;
  /** Compiles another file beside it; resolves with what the compiler has to say. */
  readonly compile: (name: string, source: string) => Promise<string>;
  close(): void;
}

/** There is no registry to install from. */
export class NoRegistry extends Error {}

/**
 * Packs the project as it would be published and installs it elsewhere.
 *
 * @throws NoRegistry when the dependencies can't be had
 */
export async function installPacked(): Promise<Installation> {
  const { path: folder, remove } = temporaryFolder();
  const { tarball, files } = await pack(folder);
  const service = join(folder, 'service');
  writeService(service);
  await install(service, tarball);
  const source = readFileSync(join(import.meta.dirname, '../fixtures/service.ts.txt'), 'utf8');
  return {
    folder: service,
    files,
    diagnostics: await compile(service, 'service.ts', source),
    compile: (name, text) => compile(service, name, text),
    close: () => {
      remove();
    },
  };
}

/** From a copy of what git knows, so that nothing that lies about gets in; `prepare` builds it. */
async function pack(folder: string): Promise<{ tarball: string; files: string[] }> {
  const clone = join(folder, 'clone');
  const listed = await run('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: root,
  });
  const needed = listed.stdout.split('\0').filter((name) => /^(src|policies)\/|^[^/]+$/.test(name));
  for (const name of needed) copy(clone, name);
  symlinkSync(join(root, 'node_modules'), join(clone, 'node_modules'));
  const { stdout } = await npm(clone, 'pack', '--json', '--pack-destination', folder);
  // What `prepare` prints stands in front of it.
  const [packed] = JSON.parse(stdout.slice(stdout.indexOf('[\n'))) as [
    { filename: string; files: { path: string }[] },
  ];
  return { tarball: join(folder, packed.filename), files: packed.files.map(({ path }) => path) };
}

function copy(clone: string, name: string): void {
  // Git also lists what was deleted and not yet committed.
  if (!existsSync(join(root, name))) return;
  mkdirSync(dirname(join(clone, name)), { recursive: true });
  cpSync(join(root, name), join(clone, name));
}

function writeService(service: string): void {
  mkdirSync(service);
  const manifest = {
    name: 'service',
    private: true,
    type: 'module',
    devDependencies: { typescript: installedVersion('typescript') },
  };
  writeFileSync(join(service, 'package.json'), JSON.stringify(manifest));
}

async function install(service: string, tarball: string): Promise<void> {
  const packages = servicePackages.map((name) => `${name}@${installedVersion(name)}`);
  try {
    await npm(service, 'install', '--prefer-offline', '--no-audit', '--no-fund', tarball, ...packages);
  } catch (error) {
    const { stderr = '' } = error as { stderr?: string };
    if (/ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH|ENOTCACHED/.test(stderr))
      throw new NoRegistry('no registry', { cause: error });
    throw error;
  }
}

function installedVersion(name: string): string {
  const manifest = readFileSync(join(root, 'node_modules', name, 'package.json'), 'utf8');
  return (JSON.parse(manifest) as { version: string }).version;
}

function npm(cwd: string, ...args: readonly string[]) {
  return run('npm', [...args], { cwd, maxBuffer: 64 * 1024 * 1024 });
}

async function compile(service: string, name: string, source: string): Promise<string> {
  writeFileSync(join(service, name), source);
  writeFileSync(join(service, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: [name] }));
  try {
    return (await run(process.execPath, ['node_modules/typescript/bin/tsc'], { cwd: service })).stdout;
  } catch (error) {
    return (error as { stdout: string }).stdout;
  }
}
