import { Agent, get } from 'node:http';
import type { ClientRequest } from 'node:http';

export interface LoadResult {
  answered: number;
  /** Connections that were not made because nobody listened any more. */
  refused: number;
  /** Requests that were sent and got no complete answer. */
  reset: number;
}

/**
 * Sends requests over keep-alive connections, each as soon as the last is answered, until the server takes no more.
 *
 * @param onAnswer called after each answer, with how many there were
 */
export async function keepAliveLoad(
  port: number,
  connections: number,
  onAnswer: (count: number) => void,
): Promise<LoadResult> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const result: LoadResult = { answered: 0, refused: 0, reset: 0 };
  const client = async (): Promise<void> => {
    let outcome = await send(port, agent);
    for (; outcome === 'answered'; outcome = await send(port, agent)) {
      result.answered++;
      onAnswer(result.answered);
    }
    result[outcome]++;
  };
  await Promise.all(Array.from({ length: connections }, client));
  agent.destroy();
  return result;
}

function send(port: number, agent: Agent): Promise<keyof LoadResult> {
  return new Promise((resolve) => {
    const request: ClientRequest = get({ host: '127.0.0.1', port, agent, path: '/' }, (response) => {
      response.resume();
      response.on('close', () => {
        resolve(response.complete ? 'answered' : 'reset');
      });
    });
    request.on('error', (error: NodeJS.ErrnoException) => {
      resolve(error.code === 'ECONNREFUSED' ? 'refused' : 'reset');
    });
  });
}
