import { Body, Controller, Get, Param, Post } from '@nestjs/common';
import { CurrentPrincipal } from '../../../src/access/http-request.js';
import { Policy, Public } from '../../../src/access/route-access.js';
import type { Principal } from '../../../src/token/principal.js';

/** Every way to say, or not to say, who may call a route. */
@Controller('orders')
class OrdersController {
  @Get()
  undecorated() {
    return { handler: 'undecorated' };
  }

  @Get('of/:customer/:id')
  withParameters(@Param() params: Record<string, string>, @CurrentPrincipal() principal: Principal) {
    return { handler: 'withParameters', params, principal };
  }

  @Get('files/*')
  wildcard() {
    return { handler: 'wildcard' };
  }

  @Post()
  create(@Body() body: unknown) {
    return { handler: 'create', body };
  }

  @Policy('orders/admin/allow')
  @Get('admin')
  admin() {
    return { handler: 'admin' };
  }

  @Public()
  @Get('health')
  health() {
    return { handler: 'health' };
  }

  @Public()
  @Get('nobody')
  nobody(@CurrentPrincipal() principal: Principal) {
    return { handler: 'nobody', principal };
  }

  @Public()
  @Policy('orders/both/allow')
  @Get('both')
  both() {
    return { handler: 'both' };
  }
}

@Public()
@Controller('open')
class OpenController {
  @Get()
  open() {
    return { handler: 'open' };
  }

  @Policy('open/after/all')
  @Get('policed')
  policed() {
    return { handler: 'policed' };
  }
}

@Policy('policed/controller/allow')
@Controller('policed')
class PolicedController {
  @Get()
  inherited() {
    return { handler: 'inherited' };
  }

  @Policy('policed/handler/allow')
  @Get('other')
  overridden() {
    return { handler: 'overridden' };
  }

  @Public()
  @Get('health')
  health() {
    return { handler: 'health' };
  }
}

@Public()
@Policy('contradiction/allow')
@Controller('contradiction')
class ContradictoryController {
  @Get()
  contradiction() {
    return { handler: 'contradiction' };
  }
}

/** One function, two controllers: what their classes say differs. */
class Shared {
  @Get()
  shared() {
    return { handler: 'shared' };
  }
}

@Public()
@Controller('shared/open')
class SharedOpenController extends Shared {}

@Controller('shared/closed')
class SharedClosedController extends Shared {}

export const controllers = [
  OrdersController,
  OpenController,
  PolicedController,
  ContradictoryController,
  SharedOpenController,
  SharedClosedController,
] as const;
