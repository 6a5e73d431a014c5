// Starts one of the programs in dist/, after building it when it is missing or older than its sources.
// `nest start` would compile on every start; this costs a few milliseconds when nothing changed.
import { spawnSync } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import module from 'node:module';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';

const root = fileURLToPath(new URL('..', import.meta.url));
const [program = '', ...programArguments] = process.argv.slice(2);

function modifiedAt(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function newestSource() {
  const files = readdirSync(join(root, 'src'), { recursive: true, withFileTypes: true });
  const times = files
    .filter((file) => file.isFile())
    .map((file) => modifiedAt(join(file.parentPath, file.name)));
  return Math.max(modifiedAt(join(root, 'tsconfig.build.json')), ...times);
}

function isStale() {
  // An installed image carries dist/ alone.
  if (modifiedAt(join(root, 'src')) === 0) return false;
  return modifiedAt(join(root, 'dist', '.tsbuildinfo')) < newestSource();
}

if (isStale()) {
  const nest = join(root, 'node_modules', '@nestjs', 'cli', 'bin', 'nest.js');
  const build = spawnSync(process.execPath, [nest, 'build'], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (build.status !== 0) process.exit(build.status ?? 1);
}

module.enableCompileCache(join(root, '.cache', 'v8'));
process.argv = [process.argv[0], join(root, 'dist', program), ...programArguments];
await import(new URL(`../dist/${program}`, import.meta.url).href);
