// The limit of any issuer: nothing but jose's signature over claims like an access token's, sixteen at a time.
// Environment: SECONDS. Prints one JSON object.
import { randomBytes } from 'node:crypto';
import { CompactSign, generateKeyPair } from 'jose';

const { privateKey } = await generateKeyPair('RS256');
const encode = (value) => Buffer.from(JSON.stringify(value));

function sign() {
  const iat = Math.floor(Date.now() / 1000);
  const claims = {
    ver: 1,
    jti: `AT.${randomBytes(32).toString('base64url')}`,
    iss: 'http://127.0.0.1:8087/oauth2/default',
    aud: 'api://default',
    iat,
    exp: iat + 3600,
    cid: '0oa12345678901234567',
    scp: ['read_sayhello'],
    sub: '0oa12345678901234567',
  };
  return new CompactSign(encode(claims)).setProtectedHeader({ kid: 'k1', alg: 'RS256' }).sign(privateKey);
}

async function signUntil(end) {
  let count = 0;
  for (; performance.now() < end; count++) await sign();
  return count;
}

async function load(seconds) {
  const end = performance.now() + seconds * 1000;
  const counts = await Promise.all(Array.from({ length: 16 }, () => signUntil(end)));
  return counts.reduce((total, count) => total + count, 0);
}

await load(1);
const before = process.cpuUsage();
const begin = performance.now();
const signatures = await load(Number(process.env.SECONDS));
const { user, system } = process.cpuUsage(before);
const perSecond = (signatures * 1000) / (performance.now() - begin);
process.stdout.write(`${JSON.stringify({ perSecond, cpuMicrosPerRequest: (user + system) / signatures })}\n`);
