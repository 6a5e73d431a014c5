import { readFileSync } from 'node:fs';
import { parseEnv } from 'node:util';
import type { Environment } from './setting.js';

/**
 * The process environment laid over an env file such as `app.env`, where there is one. Section headings (`[Okta]`) are
 * allowed in the file.
 */
export function loadEnvironment(environment: NodeJS.ProcessEnv, file: string): Environment {
  return { ...readEnvFile(file), ...environment };
}

function readEnvFile(file: string): Environment {
  try {
    return parseEnv(readFileSync(file, 'utf8'));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return {};
    throw error;
  }
}
