import { Module } from '@nestjs/common';
import type { DynamicModule } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { AccessModule } from '../access/access.module.js';
import type { AccessOptions } from '../access/access-options.js';
import { DemoApiModule } from '../demo-api/demo-api.module.js';
import { ProblemFilter } from './problem.filter.js';

/** The demo's controllers behind the guard. */
@Module({})
export class ApiModule {
  static forRoot(access: AccessOptions): DynamicModule {
    return {
      module: ApiModule,
      // The last filter that was registered is asked first: refusals of the guard are the access module's.
      providers: [{ provide: APP_FILTER, useClass: ProblemFilter }],
      imports: [AccessModule.forRoot(access), DemoApiModule],
    };
  }
}
