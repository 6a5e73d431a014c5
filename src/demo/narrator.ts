import { mkdirSync } from 'node:fs';
import type { Writable } from 'node:stream';
import { pino } from 'pino';
import type { Demo } from './demo.js';
import { demoFolder } from './demo-folder.js';
import type { Exchange } from './exchange.js';
import type { SqlLogin } from './sql-login.js';

const title = (text: string): string => `\n\u001b[1m${text}\u001b[0m\n`;
const plainTitle = (text: string): string => `\n${text}\n`;

/** Tells people what the demo does: each request, each answer, and what was to be expected. */
export class Narrator {
  readonly #out: Writable & { readonly isTTY?: boolean };

  constructor(out: Writable & { readonly isTTY?: boolean }) {
    this.#out = out;
  }

  /** Decision records go to a file, so that the walk stays readable. It may be that of a demo which is still running. */
  static logFile(): ReturnType<typeof pino.destination> {
    mkdirSync(demoFolder, { recursive: true, mode: 0o700 });
    return pino.destination({ dest: `${demoFolder}/demo.log`, sync: true, append: true });
  }

  heading(text: string): void {
    this.#out.write(this.#out.isTTY === true ? title(text) : plainTitle(text));
  }

  line(text: string): void {
    this.#out.write(`${text}\n`);
  }

  /** What a reader can try now. */
  invite({ api, management }: Demo): void {
    this.heading('The demo stays up until Ctrl-C. Try it yourself, in another terminal in this folder:');
    this.line(`
  set -a; . ${demoFolder}/app.env; set +a
  TOKEN=$(curl -s -u "$OKTA_CLIENT_ID:$OKTA_CLIENT_SECRET" "$OKTA_ISSUER/v1/token" \\
    -d 'grant_type=client_credentials&scope=read_sayhello' | sed 's/.*"access_token":"\\([^"]*\\)".*/\\1/')
  curl -i -H "Authorization: Bearer $TOKEN" ${api}/sayhello
  PGPASSWORD=$TOKEN psql "$DEMO_SQL_URL?sslmode=verify-full&sslrootcert=$DEMO_CA_FILE" -c 'select current_user'

  One line for each decision: ${demoFolder}/demo.log
  Is it ready, and what has it counted: ${management}/health/ready, ${management}/metrics`);
  }

  /** One request with its answer, and whether the answer was the expected one. */
  exchange(exchange: Exchange, expectedStatus: number): void {
    for (const line of exchange.sent) this.line(`  > ${line}`);
    this.line(
      `  < ${exchange.status} ${exchange.statusText}   (${verdict(exchange.status, expectedStatus)})`,
    );
    for (const line of exchange.received) this.line(`  < ${line}`);
  }

  /** One login with its query, and whether they ended as expected: with this value, or refused with this SQLSTATE. */
  sqlLogin({ sent, received, outcome }: SqlLogin, expected: string): void {
    for (const line of sent) this.line(`  > ${line}`);
    this.line(`  < ${received}   (${verdict(outcome, expected)})`);
  }
}

function verdict<T extends string | number>(answer: T, expected: T): string {
  return answer === expected ? 'as expected' : `NOT AS EXPECTED, which is ${expected}`;
}
