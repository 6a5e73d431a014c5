// Plays Okta from memory, as cheaply as Node can: key set, metadata, introspection. Its own cost is reported apart.
// Environment: PORT, ISSUER, JWKS (JSON), CLIENT_ID, CLIENT_SECRET.
import { createServer } from 'node:http';
import { URLSearchParams } from 'node:url';

const { PORT, ISSUER, JWKS, CLIENT_ID, CLIENT_SECRET } = process.env;
const basePath = new URL(ISSUER).pathname;
const basic = `Basic ${Buffer.from(`${CLIENT_ID}:${CLIENT_SECRET}`).toString('base64')}`;

const metadata = JSON.stringify({
  issuer: ISSUER,
  jwks_uri: `${ISSUER}/v1/keys`,
  introspection_endpoint: `${ISSUER}/v1/introspect`,
});

const documents = {
  [`${basePath}/v1/keys`]: JWKS,
  [`${basePath}/.well-known/oauth-authorization-server`]: metadata,
  [`${basePath}/.well-known/openid-configuration`]: metadata,
};

const answers = new Map();

/** The answer for a token that this stand-in's key signed; anything else is not active. */
function introspect(token) {
  const known = answers.get(token);
  if (known !== undefined) return known;
  const answer = JSON.stringify(claimsOf(token));
  if (answers.size < 100_000) answers.set(token, answer);
  return answer;
}

function claimsOf(token) {
  try {
    const { scp, cid, ...claims } = JSON.parse(Buffer.from(token.split('.')[1], 'base64url').toString());
    if (claims.iss !== ISSUER) return { active: false };
    return { active: true, token_type: 'Bearer', scope: scp.join(' '), client_id: cid, ...claims };
  } catch {
    return { active: false };
  }
}

function answer(response, status, text) {
  response.writeHead(status, {
    'content-type': 'application/json',
    'cache-control': 'max-age=3600, must-revalidate',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}

function isClient(request, form) {
  if (request.headers.authorization === basic) return true;
  return form.get('client_id') === CLIENT_ID && form.get('client_secret') === CLIENT_SECRET;
}

const server = createServer((request, response) => {
  const path = request.url.split('?', 1)[0];
  if (request.method === 'GET') {
    answer(response, path in documents ? 200 : 404, documents[path] ?? '{}');
    return;
  }
  let body = '';
  request.setEncoding('utf8').on('data', (chunk) => (body += chunk));
  request.on('end', () => {
    const form = new URLSearchParams(body);
    if (path !== `${basePath}/v1/introspect`) answer(response, 404, '{}');
    else if (!isClient(request, form)) answer(response, 401, '{"error":"invalid_client"}');
    else answer(response, 200, introspect(form.get('token') ?? ''));
  });
});

server.keepAliveTimeout = 60_000;
server.listen(Number(PORT), '127.0.0.1');
