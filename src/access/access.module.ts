import { ConfigurableModuleBuilder, Inject, Module } from '@nestjs/common';
import type { DynamicModule, OnApplicationBootstrap, OnApplicationShutdown } from '@nestjs/common';
import { APP_FILTER, APP_GUARD } from '@nestjs/core';
import { HttpModule, HttpService } from '@nestjs/axios';
import { AccessControl } from './access-control.js';
import { ACCESS_OPTIONS } from './access-options.js';
import type { AccessOptions } from './access-options.js';
import { AccessRefusedFilter } from './access-refused.filter.js';
import { AccessRuntime } from './access-runtime.js';
import { AccessGuard } from './access.guard.js';
import { createOktaTransport } from './okta-upstream.js';

const configurable = new ConfigurableModuleBuilder<AccessOptions>({ optionsInjectionToken: ACCESS_OPTIONS })
  .setClassMethodName('forRoot')
  .build();

/**
 * Puts a guard before every controller of the application: Okta access token, then OPA decision.
 *
 * @example
 * AccessModule.forRoot({
 *   okta: { issuer, audience: 'api://default', clientIds: 'any', validation: 'local' },
 *   opa: { mode: 'sidecar', url: 'http://localhost:8181/v1/data/demoapi/authz/allow' },
 * })
 */
@Module({})
export class AccessModule
  extends configurable.ConfigurableModuleClass
  implements OnApplicationBootstrap, OnApplicationShutdown
{
  readonly #runtime: AccessRuntime;

  constructor(@Inject(AccessRuntime) runtime: AccessRuntime) {
    super();
    this.#runtime = runtime;
  }

  static override forRoot(
    options: Parameters<typeof configurable.ConfigurableModuleClass.forRoot>[0],
  ): DynamicModule {
    return withAccess(super.forRoot(options));
  }

  static override forRootAsync(
    options: Parameters<typeof configurable.ConfigurableModuleClass.forRootAsync>[0],
  ): DynamicModule {
    return withAccess(super.forRootAsync(options));
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.#runtime.warm;
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#runtime.close();
  }
}

function withAccess(module: DynamicModule): DynamicModule {
  const transport = createOktaTransport();
  return {
    ...module,
    imports: [...(module.imports ?? []), HttpModule.register({ adapter: transport.adapter })],
    providers: [
      ...(module.providers ?? []),
      {
        provide: AccessRuntime,
        inject: [ACCESS_OPTIONS, HttpService],
        useFactory: (options: AccessOptions, http: HttpService) =>
          AccessRuntime.create(options, transport, http),
      },
      {
        provide: AccessControl,
        inject: [AccessRuntime],
        useFactory: (runtime: AccessRuntime) => runtime.control,
      },
      { provide: APP_GUARD, useClass: AccessGuard },
      { provide: APP_FILTER, useClass: AccessRefusedFilter },
    ],
    exports: [AccessRuntime],
  };
}
