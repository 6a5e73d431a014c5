// Child processes of a benchmark: start, wait until they serve, read what they cost, end.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { get } from 'node:http';
import { createServer } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';

/** Clock ticks a second in /proc (USER_HZ); 100 on every Linux that Node runs on. */
const ticksPerSecond = 100;

const running = new Set();

/**
 * Starts a program; its standard output is thrown away, its errors are shown if it fails.
 *
 * @param {string} name for messages and figures
 * @param {string} command
 * @param {string[]} args
 * @param {{ env?: Record<string, string>, cwd?: string }} [options] the environment replaces ours but for PATH and HOME
 */
export function start(name, command, args, { env = {}, cwd } = {}) {
  const { PATH = '', HOME = '' } = process.env;
  const child = spawn(command, args, {
    cwd,
    env: { PATH, HOME, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
    // A group of its own: npm's children end with it.
    detached: true,
  });
  const started = { name, child, errors: '', hasEnded: false };
  child.stderr.on('data', (chunk) => (started.errors = (started.errors + chunk).slice(-4000)));
  child.on('error', (error) => (started.errors += error.message));
  child.on('close', () => {
    started.hasEnded = true;
    running.delete(started);
  });
  running.add(started);
  return started;
}

/** Waits until the URL answers with 200; fails when the process ends or time is over. */
export async function untilServing(started, url, { headers = {}, timeoutMs = 60_000, pollMs = 20 } = {}) {
  const end = performance.now() + timeoutMs;
  while (performance.now() < end) {
    if (started.hasEnded) throw new Error(`${started.name} ended before it served:\n${started.errors}`);
    if (await answersWell(url, headers)) return;
    await wait(pollMs);
  }
  throw new Error(`${started.name} did not serve ${url} within ${timeoutMs} ms:\n${started.errors}`);
}

/** One request on a connection of its own: kept ones would be there when the load begins. */
function answersWell(url, headers) {
  return new Promise((resolve) => {
    const request = get(url, { headers, agent: false, timeout: 5000 }, (response) => {
      response.resume().on('close', () => resolve(response.statusCode === 200));
    });
    request.on('timeout', () => request.destroy());
    request.on('error', () => resolve(false));
  });
}

/** Ends the process and waits for it; after five seconds it is killed. */
export async function stop(started) {
  if (started.hasEnded) return;
  const ended = once(started.child, 'close');
  signalGroup(started, 'SIGTERM');
  const timer = setTimeout(() => signalGroup(started, 'SIGKILL'), 5000);
  await ended;
  clearTimeout(timer);
}

function signalGroup({ child }, signal) {
  try {
    process.kill(-child.pid, signal);
  } catch (error) {
    // It has ended by itself in the meantime.
    if (error.code !== 'ESRCH') throw error;
  }
}

/** For the end of the benchmark itself, however it comes. */
export async function stopAll() {
  await Promise.all([...running].map(stop));
}

/** Processor time of all threads of the process so far, in microseconds; one tick is 10,000 of them. */
export function cpuMicros({ child }) {
  const stat = readFileSync(`/proc/${child.pid}/stat`, 'utf8');
  // The second field is the program's name, which may hold anything but a newline.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [userTicks, systemTicks] = [Number(fields[11]), Number(fields[12])];
  return ((userTicks + systemTicks) * 1e6) / ticksPerSecond;
}

/** Resident memory now and at its highest, in MiB. */
export function residentMiB({ child }) {
  const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
  const read = (field) => Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) / 1024;
  return { now: read('VmRSS'), peak: read('VmHWM') };
}

/** A port that nobody listens on at this moment. */
export async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}
