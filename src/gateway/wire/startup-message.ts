import { strictUtf8 } from './message-reader.js';
import { ProtocolViolation } from './protocol-violation.js';

export interface StartupMessage {
  readonly major: number;
  /** Above 0 the client wants more than protocol 3.0: NegotiateProtocolVersion has to tell it no. */
  readonly minor: number;
  /**
   * All parameters but protocol options, in the order and with the names as sent; `user` is never empty and `database`
   * is always there. Servers read names of settings without regard to case; no two names differ only in it.
   */
  readonly parameters: ReadonlyMap<string, string>;
  /** Names of the protocol options asked for, `_pq_.` included. This gateway knows none. */
  readonly unknownProtocolOptions: readonly string[];
}

const maxNameBytes = 63;

/**
 * Reads what follows the protocol version in a StartupMessage.
 *
 * @throws ProtocolViolation 08P01 when the list of parameters does not end exactly with the message or has a name
 *   twice, 22021 for text that is no UTF-8, 28000 without a user, 22023 when user or database are too long for a name
 * @see PostgreSQL documentation, section 55.7, StartupMessage; the rules are those of its ProcessStartupPacket
 */
export function readStartupMessage(major: number, minor: number, body: Buffer): StartupMessage {
  const parameters = new Map<string, string>();
  const unknownProtocolOptions: string[] = [];
  for (const [name, value] of uniquePairsOf(body)) {
    if (name.startsWith('_pq_.')) unknownProtocolOptions.push(name);
    else parameters.set(name, value);
  }
  completeNames(parameters);
  return { major, minor, parameters, unknownProtocolOptions };
}

/** A name given twice is read by one program in its first meaning and by another in its last. */
function uniquePairsOf(body: Buffer): [string, string][] {
  const pairs = pairsOf(stringsOf(body));
  // Settings are found without regard to ASCII case (guc_name_compare), so their names are compared like that.
  const names = new Set(pairs.map(([name]) => name.toLowerCase()));
  if (names.size < pairs.length) throw malformed('a parameter is given twice');
  return pairs;
}

function pairsOf(strings: readonly string[]): [string, string][] {
  const pairs: [string, string][] = [];
  for (let index = 0; index < strings.length; index += 2) {
    const [name = '', value] = strings.slice(index, index + 2);
    if (name === '' || value === undefined) throw misplacedTerminator();
    pairs.push([name, value]);
  }
  return pairs;
}

/** The strings of a list: each has a NUL at its end, and the list one more. */
function stringsOf(body: Buffer): string[] {
  if (body.at(-1) !== 0) throw misplacedTerminator();
  if (body.length === 1) return [];
  if (body.at(-2) !== 0) throw misplacedTerminator();
  return strictUtf8(body.subarray(0, -2), '22021').split('\0');
}

/** A longer name would be cut short by the server, after the name as a whole was found to be allowed. */
function completeNames(parameters: Map<string, string>): void {
  const user = parameters.get('user') ?? '';
  if (user === '')
    throw new ProtocolViolation('no PostgreSQL user name specified in startup packet', '28000');
  if ((parameters.get('database') ?? '') === '') parameters.set('database', user);
  for (const name of ['user', 'database']) {
    if (Buffer.byteLength(parameters.get(name) ?? '') > maxNameBytes) throw tooLong(name);
  }
}

function misplacedTerminator(): ProtocolViolation {
  return malformed('expected terminator as last byte');
}

function malformed(why: string): ProtocolViolation {
  return new ProtocolViolation(`invalid startup packet layout: ${why}`);
}

function tooLong(name: string): ProtocolViolation {
  return new ProtocolViolation(`${name} name is longer than ${maxNameBytes} bytes`, '22023');
}
