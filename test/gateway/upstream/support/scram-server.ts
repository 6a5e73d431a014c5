import { createHash, createHmac, pbkdf2Sync } from 'node:crypto';

const hmac = (key: Buffer, text: string): Buffer => createHmac('sha256', key).update(text).digest();

/** The server's side of SCRAM-SHA-256, written from RFC 5802 section 3 apart from the client's. */
export class ScramServer {
  readonly #saltedPassword: Buffer;
  readonly #iterations: number;
  #clientFirstBare = '';
  #serverFirst = '';

  constructor(password: string, iterations = 4096) {
    this.#iterations = iterations;
    this.#saltedPassword = pbkdf2Sync(password, 'salt of sixteen!', iterations, 32, 'sha256');
  }

  /** @param saslInitialResponse the body of the message: mechanism, length, client-first-message */
  serverFirst(saslInitialResponse: Buffer): string {
    const text = saslInitialResponse.toString('latin1');
    this.#clientFirstBare = text.slice(text.indexOf('n,,') + 3);
    const nonce = this.#clientFirstBare.slice(this.#clientFirstBare.indexOf(',r=') + 3);
    const salt = Buffer.from('salt of sixteen!').toString('base64');
    this.#serverFirst = `r=${nonce}and-the-servers,s=${salt},i=${this.#iterations}`;
    return this.#serverFirst;
  }

  /** Undefined when the proof is wrong. */
  serverFinal(clientFinal: Buffer): string | undefined {
    const text = clientFinal.toString('latin1');
    const [withoutProof = '', proof = ''] = text.split(',p=');
    const authMessage = `${this.#clientFirstBare},${this.#serverFirst},${withoutProof}`;
    const clientKey = hmac(this.#saltedPassword, 'Client Key');
    const storedKey = createHash('sha256').update(clientKey).digest();
    const signature = hmac(storedKey, authMessage);
    const proved = Buffer.from(proof, 'base64').map((byte, index) => byte ^ (signature[index] ?? 0));
    if (!clientKey.equals(proved)) return undefined;
    return `v=${hmac(hmac(this.#saltedPassword, 'Server Key'), authMessage).toString('base64')}`;
  }
}
