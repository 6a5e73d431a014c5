import type { Socket } from 'node:net';
import { errorResponse } from './wire/backend-messages.js';
import { MessageBoundaries } from './wire/message-boundaries.js';
import { OpenQuestions } from './wire/open-questions.js';

/** Why a session ended. */
export type SessionEnd =
  | 'client' // it took its leave
  | 'client_lost'
  | 'server' // the server closed in order: pg_terminate_backend, a restart
  | 'server_lost'
  | 'expired'
  | 'shutdown';

export interface SessionParts {
  readonly client: Socket;
  readonly server: Socket;
  /** What the client is sent first: AuthenticationOk, the greeting, and what came behind it. */
  readonly opening: Buffer;
  /** What the client sent ahead. */
  readonly ahead: Buffer;
  /** Stops what the backend is doing. */
  readonly cancelBackend: () => void;
}

/** What is left of a session has this for its end, in milliseconds: to come to a boundary, to read why, to close. */
const endingMs = 2_000;

/** PostgreSQL's admin_shutdown: every driver knows that such a connection is gone for good. */
const adminShutdown = '57P01';

const texts = {
  expired: {
    sqlState: adminShutdown,
    message: 'the token of this session has expired: connect with a new one',
  },
  shutdown: { sqlState: adminShutdown, message: 'terminating connection due to administrator command' },
  server_lost: { sqlState: '08006', message: 'the connection to the database server was lost' },
} as const;

/**
 * Two sockets that are one connection now: bytes pass as they are, as fast as the slower side reads, and each side's end
 * becomes the other's, one direction at a time.
 */
export class Session {
  /** Settles when both sockets are closed. */
  readonly ended: Promise<SessionEnd>;
  bytesFromClient = 0;
  bytesFromServer = 0;
  readonly #parts: SessionParts;
  readonly #boundaries = new MessageBoundaries();
  readonly #questions = new OpenQuestions();
  /** ReadyForQuery messages of the login, which answer nothing that passed here. */
  readonly #unaskedAnswers: number;
  readonly #settled = Promise.withResolvers<SessionEnd>();
  #end: SessionEnd | undefined;
  /** What the client is to be told at the next boundary. */
  #lastWord: keyof typeof texts | undefined;
  #cutOff: NodeJS.Timeout | undefined;
  #open = 2;

  constructor(parts: SessionParts) {
    this.#parts = parts;
    this.ended = this.#settled.promise;
    const { client, server, opening, ahead } = parts;
    this.#relay();
    this.#boundaries.push(opening);
    this.#unaskedAnswers = this.#boundaries.answers;
    client.write(opening);
    if (ahead.length > 0) this.#fromClient(ahead);
    client.resume();
    server.resume();
  }

  /** Between two messages, outside a transaction, with nothing asked. */
  get isIdle(): boolean {
    const { asked, isAsking } = this.#questions;
    return this.#boundaries.isIdle && !isAsking && asked <= this.#boundaries.answers - this.#unaskedAnswers;
  }

  /** Ends the session, with a word to the client as soon as a message of the server's ends. */
  end(cause: 'expired' | 'shutdown'): void {
    if (this.#lastWord !== undefined || this.#open === 0) return;
    this.#end = cause;
    // With one side closed there is only the other left, which may not read what it was sent.
    if (this.#open === 2 && !this.isIdle) this.#parts.cancelBackend();
    this.#endWith(cause);
  }

  #relay(): void {
    const { client, server } = this.#parts;
    client.on('data', this.#fromClient).on('drain', () => server.resume());
    server.on('data', this.#fromServer).on('drain', () => client.resume());
    client.on('end', () => {
      this.#end ??= 'client';
      server.end();
    });
    server.on('end', () => {
      this.#end ??= 'server';
      // A server that is through needs no other side any more: a client that has read all of it and stays is let go.
      client.end(this.#cutOffSoon);
    });
    client.on('close', this.#clientClosed);
    server.on('close', this.#serverClosed);
  }

  readonly #fromClient = (chunk: Buffer): void => {
    this.bytesFromClient += chunk.length;
    this.#questions.push(chunk);
    if (!this.#parts.server.write(chunk)) this.#parts.client.pause();
  };

  readonly #fromServer = (chunk: Buffer): void => {
    this.bytesFromServer += chunk.length;
    this.#boundaries.push(chunk);
    if (!this.#parts.client.write(chunk)) this.#parts.server.pause();
    if (this.#lastWord !== undefined) this.#sayWhyAtBoundary();
  };

  #endWith(lastWord: keyof typeof texts): void {
    this.#lastWord = lastWord;
    this.#cutOffSoon();
    this.#sayWhyAtBoundary();
  }

  readonly #cutOffSoon = (): void => {
    this.#cutOff ??= setTimeout(() => {
      this.#parts.client.destroy();
      this.#parts.server.destroy();
    }, endingMs).unref();
  };

  /** A client that is told in the middle of a message would take it for a part of that. */
  #sayWhyAtBoundary(): void {
    const { client, server } = this.#parts;
    if (this.#lastWord === undefined || !this.#boundaries.isAtBoundary || client.writableEnded) return;
    server.off('data', this.#fromServer);
    client.off('data', this.#fromClient).resume();
    client.end(errorResponse({ severity: 'FATAL', ...texts[this.#lastWord] }));
    server.destroy();
  }

  readonly #clientClosed = (): void => {
    const { server } = this.#parts;
    if (!server.readableEnded) {
      // A client that ended in order has been waited for; this one is gone while its backend may be at work.
      this.#end ??= 'client_lost';
      // Who had the last word has cancelled already.
      if (this.#lastWord === undefined && !this.isIdle) this.#parts.cancelBackend();
      server.destroy();
    }
    this.#closed();
  };

  readonly #serverClosed = (): void => {
    const { client, server } = this.#parts;
    if (!server.readableEnded && !client.destroyed && this.#lastWord === undefined) {
      this.#end ??= 'server_lost';
      // Half a message has no end that a client could make sense of.
      if (this.#boundaries.isAtBoundary) this.#endWith('server_lost');
      else client.destroy();
    }
    this.#closed();
  };

  #closed(): void {
    this.#open--;
    if (this.#open > 0) return;
    clearTimeout(this.#cutOff);
    this.#settled.resolve(this.#end ?? 'client');
  }
}
