/** The parts of OpenAPI 3.1 that describe this issuer: https://spec.openapis.org/oas/v3.1.1.html */

/** JSON Schema, draft 2020-12. */
export type Schema = Readonly<Record<string, unknown>>;

interface Reference {
  readonly $ref: string;
}

interface MediaType {
  readonly schema: Schema;
  readonly example?: unknown;
}

export type Content = Readonly<Record<string, MediaType>>;

export interface AnswerHeader {
  readonly description: string;
  readonly schema: Schema;
}

/** What a status means at an operation. */
export interface Answer {
  readonly description: string;
  readonly headers?: Readonly<Record<string, AnswerHeader>>;
  readonly content?: Content;
}

export type Answers = Readonly<Record<string, Answer | Reference>>;

export interface Parameter {
  readonly name: string;
  readonly in: 'path' | 'query' | 'header' | 'cookie';
  readonly description?: string;
  readonly required?: boolean;
  readonly schema: Schema;
}

export interface RequestBody {
  readonly required?: boolean;
  readonly content: Content;
}

export interface Operation {
  readonly operationId: string;
  readonly tags: readonly string[];
  readonly summary: string;
  readonly description?: string;
  /** One of these is needed; `{}` stands for none. */
  readonly security?: readonly Readonly<Record<string, readonly string[]>>[];
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: RequestBody;
  readonly responses: Answers;
}

export type Method = 'get' | 'post' | 'put' | 'delete';

/** The operations of one path. */
export type PathItem = Readonly<Partial<Record<Method, Operation>>> & {
  readonly parameters?: readonly Parameter[];
};

export type Paths = Readonly<Record<string, PathItem>>;
