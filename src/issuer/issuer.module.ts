import { Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { AuthorizationServers } from './authorization-server.js';
import { ClientAuthentication } from './clients/client-authentication.js';
import { ClientCredentialsGrant } from './grants/client-credentials.js';
import { IntrospectionController } from './http/introspection.controller.js';
import { IssuerErrorFilter } from './http/issuer-error.filter.js';
import { MetadataController } from './http/metadata.controller.js';
import { RevocationController } from './http/revocation.controller.js';
import { TokenController } from './http/token.controller.js';
import { SigningKeyRing } from './keys/signing-key-ring.js';
import { AccessTokens } from './tokens/access-tokens.js';
import { Revocations } from './tokens/revocations.js';

/** What the controllers ask for, made before Nest exists. */
export interface IssuerParts {
  readonly servers: AuthorizationServers;
  readonly authentication: ClientAuthentication;
  readonly clientCredentials: ClientCredentialsGrant;
  readonly keys: SigningKeyRing;
  readonly tokens: AccessTokens;
  readonly revocations: Revocations;
}

@Module({})
export class IssuerModule {
  static forRoot(parts: IssuerParts): DynamicModule {
    return {
      module: IssuerModule,
      controllers: [TokenController, IntrospectionController, RevocationController, MetadataController],
      providers: [
        { provide: AuthorizationServers, useValue: parts.servers },
        { provide: ClientAuthentication, useValue: parts.authentication },
        { provide: ClientCredentialsGrant, useValue: parts.clientCredentials },
        { provide: SigningKeyRing, useValue: parts.keys },
        { provide: AccessTokens, useValue: parts.tokens },
        { provide: Revocations, useValue: parts.revocations },
        { provide: APP_FILTER, useClass: IssuerErrorFilter },
      ],
    };
  }
}
