import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';

/**
 * The folder that `fetch` fills, kept once it is whole; undefined where it can't be.
 *
 * @param name with the version in it
 */
function kept(name: string, fetch: (folder: string) => void): string | undefined {
  const folder = resolve('.cache', name);
  const done = join(folder, 'fetched');
  if (existsSync(done)) return folder;
  try {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
    fetch(folder);
    writeFileSync(done, '');
    return folder;
  } catch {
    return undefined;
  }
}

const run = (cwd: string, command: string, ...args: readonly string[]): void => {
  execFileSync(command, args, { cwd, stdio: 'pipe' });
};

const psycopg2 = '2.9.10';

/** A Python with psycopg2, and its source distribution, in which the tests are. */
export function psycopg2Sources(): { readonly python: string; readonly sources: string } | undefined {
  const folder = kept(`psycopg2-${psycopg2}`, (into) => {
    run(into, 'python3', '-m', 'venv', 'venv');
    run(into, 'venv/bin/pip', 'install', '--quiet', `psycopg2-binary==${psycopg2}`);
    run(into, 'venv/bin/pip', 'download', '--no-deps', '--no-binary', ':all:', `psycopg2==${psycopg2}`);
    run(into, 'tar', 'xzf', `psycopg2-${psycopg2}.tar.gz`);
    // On their own: beside the sources, Python would take the package that is not built.
    run(into, 'mv', `psycopg2-${psycopg2}/tests`, 'tests');
  });
  return folder === undefined ? undefined : { python: join(folder, 'venv/bin/python'), sources: folder };
}

const aptFolders = (folder: string): string[] => [
  ...['-o', 'Dir::Etc::sourcelist=/dev/null', '-o', `Dir::Etc::sourceparts=${folder}/sources`],
  ...['-o', `Dir::State::lists=${folder}/lists`],
];

/** Where this Debian has its packages from, as places of sources: in the form of today's images and in that of before. */
function writeSourceLists(folder: string): void {
  mkdirSync(folder);
  const [today, before] = ['/etc/apt/sources.list.d/debian.sources', '/etc/apt/sources.list'];
  if (existsSync(today)) {
    const entries = readFileSync(today, 'utf8').replaceAll(/^Types:.*/gm, 'Types: deb-src');
    writeFileSync(join(folder, 'debian.sources'), entries);
  } else {
    const lines = readFileSync(before, 'utf8').match(/^deb .*/gm) ?? [];
    writeFileSync(join(folder, 'debian.list'), lines.map((line) => `deb-src${line.slice(3)}\n`).join(''));
  }
}

/** `src/test/regress` of Debian's source package for the server of this major version; undefined off Debian. */
export function regressSources(major: string): string | undefined {
  const folder = kept(`postgresql-${major}-regress`, (into) => {
    mkdirSync(join(into, 'lists/partial'), { recursive: true });
    writeSourceLists(join(into, 'sources'));
    const apt = aptFolders(into);
    run(into, 'apt-get', ...apt, 'update');
    const versions = execFileSync('apt-cache', [...apt, 'showsrc', `postgresql-${major}`], {
      encoding: 'utf8',
    });
    const found = [...versions.matchAll(/^Version: (.*)$/gm)].map(([, version]) => version);
    // A mirror may list a version whose files it does not have.
    const fetched = found.some((version) => canFetch(into, apt, `postgresql-${major}=${String(version)}`));
    if (!fetched) throw new Error('no source package could be fetched');
    const archive = readdirSync(into).find((name) => name.includes('.orig.tar')) ?? '';
    run(into, 'tar', 'xf', archive, '--strip-components=1', '--wildcards', '*/src/test/regress');
  });
  return folder === undefined ? undefined : join(folder, 'src/test/regress');
}

function canFetch(folder: string, apt: readonly string[], source: string): boolean {
  try {
    run(folder, 'apt-get', ...apt, 'source', '--download-only', source);
    return true;
  } catch {
    return false;
  }
}
