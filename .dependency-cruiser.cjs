// The layers of docs/architecture.md: base <- settings, token <- policy <- access <- demo-api.
// Each rule says which rooms a room may import; everything else is an error.
const rooms = {
  base: [],
  settings: ['base'],
  token: ['base'],
  'token-source': ['base'],
  policy: ['base', 'token'],
  access: ['base', 'token', 'policy'],
  operations: ['base', 'token', 'policy'],
  'demo-api': ['access'],
  issuer: ['base', 'settings', 'token', 'policy', 'operations'],
  'gateway/wire': ['base'],
  'gateway/upstream': ['base', 'gateway/wire'],
  gateway: ['base', 'settings', 'token', 'policy', 'operations'],
  cli: ['base', 'settings', 'issuer', 'operations'],
  api: ['base', 'settings', 'token', 'policy', 'access', 'operations', 'demo-api'],
  demo: ['base', 'settings', 'api', 'issuer', 'gateway', 'operations'],
};

const roomRules = Object.entries(rooms).map(([room, allowed]) => ({
  name: `${room}-imports`,
  comment: `src/${room} may import only: ${[room, ...allowed].join(', ')}`,
  severity: 'error',
  from: { path: `^src/${room}/` },
  to: { path: '^src/', pathNot: `^src/(${[room, ...allowed].join('|')})/` },
}));

module.exports = {
  forbidden: [
    ...roomRules,
    {
      name: 'nest-at-the-edges',
      comment: 'Only the edges know Nest; token/, policy/ and base/ are plain functions and classes.',
      severity: 'error',
      from: { path: '^src/(base|settings|token|token-source|policy|operations)/' },
      to: { path: 'node_modules/(@nestjs|fastify)/' },
    },
    {
      name: 'wire-knows-no-sockets',
      comment: 'src/gateway/wire takes bytes and returns values.',
      severity: 'error',
      from: { path: '^src/gateway/wire/' },
      to: { dependencyTypes: ['core'], pathNot: '^(node:)?buffer$' },
    },
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'no-orphans', severity: 'error', from: { orphan: true, pathNot: 'main\\.ts$' }, to: {} },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
  },
};
