// The floor that everything is compared with: Nest on Fastify with one controller and nothing else. Environment: PORT.
import 'reflect-metadata';
import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';

class HelloController {
  sayHello() {
    return { message: 'Hello there!!' };
  }
}
Get('sayhello')(
  HelloController.prototype,
  'sayHello',
  Object.getOwnPropertyDescriptor(HelloController.prototype, 'sayHello'),
);
Controller()(HelloController);

class HelloModule {}
Module({ controllers: [HelloController] })(HelloModule);

const app = await NestFactory.create(HelloModule, new FastifyAdapter(), { logger: false });
await app.listen(Number(process.env.PORT), '127.0.0.1');
