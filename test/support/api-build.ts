import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import ts from 'typescript';

const root = join(import.meta.dirname, '../..');
const sources = join(root, 'src');
const builds = join(root, '.cache/api-builds');

/**
 * The programs as `nest build` emits them, in a folder named by the hash of their sources: tests never run what was
 * built from older ones, whatever lies in dist/, and test files that run side by side share one build. Every file is
 * emitted on its own (tsconfig.json says isolatedModules); types are the type checker's affair.
 *
 * @returns the folder that stands for the project's: with `dist/`, `policies/` and package.json
 */
export function builtProject(): string {
  const files = readdirSync(sources, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .sort();
  const texts = files.map((name) => readFileSync(join(sources, name), 'utf8'));
  const digest = createHash('sha256')
    .update(JSON.stringify([files, texts]))
    .digest('hex')
    .slice(0, 16);
  const target = join(builds, digest);
  if (!existsSync(target)) build(target, files, texts);
  return target;
}

function build(target: string, files: readonly string[], texts: readonly string[]): void {
  mkdirSync(builds, { recursive: true });
  const scratch = mkdtempSync(join(builds, 'scratch-'));
  for (const [index, name] of files.entries()) emit(join(scratch, 'dist', name), texts[index] ?? '');
  cpSync(join(root, 'package.json'), join(scratch, 'package.json'));
  cpSync(join(root, 'policies'), join(scratch, 'policies'), { recursive: true });
  try {
    // All or nothing: another worker may be building the same.
    renameSync(scratch, target);
  } catch {
    rmSync(scratch, { recursive: true });
  }
}

function emit(path: string, source: string): void {
  const compilerOptions: ts.CompilerOptions = {
    module: ts.ModuleKind.ESNext,
    target: ts.ScriptTarget.ES2024,
    experimentalDecorators: true,
    verbatimModuleSyntax: true,
  };
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path.replace(/\.ts$/, '.js'), ts.transpileModule(source, { compilerOptions }).outputText);
}
