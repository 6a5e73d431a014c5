// A pipe to PostgreSQL and nothing else: what passing bytes costs in Node, with TLS on both sides or on none.
// node sql-pipe.mjs PORT UPSTREAM_PORT [CERTIFICATE KEY]
import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { TLSSocket, createSecureContext, connect as connectTls } from 'node:tls';

const [port, upstreamPort, certFile, keyFile] = process.argv.slice(2);
const upstream = { host: '127.0.0.1', port: Number(upstreamPort), noDelay: true };
const sslRequest = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);
const tls = certFile !== undefined;
const clientContext = tls ? createSecureContext() : undefined;
const serverContext = tls
  ? createSecureContext({ cert: readFileSync(certFile), key: readFileSync(keyFile) })
  : undefined;

function join(client, server) {
  for (const socket of [client, server]) socket.on('error', () => socket.destroy());
  client.pipe(server).pipe(client);
}

function joinTls(client) {
  client.once('data', () => {
    client.write('S');
    const secured = new TLSSocket(client, { isServer: true, secureContext: serverContext });
    const raw = connect(upstream, () => raw.write(sslRequest));
    raw.once('data', () => {
      const options = { socket: raw, secureContext: clientContext, rejectUnauthorized: false };
      join(secured, connectTls({ ...options, ALPNProtocols: ['postgresql'] }));
    });
  });
}

createServer({ noDelay: true }, (client) => {
  if (tls) joinTls(client);
  else join(client, connect(upstream));
}).listen(Number(port), '127.0.0.1');
