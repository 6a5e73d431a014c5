import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { servedFile } from './served-file.js';
import type { ServedFile } from './served-file.js';

/** Everything comes from here; Swagger UI sets styles of its own, and has icons in its style sheet. */
const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "form-action 'none'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Addresses are relative: a proxy may serve the issuer below a path. */
const page = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>The issuer's API</title>
<link rel="icon" type="image/png" href="docs/favicon-32x32.png">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<noscript>This page needs JavaScript. The document that it shows: <a href="openapi.json">openapi.json</a>.</noscript>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/initializer.js"></script>
</body>
</html>
`;

/** Without validatorUrl, Swagger UI would send the address of the document to a service that checks documents. */
const initializer = `SwaggerUIBundle({
  url: 'openapi.json',
  dom_id: '#swagger-ui',
  deepLinking: true,
  defaultModelsExpandDepth: 0,
  validatorUrl: null,
});
`;

const javascript = 'text/javascript; charset=utf-8';
const assets = [
  { name: 'swagger-ui.css', type: 'text/css; charset=utf-8' },
  { name: 'swagger-ui-bundle.js', type: javascript },
  { name: 'favicon-32x32.png', type: 'image/png' },
];

/** The page that shows the OpenAPI document, and what it loads. Read once: no path from outside gets to a disk. */
export class SwaggerUi {
  readonly page: ServedFile;
  readonly #files: ReadonlyMap<string, ServedFile>;

  constructor() {
    const folder = swaggerUiFolder();
    this.page = servedFile(page, 'text/html; charset=utf-8', {
      'content-security-policy': contentSecurityPolicy,
      'referrer-policy': 'no-referrer',
    });
    this.#files = new Map([
      ['initializer.js', servedFile(initializer, javascript)],
      ...assets.map(({ name, type }) => [name, servedFile(readFileSync(join(folder, name)), type)] as const),
    ]);
  }

  file(name: string): ServedFile | undefined {
    return this.#files.get(name);
  }
}

/**
 * Where Swagger UI's own files are. The build takes them along (nest-cli.json): as a dependency, swagger-ui-dist would bring a script
 * that reports each installation of this package to a third party.
 */
function swaggerUiFolder(): string {
  const built = fileURLToPath(new URL('../../swagger-ui-dist/', import.meta.url));
  if (existsSync(built)) return built;
  return dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
}
