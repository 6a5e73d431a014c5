/** Exit code of a program whose settings can't be used (sysexits.h: EX_CONFIG). */
export const exitConfig = 78;

/** Exit code of a program that can't have what it needs, such as a port (sysexits.h: EX_UNAVAILABLE). */
export const exitUnavailable = 69;

/** A program can't start as it was set up; the message is one line that says what to change. */
export class SetupError extends Error {
  override readonly name: string = 'SetupError';
  readonly exitCode: typeof exitConfig | typeof exitUnavailable = exitConfig;
}
