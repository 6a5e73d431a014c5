import { X509Certificate, constants, createPrivateKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import type { SecureContext } from 'node:tls';
import { errorText } from '../base/error-text.js';
import { SetupError } from '../base/setup-error.js';
import { Reloaded } from './reloaded.js';

export interface CertificateFiles {
  readonly certFile: string;
  readonly keyFile: string;
}

/**
 * The certificate that clients see. A renewed one is taken up while sessions go on.
 *
 * @throws SetupError when the files can't be read, or the key is not that of the certificate
 */
export async function openServerCertificate(
  files: CertificateFiles,
  onWarning: (message: string) => void,
): Promise<Reloaded<SecureContext>> {
  try {
    return await Reloaded.open({
      paths: [files.certFile, files.keyFile],
      load: () => load(files),
      onFailure: (reason) => {
        onWarning(`the certificate for clients was not renewed: ${reason}`);
      },
    });
  } catch (cause) {
    const names = 'DOWNSTREAM__CERTFILE and DOWNSTREAM__KEYFILE';
    throw new SetupError(`${names} can not be used: ${errorText(cause)}`, { cause });
  }
}

async function load({ certFile, keyFile }: CertificateFiles): Promise<SecureContext> {
  const [cert, key] = await Promise.all([readFile(certFile), readFile(keyFile)]);
  assertPair(cert, key);
  // A second handshake costs its server far more than whoever asks for it; PostgreSQL has none either.
  // Nor has it tickets: clients that would come back with one are hardly to be found, and each costs two at every login.
  const secureOptions = constants.SSL_OP_NO_RENEGOTIATION | constants.SSL_OP_NO_TICKET;
  return createSecureContext({ cert, key, minVersion: 'TLSv1.2', secureOptions });
}

/** OpenSSL takes a key of another kind than the certificate's, and then no client comes in. */
function assertPair(cert: Buffer, key: Buffer): void {
  const certificate = inPem('DOWNSTREAM__CERTFILE holds no certificate', () => new X509Certificate(cert));
  const holdsNoKey = 'DOWNSTREAM__KEYFILE holds no private key without a passphrase';
  const privateKey = inPem(holdsNoKey, () => createPrivateKey(key));
  if (!certificate.checkPrivateKey(privateKey))
    throw new Error('the key in DOWNSTREAM__KEYFILE is not that of the certificate in DOWNSTREAM__CERTFILE');
}

function inPem<T>(problem: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new Error(`${problem} in PEM`, { cause });
  }
}
