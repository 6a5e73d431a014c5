import { randomBytes, timingSafeEqual } from 'node:crypto';
import { hmac } from './scram-keys.js';
import type { ScramKeyCache, ScramKeys } from './scram-keys.js';
import { UpstreamError } from './upstream-error.js';

export interface ScramOptions {
  readonly role: string;
  /** The gateway's own password for that role. */
  readonly password: string;
  readonly keys: ScramKeyCache;
  /** Printable ASCII without a comma; 18 random bytes in base64 unless a test vector needs another. */
  readonly nonce?: string;
}

/** The least that RFC 7677 section 4 allows: with fewer, whoever poses as the server learns the password sooner. */
const minIterations = 4096;
/** Some 300 ms of one thread: what a server may make a login cost. */
const maxIterations = 1_000_000;

/** Extensions, mandatory (`m=`) or not, do not fit: PostgreSQL has none and libpq refuses them too. */
const serverFirstPattern = /^r=([\x21-\x2b\x2d-\x7e]+),s=([A-Za-z0-9+/]+={0,2}),i=([1-9]\d{0,9})$/;
const serverFinalPattern = /^v=([A-Za-z0-9+/]{43}=)$/;
const serverErrorPattern = /^e=([a-z-]{1,64})/;

/** No channel binding: Node before 24.9 can't tell which hash a certificate was signed with, which it is made of. */
const gs2Header = 'n,,';

/**
 * The client's side of one SCRAM-SHA-256 exchange: call the methods in the order they are written in, once each.
 *
 * @see RFC 5802 sections 3, 5 and 7; RFC 7677; PostgreSQL documentation, section 55.3.1
 */
export class ScramExchange {
  readonly #options: ScramOptions;
  readonly #nonce: string;
  readonly #clientFirstBare: string;
  #serverSignature: Buffer | undefined;

  constructor(options: ScramOptions) {
    this.#options = options;
    this.#nonce = options.nonce ?? randomBytes(18).toString('base64');
    this.#clientFirstBare = `n=${saslName(options.role)},r=${this.#nonce}`;
  }

  clientFirst(): Buffer {
    return Buffer.from(gs2Header + this.#clientFirstBare);
  }

  /**
   * The client-final-message, with the proof that the password is known.
   *
   * @throws UpstreamError `protocol` for a malformed message or one that answers another exchange; `untrusted` for an
   *   iteration count out of bounds. Nothing was derived from the password then.
   */
  async clientFinal(serverFirst: Buffer): Promise<Buffer> {
    const text = serverFirst.toString('latin1');
    const { nonce, salt, iterations } = readServerFirst(text, this.#nonce);
    const { role, password } = this.#options;
    const keys = await this.#options.keys.keysFor({ role, password, salt, iterations });
    const withoutProof = `c=${Buffer.from(gs2Header).toString('base64')},r=${nonce}`;
    const authMessage = `${this.#clientFirstBare},${text},${withoutProof}`;
    this.#serverSignature = hmac(keys.serverKey, authMessage);
    return Buffer.from(`${withoutProof},p=${clientProof(keys, authMessage).toString('base64')}`);
  }

  /**
   * Returns when the server has proved that it knows the password too.
   *
   * @throws UpstreamError `untrusted` for a wrong signature, `refused` for an error of the server's, `protocol` otherwise
   */
  verifyServerFinal(serverFinal: Buffer): void {
    const text = serverFinal.toString('latin1');
    const error = serverErrorPattern.exec(text)?.[1];
    if (error !== undefined) throw new UpstreamError('refused', `the upstream ended SCRAM with ${error}`);
    const signature = canonicalBase64(serverFinalPattern.exec(text)?.[1]);
    if (signature === undefined) throw malformed('server-final-message');
    if (this.#serverSignature === undefined || !timingSafeEqual(signature, this.#serverSignature)) {
      throw new UpstreamError(
        'untrusted',
        'the upstream does not know the password: its SCRAM signature is wrong',
      );
    }
  }
}

/** A comma or equals sign would end the name (RFC 5802 section 5.1). PostgreSQL reads the StartupMessage instead. */
function saslName(role: string): string {
  return role.replaceAll('=', '=3D').replaceAll(',', '=2C');
}

function readServerFirst(
  text: string,
  clientNonce: string,
): { nonce: string; salt: Buffer; iterations: number } {
  const [, nonce = '', encodedSalt, digits] = serverFirstPattern.exec(text) ?? [];
  const salt = canonicalBase64(encodedSalt);
  if (salt === undefined) throw malformed('server-first-message');
  if (!nonce.startsWith(clientNonce) || nonce.length === clientNonce.length) {
    throw new UpstreamError(
      'protocol',
      'the SCRAM nonce of the upstream does not continue the one it was sent',
    );
  }
  const iterations = Number(digits);
  if (iterations < minIterations || iterations > maxIterations) throw unacceptableCount(iterations);
  return { nonce, salt, iterations };
}

/** ClientProof := ClientKey XOR HMAC(StoredKey, AuthMessage) */
function clientProof({ clientKey, storedKey }: ScramKeys, authMessage: string): Buffer {
  const clientSignature = hmac(storedKey, authMessage);
  return Buffer.from(clientKey.map((byte, index) => byte ^ (clientSignature[index] ?? 0)));
}

/** The bytes, or undefined when this is not their only spelling (RFC 4648 section 3.5). */
function canonicalBase64(text: string | undefined): Buffer | undefined {
  const bytes = Buffer.from(text ?? '', 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
}

function malformed(what: string): UpstreamError {
  return new UpstreamError('protocol', `malformed SCRAM ${what} from the upstream`);
}

function unacceptableCount(iterations: number): UpstreamError {
  const range = `${minIterations} to ${maxIterations}`;
  const advice = 'set scram_iterations there and the password anew';
  return new UpstreamError(
    'untrusted',
    `the upstream asks for ${iterations} SCRAM iterations, not ${range}: ${advice}`,
  );
}
