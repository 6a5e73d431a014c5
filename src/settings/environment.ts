import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import type { Environment } from './setting.js';

/**
 * The process environment laid over an env file such as `app.env`, where there is one. Section headings (`[Okta]`) are
 * allowed in the file.
 */
export function loadEnvironment(environment: NodeJS.ProcessEnv, file: string): Environment {
  const lines = Object.entries(readEnvFile(file)).filter(([name]) => !isSetOtherwise(name, environment));
  return { ...Object.fromEntries(lines), ...environment };
}

/** Whether the environment sets the same thing in its other form: `NAME` for `NAME_FILE`, `NAME_FILE` for `NAME`. */
function isSetOtherwise(name: string, environment: NodeJS.ProcessEnv): boolean {
  const otherForm = name.endsWith('_FILE') ? name.slice(0, -'_FILE'.length) : `${name}_FILE`;
  return Boolean(environment[otherForm]);
}

function readEnvFile(file: string): Environment {
  try {
    return parseEnv(readFileSync(file, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
}
