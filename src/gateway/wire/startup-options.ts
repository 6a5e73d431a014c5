export interface StartupOptions {
  /** Settings that {@link rest} asks for: name in lower case, value as given. Of several values the last counts. */
  readonly settings: ReadonlyMap<string, string>;
  /** What may be forwarded: the options without CockroachDB's, the others with their meaning and in their order. */
  readonly rest: string;
  /** Whether the client asked for JWT authentication as CockroachDB words it. */
  readonly wantsCockroachErrors: boolean;
}

interface Setting {
  readonly name: string;
  readonly value: string;
}

/** One word of the options, or two where the argument stands apart. */
interface Switch {
  readonly words: readonly string[];
  /** The words that remain when the setting is taken out: flags may stand in front of it in one word. */
  readonly wordsWithoutSetting: readonly string[];
  readonly setting: Setting | undefined;
}

/** PostgreSQL refuses this name, so a client that is made for CockroachDB needs it taken out. */
const cockroachSetting = 'crdb:jwt_auth_enabled';

/**
 * Reads the startup parameter `options`: command-line switches of a server process, of which `-c name=value` and
 * `--name=value` are settings. What the server would refuse is not refused here; it stays in `rest`, and is refused.
 *
 * @param options as in the StartupMessage
 * @see PostgreSQL documentation, sections 20.1.4 (`options`) and 34.1.2 (its backslashes); the rules are those of
 *   pg_split_opts, of process_postgres_switches with getopt, and of ParseLongOption
 */
export function readStartupOptions(options: string): StartupOptions {
  const switches = switchesOf(wordsOf(options));
  const isCockroach = ({ setting }: Switch): boolean => setting?.name === cockroachSetting;
  const ofCockroach = switches.filter(isCockroach);
  const others = switches.filter((each) => !isCockroach(each));
  const rest = switches.flatMap((each) => (isCockroach(each) ? each.wordsWithoutSetting : each.words));
  return {
    settings: new Map(others.flatMap(({ setting }) => (setting ? [[setting.name, setting.value]] : []))),
    // Where nothing is taken out, not a byte is touched.
    rest: ofCockroach.length === 0 ? options : rest.map(escapeWord).join(' '),
    wantsCockroachErrors: isTrue(ofCockroach.at(-1)?.setting?.value ?? ''),
  };
}

// White space is what C's isspace says of ASCII; JavaScript's \s is more.
const word = /(?:\\[^]|[^\\ \t\n\v\f\r])+\\?|\\/g;
const toBeEscaped = /[\\ \t\n\v\f\r]/g;

/** As pg_split_opts does: white space parts the words, a backslash takes the next character as it is. */
function wordsOf(options: string): string[] {
  return (options.match(word) ?? []).map((each) => each.replace(/\\([^]?)/g, '$1'));
}

/** A lone backslash at the end of the options is how an empty word is written. */
function escapeWord(text: string): string {
  return text === '' ? '\\' : text.replace(toBeEscaped, '\\$&');
}

/** Flags without an argument, then one with, then its argument if it is in the same word: as getopt reads them. */
const cluster = /^-([^BCDNSWcdfhkprtv-]*)([BCDNSWcdfhkprtv-])([^]*)$/;

function switchesOf(words: readonly string[]): Switch[] {
  const switches: Switch[] = [];
  let index = 0;
  // Behind `--` there are no switches any more.
  while (index < words.length && words[index] !== '--') {
    const next = switchOf(words.slice(index, index + 2));
    switches.push(next);
    index += next.words.length;
  }
  const operands = words.slice(index);
  return [...switches, { words: operands, wordsWithoutSetting: operands, setting: undefined }];
}

/** @param words one word, and the next, which may be its argument */
function switchOf(words: readonly string[]): Switch {
  const [, flags = '', letter = '', attached = ''] = cluster.exec(words[0] ?? '') ?? [];
  const isApart = letter !== '' && attached === '';
  const argument = isApart ? words[1] : attached;
  const isSetting = letter === 'c' || letter === '-';
  return {
    words: isApart ? words : words.slice(0, 1),
    wordsWithoutSetting: flags === '' ? [] : [`-${flags}`],
    setting: isSetting ? settingOf(argument ?? '') : undefined,
  };
}

/** As ParseLongOption does: a `-` in a name stands for `_`, and the first `=` ends the name. */
function settingOf(argument: string): Setting | undefined {
  const equals = argument.indexOf('=');
  if (equals === -1) return undefined;
  const name = argument.slice(0, equals).replaceAll('-', '_').toLowerCase();
  return { name, value: argument.slice(equals + 1) };
}

/** As parse_bool does: `true` and `yes` may be cut short. */
function isTrue(value: string): boolean {
  return /^(?:t|tr|tru|true|y|ye|yes|on|1)$/i.test(value);
}
