import { Controller, Get, Module } from '@nestjs/common';

/** The article's greeting: the policy opens it to tokens with the scope `read_sayhello`. */
@Controller('sayhello')
class SayHelloController {
  @Get()
  sayHello(): { message: string } {
    return { message: 'Hello there!!' };
  }
}

/** The article's secret: a token that opens the greeting is not enough. */
@Controller('saysecret')
class SaySecretController {
  @Get()
  saySecret(): { message: string } {
    return { message: 'This is a secret' };
  }
}

@Module({ controllers: [SayHelloController, SaySecretController] })
export class DemoApiModule {}
