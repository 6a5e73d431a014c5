import { constants } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import type { SecureContext } from 'node:tls';
import { errorText } from '../base/error-text.js';
import { SetupError } from '../base/setup-error.js';
import { FileWatch, fileState } from '../policy/file-watch.js';

export interface CertificateFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/** The certificate that clients see. A renewed one is taken up while sessions go on; a bad one leaves the old in force. */
export class ServerCertificate {
  readonly #files: CertificateFiles;
  readonly #onWarning: (message: string) => void;
  #context: SecureContext;
  #watches: readonly FileWatch[] = [];

  private constructor(files: CertificateFiles, context: SecureContext, onWarning: (message: string) => void) {
    this.#files = files;
    this.#context = context;
    this.#onWarning = onWarning;
  }

  /** @throws SetupError when the files can't be read, or the key is not the certificate's */
  static async open(
    files: CertificateFiles,
    onWarning: (message: string) => void,
  ): Promise<ServerCertificate> {
    try {
      const certificate = new ServerCertificate(files, await load(files), onWarning);
      await certificate.#watch();
      return certificate;
    } catch (cause) {
      const names = 'DOWNSTREAM__CERTFILE and DOWNSTREAM__KEYFILE';
      throw new SetupError(`${names} can not be used: ${errorText(cause)}`, { cause });
    }
  }

  get context(): SecureContext {
    return this.#context;
  }

  async close(): Promise<void> {
    await Promise.all(this.#watches.map((watch) => watch.close()));
  }

  async #watch(): Promise<void> {
    const paths = [this.#files.certFile, this.#files.keyFile];
    const onChange = () => this.#reload();
    this.#watches = await Promise.all(
      paths.map(async (path) => new FileWatch({ path, state: await fileState(path), onChange })),
    );
  }

  /** Certificate and key are two files: between the two writes they do not fit, and the next look finds them. */
  async #reload(): Promise<void> {
    try {
      this.#context = await load(this.#files);
    } catch (error) {
      this.#onWarning(`the certificate for clients was not renewed: ${errorText(error)}`);
    }
  }
}

async function load({ certFile, keyFile }: CertificateFiles): Promise<SecureContext> {
  const [cert, key] = await Promise.all([readFile(certFile), readFile(keyFile)]);
  // A second handshake costs its server far more than whoever asks for it; PostgreSQL has none either.
  const secureOptions = constants.SSL_OP_NO_RENEGOTIATION;
  return createSecureContext({ cert, key, minVersion: 'TLSv1.2', secureOptions });
}
