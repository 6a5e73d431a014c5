import { Controller, Get, Inject, Param, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { OktaApiError } from '../okta-api-error.js';
import { sendFile } from './served-file.js';
import { SwaggerUi } from './swagger-ui.js';

/** Swagger UI for `/openapi.json`. */
@Controller('docs')
export class DocsController {
  readonly #swaggerUi: SwaggerUi;

  constructor(@Inject(SwaggerUi) swaggerUi: SwaggerUi) {
    this.#swaggerUi = swaggerUi;
  }

  @Get()
  page(@Req() request: FastifyRequest, @Res() reply: FastifyReply): void {
    sendFile(request, reply, this.#swaggerUi.page);
  }

  @Get(':file')
  file(@Req() request: FastifyRequest, @Param('file') name: string, @Res() reply: FastifyReply): void {
    const file = this.#swaggerUi.file(name);
    if (file === undefined) throw new OktaApiError(404, 'E0000007', 'Not found: there is nothing here.');
    sendFile(request, reply, file);
  }
}
