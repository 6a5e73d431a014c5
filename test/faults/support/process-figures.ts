import { existsSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';

/** What Linux knows of another process (proc(5)). */
export interface ProcessFigures {
  /** Resident memory now, in MiB. */
  residentMiB(): number;
  /** The most resident memory since the last call of {@link ProcessFigures.forgetPeak}, in MiB. */
  peakMiB(): number;
  forgetPeak(): void;
  /** Descriptors that are open: sockets, files, pipes. */
  openDescriptors(): number;
}

export function figuresOf(pid: number): ProcessFigures {
  const mebibytes = (field: string): number => {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) / 1024;
  };
  return {
    residentMiB: () => mebibytes('VmRSS'),
    peakMiB: () => mebibytes('VmHWM'),
    forgetPeak: () => {
      writeFileSync(`/proc/${pid}/clear_refs`, '5');
    },
    openDescriptors: () => readdirSync(`/proc/${pid}/fd`).length,
  };
}

/**
 * For how long the main thread of a process was ready to run and no CPU took it, in milliseconds, since it started: the
 * second figure of `schedstat`. That is the machine's part in a delay, and nothing that the process could do about.
 *
 * Nothing where the system does not tell.
 */
export function starvedMs(pid: number): number {
  const path = `/proc/${pid}/task/${pid}/schedstat`;
  if (!existsSync(path)) return 0;
  const [, waited] = readFileSync(path, 'utf8').split(' ');
  return Number(waited) / 1e6;
}
