import { Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { CompatTokens } from './compat/compat-tokens.js';
import { CompatController } from './compat/compat.controller.js';
import { FaultsController } from './faults/faults.controller.js';
import { OrderedFaults } from './faults/ordered-faults.js';
import { AuthorizeController } from './http/authorize.controller.js';
import { ClientsController } from './http/clients.controller.js';
import { IntrospectionController } from './http/introspection.controller.js';
import { IssuerErrorFilter } from './http/issuer-error.filter.js';
import { KeysController } from './http/keys.controller.js';
import { LogoutController } from './http/logout.controller.js';
import { MetadataController } from './http/metadata.controller.js';
import { RevocationController } from './http/revocation.controller.js';
import { TokenController } from './http/token.controller.js';
import { UserinfoController } from './http/userinfo.controller.js';
import { DocsController } from './openapi/docs.controller.js';
import { OpenApiController } from './openapi/openapi.controller.js';

const controllers = [
  TokenController,
  IntrospectionController,
  RevocationController,
  MetadataController,
  KeysController,
  AuthorizeController,
  UserinfoController,
  LogoutController,
  ClientsController,
  OpenApiController,
  DocsController,
];

/** Endpoints that there are only where the part has been made. */
const optionalControllers = [
  { part: OrderedFaults, controller: FaultsController },
  { part: CompatTokens, controller: CompatController },
];

@Module({})
export class IssuerModule {
  /** @param parts made before Nest exists; controllers get each of them by its class */
  static forRoot(parts: readonly object[]): DynamicModule {
    return {
      module: IssuerModule,
      controllers: [
        ...controllers,
        ...optionalControllers.flatMap(({ part, controller }) =>
          parts.some((made) => made instanceof part) ? [controller] : [],
        ),
      ],
      providers: [
        ...parts.map((part) => ({ provide: part.constructor, useValue: part })),
        { provide: APP_FILTER, useClass: IssuerErrorFilter },
      ],
    };
  }
}
