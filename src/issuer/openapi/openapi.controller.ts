import { Controller, Get, Inject, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { openApiDocument } from './document.js';
import type { Served } from './document.js';
import { sendFile, servedFile } from './served-file.js';
import type { ServedFile } from './served-file.js';

/** The OpenAPI document of this issuer, made once. */
export class OpenApiFile {
  readonly file: ServedFile;

  constructor(served: Served) {
    this.file = servedFile(JSON.stringify(openApiDocument(served)), 'application/json; charset=utf-8');
  }
}

@Controller()
export class OpenApiController {
  readonly #file: ServedFile;

  constructor(@Inject(OpenApiFile) { file }: OpenApiFile) {
    this.#file = file;
  }

  @Get('openapi.json')
  get(@Req() request: FastifyRequest, @Res() reply: FastifyReply): void {
    sendFile(request, reply, this.#file);
  }
}
