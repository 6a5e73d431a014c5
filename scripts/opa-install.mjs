// npm run opa:install: on PATH -> in the cache -> the official release with its checksum -> `go install`.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { findOpa, isPinnedOpa, opaCacheFolder, opaCached, opaVersion } from './lib/opa.mjs';

const downloadTimeoutMs = 120_000;
const releases = `https://github.com/open-policy-agent/opa/releases/download/v${opaVersion}`;

/** Names of the official builds, by Node's names of platform and processor. */
const assets = {
  'linux-x64': 'opa_linux_amd64_static',
  'linux-arm64': 'opa_linux_arm64_static',
  'darwin-x64': 'opa_darwin_amd64',
  'darwin-arm64': 'opa_darwin_arm64_static',
  'win32-x64': 'opa_windows_amd64.exe',
};

/** What was tried in vain, for the message at the end. */
const reasons = [];

async function install() {
  mkdirSync(opaCacheFolder, { recursive: true });
  const scratch = mkdtempSync(join(opaCacheFolder, 'new-'));
  try {
    const built = (await download(scratch)) ?? goInstall(scratch);
    if (built === undefined) return undefined;
    if (!isPinnedOpa(built)) throw new Error(`what was installed is not OPA ${opaVersion}`);
    // All or nothing: whoever looks meanwhile sees no half of a program.
    renameSync(built, opaCached);
    return opaCached;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function download(folder) {
  const asset = assets[`${process.platform}-${process.arch}`];
  if (asset === undefined)
    return without(`there is no official build for ${process.platform}-${process.arch}`);
  try {
    const signal = AbortSignal.timeout(downloadTimeoutMs);
    const [program, checksum] = await Promise.all([
      get(`${releases}/${asset}`, signal),
      get(`${releases}/${asset}.sha256`, signal),
    ]);
    const digest = createHash('sha256').update(program).digest('hex');
    // Not a reason to try elsewhere: somebody changed it.
    if (checksum.toString().split(/\s/)[0] !== digest)
      throw new Tampered(`${asset} does not have its published checksum`);
    const path = join(folder, 'opa');
    writeFileSync(path, program);
    chmodSync(path, 0o755);
    return path;
  } catch (error) {
    if (error instanceof Tampered) throw error;
    return without(`no download: ${error.cause?.message || error.cause?.code || error.message}`);
  }
}

class Tampered extends Error {}

async function get(url, signal) {
  const response = await fetch(url, { signal });
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return Buffer.from(await response.arrayBuffer());
}

function goInstall(folder) {
  const version = `github.com/open-policy-agent/opa@v${opaVersion}`;
  console.log(`${reasons.at(-1)}; building ${version} with Go, which takes a minute or two`);
  const env = { ...process.env, GOBIN: folder };
  const { status, error } = spawnSync('go', ['install', version], {
    env,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (status === 0) return join(folder, process.platform === 'win32' ? 'opa.exe' : 'opa');
  return without(error?.code === 'ENOENT' ? 'Go is not installed' : `go install ${version} failed`);
}

function without(reason) {
  reasons.push(reason);
  return undefined;
}

try {
  const found = findOpa();
  const path = found ?? (await install());
  if (path === undefined) throw new Error(reasons.join('; '));
  console.log(`OPA ${opaVersion} ${found === undefined ? 'installed' : 'found'}: ${path}`);
} catch (error) {
  console.error(
    `OPA ${opaVersion} could not be installed: ${error.message}. Put it on PATH, or install Go, and run this again.`,
  );
  process.exitCode = 1;
}
