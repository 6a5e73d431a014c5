// The usual stand-in for an issuer in tests: oauth2-mock-server, with an RSA key. Environment: PORT.
import { OAuth2Server } from 'oauth2-mock-server';

const server = new OAuth2Server();
await server.issuer.keys.generate('RS256');
await server.start(Number(process.env.PORT), '127.0.0.1');
